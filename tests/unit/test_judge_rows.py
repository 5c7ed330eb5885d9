"""What a judged day names beside its slots: the baseline and the order of each."""

from detectors.registry import Baseline, Order
from tests.cases.fast import fast
from tests.cases.worlds import DAY0, at, baseline, flat, limit, registry, stop
from tests.oracles.rows import SlotRow


def slots_of(orders: list[Order], baselines: list[Baseline]) -> dict[int, SlotRow]:
    """Slots of one day at 500 kW, by their end."""
    found = fast(registry(*orders, baselines=baselines), flat(DAY0, at("24:00"), 500.0), at("24:00"))
    return {s.slot_end: s for s in found.slots}


def test_a_baseline_that_changes_within_the_day_is_named_slot_by_slot() -> None:
    noon = at("12:00")
    slots = slots_of(
        [limit()], [baseline(valid_to=noon), baseline(version="v2", valid_from=noon, valid_to=at("18:00"))]
    )
    assert [slots[at(clock)].baseline_version for clock in ("00:15", "12:00", "12:15", "18:00", "18:15")] == [
        "v1",
        "v1",
        "v2",
        "v2",
        None,
    ]


def test_the_order_that_takes_the_slot_is_named() -> None:
    slots = slots_of([limit("A", valid_to=at("12:00")), stop("B", at("06:00"))], [baseline()])
    assert [slots[at(clock)].order_id for clock in ("06:00", "06:15", "12:15")] == ["A", "B", "B"]
    assert [slots[at(clock)].cap_kw for clock in ("06:00", "06:15")] == [700.0, 70.0]


def test_without_order_and_baseline_nothing_is_named() -> None:
    slots = slots_of([], [])
    assert {(s.order_id, s.baseline_version, s.cap_kw) for s in slots.values()} == {(None, None, None)}
