"""Codes of the state: check characters of credit codes, classes of industries by edition."""

import pytest

from service.registry.cells import CellError
from service.registry.codes import USCC_CHARACTERS, industry, industry_doubt, industry_fault, uscc
from service.registry.gbt4754 import CLASSES, OTHER_MEANING, WHOLE

#: Codes of listed companies, as they publish them, and the example of GB 32100-2015.
PUBLISHED = ("91350100M000100Y43", "91110000600037341L", "914403001922038216", "91440300708461136T")


@pytest.mark.parametrize("code", PUBLISHED)
def test_published_codes_are_right_in_any_width_and_case(code: str) -> None:
    assert uscc(code) == code
    assert uscc(" " + "".join(chr(ord(c) + 0xFEE0) for c in code.lower()) + "\u3000") == code
    assert uscc(f"{code[:8]} {code[8:17]}-{code[17]}") == code


@pytest.mark.parametrize("code", PUBLISHED)
def test_every_single_wrong_character_is_found(code: str) -> None:
    for place in range(18):
        for other in USCC_CHARACTERS:
            if other != code[place]:
                with pytest.raises(CellError):
                    uscc(code[:place] + other + code[place + 1 :])


def test_a_wrong_check_character_is_told_with_the_right_one() -> None:
    with pytest.raises(CellError) as refused:
        uscc("91440300708461136A")
    assert "must be T" in refused.value.en
    assert "校验位应为T" in refused.value.zh


@pytest.mark.parametrize(
    "cell, code",
    [
        ("3011", "3011"),
        (3011, "3011"),
        ("Ｃ３０１１", "3011"),
        ("C3011 水泥制造", "3011"),
        ("水泥制造（3011）", "3011"),
        ("GB/T 4754-2017 3130", "3130"),
        ("C30", "30"),
        ("309", "309"),
    ],
)
def test_a_code_is_found_with_letter_and_name(cell: object, code: str) -> None:
    assert industry(cell) == code


@pytest.mark.parametrize("cell", ["水泥", "3011、3021", "30111", "3", "A"])
def test_what_holds_no_single_code_is_refused(cell: str) -> None:
    with pytest.raises(CellError):
        industry(cell)


@pytest.mark.parametrize(
    "code, edition, can_be",
    [
        ("2521", "2017", True),
        ("2521", "2011", False),
        ("2520", "2011", True),
        ("2520", "2017", False),
        ("3150", None, True),
        ("3150", "2017", False),
        ("3076", "2017", True),
        ("3076", "2011", False),
        ("3058", None, False),
        ("307", "2017", True),
        ("30", "2011", True),
        ("308", "2017", True),
        ("300", "2017", False),
        ("4411", "2017", True),  # of a division that is not held in full
        ("4499", "2011", True),
        ("9999", None, False),
        ("9701", "2017", True),
        ("9701", "2011", False),
        ("00", None, False),
    ],
)
def test_a_code_is_refused_only_where_its_edition_is_sure_not_to_have_it(
    code: str, edition: str | None, can_be: bool
) -> None:
    assert (industry_fault(code, edition) is None) == can_be


def test_a_refusal_names_the_edition() -> None:
    assert industry_fault("3150", "2017") == ("is no code of GB/T 4754-2017", "GB/T 4754-2017中无此代码")
    assert industry_fault("3058", None) == ("is no code of GB/T 4754-2011 or -2017", "GB/T 4754-2011、2017中无此代码")


def test_doubts() -> None:
    assert industry_doubt("3130", "2017") is None
    told = industry_doubt("3130", None)
    assert told is not None
    assert "黑色金属铸造" in told[0]
    assert "钢压延加工" in told[1]
    assert industry_doubt("301", "2017") is not None
    assert industry_doubt("3011", None) is not None


def test_the_codes_of_the_plan_are_held() -> None:
    """DOMAIN §3, edition 2017."""
    plan = (
        "3011 3391 3392 3031 3071 3072 3073 3074 3075 3076 3079 3089 3034 3061 3024 3091 2710 2631 2632 3110 3120 3130"
    )
    assert {*plan.split(), "3216", "2521", "3240"} <= CLASSES["2017"]
    for classes in CLASSES.values():
        assert {code[:2] for code in classes} == WHOLE
        assert all(len(code) == 4 and code.isdigit() for code in classes)
        assert set(OTHER_MEANING) <= classes
