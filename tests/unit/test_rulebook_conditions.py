"""Conditions in three values: what is known decides as far as it goes, and no further."""

from itertools import product

import pytest

from detectors.rulebook.conditions import (
    AllOf,
    AnyOf,
    Condition,
    Facts,
    HasAny,
    HasOnly,
    InIndustry,
    Known,
    Negation,
    asked,
    evaluate,
)

COAL = HasAny("fuel", frozenset({"coal"}))
CLEAN = HasOnly("fuel", frozenset({"gas", "electricity"}))
COLD = HasAny("process", frozenset({"cold"}))


def known(*values: str, is_complete: bool = True) -> Known:
    """The values of an attribute."""
    return Known(frozenset(values), is_complete)


def facts(**values: Known) -> Facts:
    """A brick plant with attributes."""
    return Facts("3031", "2017", values)


@pytest.mark.parametrize(
    "fuel, has_coal, is_clean",
    [
        (known("coal"), True, False),
        (known("gas"), False, True),
        (known("gas", "coal"), True, False),
        (known("gas", is_complete=False), None, None),
        (known("coal", is_complete=False), True, False),
        (known(is_complete=False), None, None),
    ],
)
def test_some_and_all_values(fuel: Known, has_coal: bool | None, is_clean: bool | None) -> None:
    assert evaluate(COAL, facts(fuel=fuel)).truth is has_coal
    assert evaluate(CLEAN, facts(fuel=fuel)).truth is is_clean


def truth(condition: Condition, left: bool | None, right: bool | None) -> bool | None:
    """A condition over two attributes that are true, false or not known."""
    names = {True: known("coal"), False: known("gas"), None: known(is_complete=False)}
    other = {True: known("cold"), False: known("hot"), None: known(is_complete=False)}
    return evaluate(condition, facts(fuel=names[left], process=other[right])).truth


@pytest.mark.parametrize("left, right", list(product([True, False, None], repeat=2)))
def test_all_any_and_not_are_those_of_every_completion(left: bool | None, right: bool | None) -> None:
    lefts = [True, False] if left is None else [left]
    rights = [True, False] if right is None else [right]
    for condition, of in (
        (AllOf((COAL, COLD)), lambda a, b: a and b),
        (AnyOf((COAL, COLD)), lambda a, b: a or b),
        (Negation(AllOf((COAL, COLD))), lambda a, b: not (a and b)),
    ):
        outcomes = {of(a, b) for a in lefts for b in rights}
        assert truth(condition, left, right) is (outcomes.pop() if len(outcomes) == 1 else None)


def test_only_what_would_decide_is_missing() -> None:
    assert evaluate(AllOf((COAL, COLD)), facts()).missing == {"fuel", "process"}
    assert evaluate(AllOf((COAL, COLD)), facts(fuel=known("coal"))).missing == {"process"}
    assert evaluate(AllOf((COAL, COLD)), facts(fuel=known("gas"))).missing == set()
    assert evaluate(AnyOf((COAL, COLD)), facts(fuel=known("gas"))).missing == {"process"}


@pytest.mark.parametrize(
    "code, edition, expected, missing",
    [
        ("3130", "2011", True, set()),
        ("3130", "2017", False, set()),
        ("3130", None, None, {"industry_edition"}),
        ("3011", None, True, set()),
        ("3012", None, False, set()),
        ("301", "2017", None, {"industry"}),
        ("30", None, None, {"industry"}),
        ("31", "2017", False, set()),
        (None, "2017", None, {"industry"}),
    ],
)
def test_a_code_is_known_with_its_edition(
    code: str | None, edition: str | None, expected: bool | None, missing: set[str]
) -> None:
    condition = InIndustry(frozenset({("2011", "3130"), ("2011", "3011"), ("2017", "3011")}))
    answer = evaluate(condition, Facts(code, edition))
    assert answer.truth is expected
    assert answer.missing == missing


def test_what_a_condition_asks_for() -> None:
    condition = AnyOf((Negation(COAL), AllOf((COLD, InIndustry(frozenset({("2017", "3011")}))))))
    assert set(asked(condition)) == {"fuel", "process", "industry", "industry_edition"}
