"""Codes of the state: the unified social credit code (GB 32100-2015) and industries (GB/T 4754, by edition)."""

import re
import unicodedata

from service.registry import cells
from service.registry.cells import CellError
from service.registry.gbt4754 import CLASSES, DIVISIONS, OTHER_MEANING, WHOLE

#: Characters of a unified social credit code in the order of their values; I, O, S, V, Z are left out.
USCC_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_LENGTH = 18
_WEIGHTS: tuple[int, ...] = tuple(pow(3, place, 31) for place in range(_USCC_LENGTH - 1))
_INDUSTRY = re.compile(r"(?<![0-9A-Za-z])[A-Ta-t]?(\d+)(?!\d)")


def uscc(cell: object) -> str:
    """A unified social credit code, in capitals; spaces inside are dropped. Raises CellError."""
    raw = unicodedata.normalize("NFKC", cells.identity(cell))
    code = re.sub(r"[\s\-]+", "", raw).upper()
    if len(code) != _USCC_LENGTH:
        kind, kind_zh = (
            ("; 15 digits are an old business licence", "；15位为旧工商注册号") if len(code) == 15 else ("", "")
        )
        raise CellError(
            f"a unified social credit code has 18 characters, this has {len(code)}{kind}",
            f"统一社会信用代码应为18位，此处{len(code)}位{kind_zh}",
        )
    wrong = "".join(dict.fromkeys(c for c in code if c not in USCC_CHARACTERS))
    if wrong:
        raise CellError(
            f"a unified social credit code has no {', '.join(wrong)}", f"统一社会信用代码不含字符{'、'.join(wrong)}"
        )
    if not code[2:8].isdigit():
        raise CellError(
            "characters 3 to 8 of a unified social credit code are digits", "统一社会信用代码第3至8位应为数字"
        )
    expected = check_character(code)
    if code[-1] != expected:
        raise CellError(
            f"the last character must be {expected} (GB 32100-2015): is a character wrong?",
            f"校验位应为{expected}（GB 32100-2015），请核对是否有误",
        )
    return code


def check_character(code: str) -> str:
    """The 18th character that the first 17 of a unified social credit code ask for (GB 32100-2015, 5.6)."""
    total = sum(USCC_CHARACTERS.index(c) * weight for c, weight in zip(code[:17], _WEIGHTS, strict=True))
    return USCC_CHARACTERS[(31 - total % 31) % 31]


def industry(cell: object) -> str:
    """The GB/T 4754 code in a cell: ``3011``, ``C3011``, ``C3011 水泥制造``, ``水泥制造（3011）``. Two to four digits.

    Raises CellError where there is none, or more than one.
    """
    raw = re.sub(r"GB/?T\s*4754(-\d{4})?", "", unicodedata.normalize("NFKC", cells.text(cell)))
    found: list[str] = list(dict.fromkeys(_INDUSTRY.findall(raw)))
    if len(found) != 1 or not 2 <= len(found[0]) <= 4:
        raise CellError("holds no GB/T 4754 code of 2 to 4 digits, like 3011", "未含行业代码，应为2至4位数字，如3011")
    return found[0]


def industry_fault(code: str, edition: str | None) -> tuple[str, str] | None:
    """Why an industry code cannot be, in English and Chinese; None: it can. edition: ``2011``, ``2017`` or unknown.

    Groups (3 digits) and divisions (2) are codes too. Where not every class of a division is held, none is refused.
    """
    editions = [edition] if edition else sorted(CLASSES)
    if any(_exists(code, known) for known in editions):
        return None
    return f"is no code of GB/T 4754-{' or -'.join(editions)}", f"GB/T 4754-{'、'.join(editions)}中无此代码"


def industry_doubt(code: str, edition: str | None) -> tuple[str, str] | None:
    """What is to be known of a code that can be, in English and Chinese: an edition that is missed, or no class."""
    if len(code) < 4:
        return "names no class (4 digits): plans select by classes", "不是小类代码（4位），方案按小类选取企业"
    if edition is None and code in OTHER_MEANING:
        older, newer = OTHER_MEANING[code]
        return (
            f"is {older} in GB/T 4754-2011 and {newer} in 2017: give the edition",
            f"在GB/T 4754-2011中为{older}，在2017中为{newer}，请填行业标准",
        )
    if edition is None:
        return "the edition of GB/T 4754 is not given: plans select by code and edition", "未填行业标准（2011或2017）"
    return None


def _exists(code: str, edition: str) -> bool:
    if code[:2] not in DIVISIONS[edition]:
        return False
    return code[:2] not in WHOLE or any(known.startswith(code) for known in CLASSES[edition])
