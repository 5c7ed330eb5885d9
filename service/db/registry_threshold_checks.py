"""What thresholds must be: of a kind that there is, within its bounds, and no n above its m at any time.

Pure: nothing here asks the database. References and overlaps are checked with those of the other tables.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from detectors.registry import Registry, Threshold
from detectors.thresholds import AT_MOST, KINDS, kind_of

#: Says what is wrong at a row: table, index of the row, column, value, reason in English, in Chinese.
Tell = Callable[[str, int, str | None, object, str, str], None]
Merged = Mapping[str, Mapping[tuple[Any, ...], Any]]


def check_thresholds(new: Registry, merged: Merged, refuse: Tell) -> None:
    """merged: rows by key of every table, new ones over stored ones."""
    good: dict[int, int] = {}
    for index, row in enumerate(new.thresholds):
        if _is_of_a_kind(row, index, refuse) and _is_within(row, index, refuse):
            good[id(row)] = index
    if good:
        _pairs(list(merged["thresholds"].values()), good, refuse)


def _is_of_a_kind(row: Threshold, index: int, refuse: Tell) -> bool:
    kind = kind_of(row.rule, row.name)
    if kind is None:
        names = [k.name for k in KINDS if k.rule == row.rule]
        if names:
            told = ", ".join(names)
            refuse(
                "thresholds",
                index,
                "name",
                row.name,
                f"is no threshold of {row.rule}: {told}",
                f"该规则的阈值有：{told}",
            )
        else:
            told = ", ".join(dict.fromkeys(k.rule for k in KINDS))
            refuse("thresholds", index, "rule", row.rule, f"must be one of: {told}", f"应为以下之一：{told}")
        return False
    if row.scope_id is not None and not kind.per_scope:
        en = f"{row.rule}.{row.name} tells of meters or sources: it is set for all, leave scope_id empty"
        refuse(
            "thresholds", index, "scope_id", row.scope_id, en, "该阈值针对计量点或数据源，只能统一设定，监测范围请留空"
        )
        return False
    return True


def _is_within(row: Threshold, index: int, refuse: Tell) -> bool:
    kind = kind_of(row.rule, row.name)
    if kind is None or kind.low <= row.value <= kind.high:
        return kind is not None
    bounds = f"{kind.low:g} … {kind.high:g} {kind.unit}"
    refuse(
        "thresholds",
        index,
        "value",
        row.value,
        f"is out of bounds: {row.rule}.{row.name} is {bounds}",
        f"超出范围：{kind.zh}应为{kind.low:g}至{kind.high:g}",
    )
    return False


def _pairs(rows: list[Threshold], good: Mapping[int, int], refuse: Tell) -> None:
    """Values that may not be above another: at every time at which one of them begins, for every scope."""
    of_kind: dict[tuple[str, str], list[Threshold]] = defaultdict(list)
    for row in rows:
        of_kind[row.rule, row.name].append(row)
    for lower, higher in AT_MOST:
        asked = [*of_kind[lower], *of_kind[higher]]
        told: set[int] = set()
        for scope_id in dict.fromkeys(row.scope_id for row in asked):
            mine = [row for row in asked if row.scope_id in (None, scope_id)]
            for at_s in sorted({row.valid_from for row in mine}):
                one, other = _holding(of_kind[lower], scope_id, at_s), _holding(of_kind[higher], scope_id, at_s)
                values = [_value(row, kind) for row, kind in ((one, lower), (other, higher))]
                if values[0] <= values[1]:
                    continue
                blamed = next((r for r in (one, other) if r is not None and id(r) in good and id(r) not in told), None)
                if blamed is not None:
                    told.add(id(blamed))
                    _tell_pair(blamed, good[id(blamed)], lower, higher, values, refuse)


def _tell_pair(
    row: Threshold, index: int, lower: tuple[str, str], higher: tuple[str, str], values: list[float], refuse: Tell
) -> None:
    en = f"{lower[1]} {values[0]:g} would be above {higher[1]} {values[1]:g} of {row.rule}"
    kinds = [kind_of(*kind) for kind in (lower, higher)]
    names = [kind.zh for kind in kinds if kind is not None]
    refuse(
        "thresholds", index, "value", row.value, en, f"{names[0]}（{values[0]:g}）不应大于{names[1]}（{values[1]:g}）"
    )


def _holding(rows: list[Threshold], scope_id: str | None, at_s: int) -> Threshold | None:
    """The row that holds for a scope at an instant: its own, else that for all."""
    holding = [r for r in rows if r.valid_from <= at_s < r.valid_to]
    own = next((r for r in holding if r.scope_id == scope_id), None)
    return own or next((r for r in holding if r.scope_id is None), None)


def _value(row: Threshold | None, kind: tuple[str, str]) -> float:
    found = kind_of(*kind)
    return row.value if row is not None else found.default if found is not None else 0.0
