"""One cell of an office file -> one typed value, or a reason why not. Empty is None: unknown, never 0."""

import math
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from detectors.errors import InputError
from detectors.registry import ALWAYS, FOREVER

_STRAY = " \t\r\n\u00a0\u3000\ufeff\u200b\u200c\u200d\u2060"
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_FULL_WIDTH_ALNUM = {full: half for full, half in _FULL_WIDTH.items() if chr(half).isalnum()}
_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)?(\.\d*)?([eE][+-]?\d+)?")
_SHORTENED_ID = re.compile(r"\d(\.\d+)?[eE]\+\d+")
_DATE = r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
_CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.0+)?)?"
_MOMENT = re.compile(rf"{_DATE}(?:[\sTt]*{_CLOCK}\s*([Zz]|[+-]\d{{2}}:?\d{{2}})?)?")
_EXCEL_FAULTS = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"}
#: More digits than this are lost when a spreadsheet holds an id as a number.
SAFE_DIGITS = 15
_OPEN_END_YEAR = 9000


class CellError(InputError):
    """A cell that cannot be read: the reason in English and in Chinese."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh


def is_empty(cell: object) -> bool:
    """Nothing but stray spaces."""
    return cell is None or (isinstance(cell, str) and not cell.strip(_STRAY))


def shown(cell: object) -> str:
    """A cell as an error message shows it, at most 60 characters."""
    text = cell.isoformat(" ") if isinstance(cell, datetime) else str(cell)
    return text if len(text) <= 60 else text[:59] + "…"


def text(cell: object) -> str:
    """Free text; full-width digits and letters become plain ones, everything else stays as written."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    value = str(cell).translate(_FULL_WIDTH_ALNUM).strip(_STRAY)
    if value in _EXCEL_FAULTS:
        raise CellError("a spreadsheet error, not a value", "单元格公式出错")
    if any(ord(c) < 32 and c not in "\t\r\n" for c in value) or any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise CellError("holds characters that cannot be stored", "含有无法保存的字符")
    return value


def identity(cell: object) -> str:
    """An id, as text. A number that a spreadsheet may have rounded is refused."""
    if isinstance(cell, (bool, date, time, timedelta)):
        raise CellError("an id must be text: format the cell as text", "编号须为文本，请将单元格格式设为文本后重填")
    if isinstance(cell, (int, float)):
        if isinstance(cell, float) and not cell.is_integer():
            raise CellError("an id must be text, this is a fraction", "编号须为文本，此处为小数")
        digits = str(int(cell))
        if len(digits.lstrip("-")) > SAFE_DIGITS:
            raise CellError(
                f"stored as a number with more than {SAFE_DIGITS} digits: digits are lost; enter it as text",
                f"以数值保存且超过{SAFE_DIGITS}位，末位数字已丢失，请以文本格式重新填写",
            )
        return digits
    value = text(cell)
    if _SHORTENED_ID.fullmatch(value):
        raise CellError(
            "a spreadsheet has shortened this id: digits are lost; enter it as text",
            "编号被表格软件改为科学计数，数字已丢失，请以文本格式重新填写",
        )
    if any(ord(c) < 32 for c in value):
        raise CellError("an id must be one line", "编号中含换行或制表符")
    return value


def number(cell: object) -> float:
    """A finite number; full-width digits and thousands commas are understood."""
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        value = float(cell)
    else:
        raw = str(cell).translate(_FULL_WIDTH).strip(_STRAY).replace(" ", "")
        if not _NUMBER.fullmatch(raw) or not any(c.isdigit() for c in raw.lower().split("e")[0]):
            raise CellError("not a number", "不是数字")
        value = float(raw.replace(",", ""))
    if not math.isfinite(value):
        raise CellError("not a finite number", "不是有限数值")
    return value


def share(cell: object) -> float:
    """A share 0..1; ``30%`` written with its sign is 0.30."""
    if isinstance(cell, str):
        raw = cell.translate(_FULL_WIDTH).strip(_STRAY)
        if raw.endswith("%"):
            value = number(raw[:-1]) / 100
            if not 0 <= value <= 1:
                raise CellError("a share is 0..1 (0 % to 100 %)", "应为0至1之间（0%至100%）")
            return value
    value = number(cell)
    if 1 < value <= 100:
        raise CellError(
            f"reduction is 0..1; did you mean {value / 100:.2f}?", f"限产比例应在0至1之间，是否应为{value / 100:.2f}？"
        )
    if not 0 <= value <= 1:
        raise CellError("reduction is 0..1", "限产比例应在0至1之间")
    return value


def integer(cell: object) -> int:
    """A whole number."""
    value = number(cell)
    if not value.is_integer() or abs(value) > 2**31 - 1:
        raise CellError("not a whole number", "不是整数")
    return int(value)


def day(cell: object) -> date:
    """A local date."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    match = _MOMENT.fullmatch(_plain(cell))
    if match is None or (match[4] is not None and (int(match[4]), int(match[5]), int(match[6] or 0)) != (0, 0, 0)):
        raise CellError("not a date: YYYY-MM-DD", "不是日期，应为YYYY-MM-DD")
    return _date(match)


def clock_s(cell: object) -> int:
    """A time of day as seconds of the local day; ``24:00`` is 86400."""
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
    elif isinstance(cell, datetime) and cell.year <= 1900:  # a spreadsheet's 24:00
        seconds = 86400 + cell.hour * 3600 + cell.minute * 60 + cell.second
    elif isinstance(cell, time):
        seconds = cell.hour * 3600 + cell.minute * 60 + cell.second
    elif isinstance(cell, (int, float)) and not isinstance(cell, bool):
        if not 0 <= cell <= 1:
            raise CellError("not a time of day: HH:MM", "不是时刻，应为HH:MM")
        seconds = round(cell * 86400)
    else:
        match = re.fullmatch(_CLOCK, _plain(cell))
        if match is None or int(match[2]) > 59 or int(match[3] or 0) > 59:
            raise CellError("not a time of day: HH:MM", "不是时刻，应为HH:MM")
        seconds = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)
    if not 0 <= seconds <= 86400:
        raise CellError("not a time of day: HH:MM", "不是时刻，应为HH:MM")
    return seconds


def moment_s(cell: object, zone: ZoneInfo) -> int:
    """An instant in epoch seconds UTC: RFC 3339 with offset, or local time of ``zone``. Year 9000 and later is an open
    end, anything before 1970 an open beginning."""
    if isinstance(cell, datetime):
        if cell.microsecond:
            cell = (cell + timedelta(microseconds=500_000)).replace(microsecond=0)
        if cell.tzinfo is None:
            cell = _localised(cell, zone)
        return _bounded(cell)
    if isinstance(cell, date):
        return _bounded(_localised(datetime(cell.year, cell.month, cell.day), zone))  # noqa: DTZ001 - localised here
    if not isinstance(cell, str):
        raise CellError(
            "not a time: YYYY-MM-DD HH:MM, or RFC 3339 with offset",
            "不是时间，应为YYYY-MM-DD HH:MM（或带时区的RFC 3339）",
        )
    return _parsed_moment_s(_plain(cell), zone)


@lru_cache(maxsize=4096)
def _parsed_moment_s(raw: str, zone: ZoneInfo) -> int:
    match = _MOMENT.fullmatch(raw)
    if match is None:
        raise CellError(
            "not a time: YYYY-MM-DD HH:MM, or RFC 3339 with offset",
            "不是时间，应为YYYY-MM-DD HH:MM（或带时区的RFC 3339）",
        )
    midnight = _date(match)
    hour, minute, second = int(match[4] or 0), int(match[5] or 0), int(match[6] or 0)
    if minute > 59 or second > 59 or hour > 24 or (hour == 24 and (minute or second)):
        raise CellError("no such time of day", "时刻不存在")
    wall = datetime(midnight.year, midnight.month, midnight.day)  # noqa: DTZ001 - localised below
    if midnight.year >= _OPEN_END_YEAR:
        return FOREVER
    if hour == 24:
        wall += timedelta(days=1)
    else:
        wall = wall.replace(hour=hour, minute=minute, second=second)
    return _bounded(wall.replace(tzinfo=_offset(match[7])) if match[7] else _localised(wall, zone))


def _plain(cell: object) -> str:
    return str(cell).translate(_FULL_WIDTH).strip(_STRAY)


def _date(match: re.Match[str]) -> date:
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise CellError("no such date", "日期不存在") from None


def _offset(raw: str) -> timezone:
    if raw in "Zz":
        return UTC
    hours, minutes = int(raw[1:3]), int(raw[-2:])
    if hours > 14 or minutes > 59:
        raise CellError("no such offset", "时区偏移不存在")
    return timezone((1 if raw[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))


def _localised(wall: datetime, zone: ZoneInfo) -> datetime:
    """Local time of the zone: the first where an hour is doubled; refused where the clock skips it."""
    local = wall.replace(tzinfo=zone)
    if 1970 < wall.year < _OPEN_END_YEAR and local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        raise CellError("the clocks skip this local time: write it with its offset", "该本地时间不存在，请带时区填写")
    return local


def _bounded(instant: datetime) -> int:
    if instant.year >= _OPEN_END_YEAR:
        return FOREVER
    if instant.year < 1970:
        return ALWAYS
    return max(ALWAYS, int(instant.timestamp()))
