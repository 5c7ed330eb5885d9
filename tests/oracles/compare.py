"""What two judgements of the same input disagree on, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from detectors.vocab import Reason, Verdict
from tests.oracles.rows import AlertRow, DayRow, Judgement, SlotRow

#: Half of the third decimal: files hold three (§6.33).
TOLERANCE = 6e-4
#: A reason that decides where the verdict is known; of unknown slots any common cause will do.
DECIDING = frozenset({Reason.WITHIN_TOLERANCE, Reason.DAY_CAP_USED, Reason.PARTIAL_SLOT, Reason.LOW_CONFIDENCE})


def _equal(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, (int, float)):
        return abs(one - other) <= TOLERANCE * max(1.0, abs(one) * 1e-6)
    return one == other


def _agree_on_reasons(one: SlotRow, other: SlotRow) -> bool:
    if one.verdict == Verdict.UNKNOWN and other.verdict == Verdict.UNKNOWN:
        return bool(one.reasons & other.reasons)
    return one.reasons & DECIDING == other.reasons & DECIDING


def _rows(what: str, one: Mapping[object, Any], other: Mapping[object, Any], names: Iterable[str]) -> list[str]:
    found = [f"{what} {key}: only in the first: {one[key]}" for key in one if key not in other]
    found += [f"{what} {key}: only in the second: {other[key]}" for key in other if key not in one]
    for key in one:
        if key in other:
            for name in names:
                left, right = getattr(one[key], name), getattr(other[key], name)
                if not _equal(left, right):
                    found.append(f"{what} {key} {name}: {left!r} != {right!r}")
    return found


def differences(one: Judgement, other: Judgement) -> list[str]:
    """Every row and field that differs; numbers to three decimals.

    Reasons: equal where they decide, one common cause where a slot is unknown. Reasons of days and the baseline
    shown at a slot are not compared.
    """
    slots: dict[object, SlotRow] = {(r.scope_id, r.slot_end): r for r in one.slots}
    twins: dict[object, SlotRow] = {(r.scope_id, r.slot_end): r for r in other.slots}
    found = _rows("slot", slots, twins, ("verdict", "load_kw", "coverage", "cap_kw", "order_id"))
    for key, row in slots.items():
        twin = twins.get(key)
        if twin is not None and row.verdict == twin.verdict and not _agree_on_reasons(row, twin):
            found.append(f"slot {key} reasons: {set(row.reasons)} != {set(twin.reasons)}")
    day_names = [f.name for f in fields(DayRow) if f.name != "reasons"]
    found += _rows(
        "day",
        {(r.scope_id, r.day): r for r in one.days},
        {(r.scope_id, r.day): r for r in other.days},
        day_names,
    )
    alert_names = [f.name for f in fields(AlertRow)]
    found += _rows(
        "alert",
        {(r.scope_id, r.rule, r.order_id, r.first_slot_end): r for r in one.alerts},
        {(r.scope_id, r.rule, r.order_id, r.first_slot_end): r for r in other.alerts},
        alert_names,
    )
    return found
