"""Cells of a readings file as typed values, a column at a time; what is wrong with a cell is a code of FEED §4."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from consumers.file_tables import Column, Instants, Numbers, Words
from consumers.timestamps import TimeFault, parse_ms
from consumers.wire import MAX_METER_ID, QUALITIES
from detectors.quality import Fault
from detectors.readings import I8, Bool, is_narrow, looked_up

NO_FAULT = int(Fault.ACCEPTED)

_LOCAL = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf(inity)?)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A column after parsing; ``values`` holds something harmless where a cell is empty or faulty."""

    values: npt.NDArray[Any]
    is_empty: Bool
    code: I8  # Fault

    @staticmethod
    def absent(n: int, dtype: npt.DTypeLike, stand_in: float = 0) -> "Parsed":
        """A column that the file does not have."""
        return Parsed(
            *(np.broadcast_to(np.array(v, t), n) for v, t in ((stand_in, dtype), (True, np.bool_), (0, np.int8)))
        )

    def or_else(self, own: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The values, and where a cell is empty, its row's own."""
        if is_narrow(self.is_empty):
            return own if self.is_empty[0] else self.values
        return np.where(self.is_empty, own, self.values)

    def blamed(self, where: Bool, fault: Fault) -> "Parsed":
        """The column with a fault at the cells that had none so far."""
        if not where.any():
            return self
        return replace(self, code=np.where(where & (self.code == NO_FAULT), np.int8(fault), self.code))


def is_empty(cell: object) -> bool:
    """Nothing stands there."""
    return cell is None or cell == ""


def _by_word(column: Words, dtype: npt.DTypeLike, stand_in: float, read: Callable[[object], float | Fault]) -> Parsed:
    """Parse each word once. ``read`` returns the value, or the fault."""
    count = len(column.words)
    values = np.full(count, stand_in, dtype)
    empty, codes = np.zeros(count, np.bool_), np.zeros(count, np.int8)
    for i, cell in enumerate(column.words):
        if is_empty(cell):
            empty[i] = True
            continue
        found = read(cell)
        if isinstance(found, Fault):
            codes[i] = found
        else:
            values[i] = found
    is_good = count > 0 and not empty.any() and not codes.any()
    rows = np.broadcast_to(np.int32(0), len(column.codes)) if is_good else column.codes
    return Parsed(values[column.codes], looked_up(empty, rows), looked_up(codes, rows))


def meters(column: Column | None, n: int, rows: Mapping[str, int]) -> Parsed:
    """Row of each meter, -1 = not in the registry; an empty id is `missing_field`."""

    def read(cell: object) -> float | Fault:
        if not isinstance(cell, str) or not 0 < len(cell) <= MAX_METER_ID or not cell.isprintable():
            return Fault.BAD_TYPE
        return rows.get(cell, -1)

    if isinstance(column, Words):
        found = _by_word(column, np.int64, -1, read)
        return found.blamed(found.is_empty, Fault.MISSING_FIELD)
    # An id that was stored as a number has lost its digits.
    return replace(Parsed.absent(n, np.int64, -1), code=np.broadcast_to(np.int8(Fault.BAD_TYPE), n))


def named(column: Column | None, n: int, names: Mapping[str, int], fault: Fault, what: str) -> Parsed:
    """Number of each name; another name is ``fault``."""

    def read(cell: object) -> float | Fault:
        return names.get(cell, fault) if isinstance(cell, str) else Fault.BAD_TYPE

    if column is None:
        return Parsed.absent(n, np.int8)
    return _by_word(_as_words(column, what), np.int8, 0, read)


def letters(column: Column | None, n: int) -> Parsed:
    """Quality of each letter."""
    return named(column, n, QUALITIES, Fault.BAD_TYPE, "q")


def _as_words(column: Column, what: str) -> Words:
    """A column of names that came as numbers or times: every cell is of the wrong type, unless it is empty."""
    if isinstance(column, Words):
        return column
    return Words(np.where(column.is_empty, 1, 0).astype(np.int32), [(what,), None])


def numbers(column: Column | None, n: int, *, is_typed: bool) -> Parsed:
    """Finite numbers, NaN where empty."""
    nan = float("nan")

    def read(cell: object) -> float | Fault:
        return _number(cell, is_typed=is_typed)

    if column is None:
        return Parsed.absent(n, np.float64, nan)
    if isinstance(column, Numbers):
        parsed = Parsed(column.values, column.is_empty, np.broadcast_to(np.int8(NO_FAULT), n))
        return parsed.blamed(~column.is_empty & ~np.isfinite(column.values), Fault.BAD_NUMBER)
    return _by_word(_as_words(column, "value"), np.float64, nan, read)


def wholes(column: Column | None, n: int, low: int, high: int, *, is_typed: bool) -> Parsed:
    """Whole numbers from ``low`` to ``high``, 0 where empty."""

    def read(cell: object) -> float | Fault:
        number = _number(cell, is_typed=is_typed)
        is_good = not isinstance(number, Fault) and number.is_integer() and low <= number <= high
        return number if is_good or isinstance(number, Fault) else Fault.BAD_NUMBER

    if column is None:
        return Parsed.absent(n, np.int64)
    if isinstance(column, Numbers):
        with np.errstate(invalid="ignore"):
            good = (column.values >= low) & (column.values <= high) & (column.values == np.floor(column.values))
        values = np.where(good, column.values, 0).astype(np.int64)
        codes = np.where(column.is_empty | good, NO_FAULT, Fault.BAD_NUMBER).astype(np.int8)
        return Parsed(values, column.is_empty, codes)
    return _by_word(_as_words(column, "number"), np.int64, 0, read)


def _number(cell: object, *, is_typed: bool) -> float | Fault:
    if isinstance(cell, str) and not is_typed:
        if not _NUMBER.fullmatch(cell.strip()):
            return Fault.BAD_NUMBER if _NOT_FINITE.fullmatch(cell.strip()) else Fault.BAD_TYPE
        cell = float(cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        # JSON's NaN, Infinity and numbers beyond a float come as an object of their own.
        return (
            Fault.BAD_TYPE if cell is None or isinstance(cell, str | bool | list | dict | tuple) else Fault.BAD_NUMBER
        )
    return float(cell) if abs(cell) < float("inf") else Fault.BAD_NUMBER


def instants(column: Column | None, n: int, zone: ZoneInfo) -> Parsed:
    """Epoch milliseconds, 0 where empty. RFC 3339 with offset, or ``YYYY-MM-DD HH:MM[:SS]`` in the zone."""

    def read(cell: object) -> float | Fault:
        return moment_ms(cell, zone)

    if column is None:
        return Parsed.absent(n, np.int64)
    if isinstance(column, Instants):
        return Parsed(column.ms, column.is_empty, np.broadcast_to(np.int8(NO_FAULT), n))
    return _by_word(_as_words(column, "ts"), np.int64, 0, read)


def moment_ms(cell: object, zone: ZoneInfo) -> int | Fault:
    """One time of a file as epoch milliseconds. A local time that the clock skips is `bad_ts`; of a doubled one, the
    first is meant."""
    if not isinstance(cell, str):
        return Fault.BAD_TYPE
    if _LOCAL.fullmatch(cell):
        try:
            wall = datetime.fromisoformat(cell).replace(tzinfo=zone)
            epoch_s = wall.timestamp()
            exists = datetime.fromtimestamp(epoch_s, zone).replace(tzinfo=None) == wall.replace(tzinfo=None)
        except (ValueError, OverflowError):
            return Fault.BAD_TS
        return int(epoch_s) * 1000 if exists else Fault.BAD_TS
    ms = parse_ms(cell)
    if ms == TimeFault.NAIVE:
        return Fault.NAIVE_TS
    return Fault.BAD_TS if ms == TimeFault.BAD else ms


def number_text(cell: object, *, is_typed: bool) -> str:
    """A cell that should be a number as JSON: a number where it is one, `NaN` where it is none that is finite, else
    the text that stands there."""
    found = _number(cell, is_typed=is_typed)
    if found == Fault.BAD_NUMBER and isinstance(found, Fault):
        return "NaN"
    if isinstance(found, Fault):
        return json.dumps(cell, ensure_ascii=False, default=str)
    return str(int(found)) if found.is_integer() and abs(found) < 1e15 else repr(found)
