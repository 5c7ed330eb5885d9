"""Readings in any order, sent twice or at other widths mean the same; what is unknown moves no load alert."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from detectors.registry import Line, Meter, Order
from detectors.vocab import CloseReason, Control, Kind, Rule, Verdict
from tests.cases.fast import fast
from tests.cases.worlds import DAY0, at, cap, limit, reading, registry, stop
from tests.oracles.compare import differences
from tests.oracles.rows import AlertRow, Judgement, Reading, World
from tests.oracles.strategies import worlds

LAW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # worlds are large: shrinking one takes longer than a test may
    suppress_health_check=list(HealthCheck),
)
SLOT_RULES = (Rule.STOP_RUN, Rule.LIMIT_SLOT, Rule.CAP_ABS, Rule.UNITS_OVER)
#: §5.25: closing takes this long.
BELOW_S = 1800
BLOCK_S = 900
#: Less the delay of the source: the end of a slot at every width.
AS_OF = at("24:00") + 3600 + 300


def judged(world: World, readings: Sequence[Reading] | None = None) -> Judgement:
    return fast(world.registry, world.readings if readings is None else readings, world.as_of, world.slot_s)


@LAW
@given(worlds(), st.integers(0, 99))
def test_order_and_duplicates_change_nothing(world: World, seed: int) -> None:
    again = [*world.readings, *world.readings[seed % 3 :: 3]]
    random.Random(seed).shuffle(again)
    assert differences(judged(world), judged(world, again)) == []


@LAW
@given(worlds())
def test_unknown_never_opens_extends_or_closes_a_load_alert(world: World) -> None:
    found = judged(world)
    slots = {(s.scope_id, s.slot_end): s for s in found.slots}
    for alert in (a for a in found.alerts if a.rule in SLOT_RULES):
        for end in (alert.first_slot_end, alert.opened_at_slot_end, alert.last_slot_end):
            slot = slots[alert.scope_id, end]
            assert (slot.verdict, slot.order_id) == (Verdict.VIOLATING, alert.order_id)
        if alert.close_reason in (CloseReason.BELOW_CAP, CloseReason.COMPLIANT):
            assert alert.closed_slot_end is not None
            for end in range(alert.closed_slot_end - BELOW_S + world.slot_s, alert.closed_slot_end + 1, world.slot_s):
                slot = slots[alert.scope_id, end]
                assert slot.verdict != Verdict.UNKNOWN
                assert slot.verdict != Verdict.VIOLATING or slot.order_id != alert.order_id  # a stricter one took it


def in_minutes(alert: AlertRow, slot_s: int) -> tuple[Any, ...]:
    """What an alert says of time, whatever the width of its slots.

    The start of what lasts to the next event, and the end of what ends with one: `offline` closes at its first good
    slot, `hours_over` begins where it completes its 4 h.
    """
    begin = alert.opened_at_slot_end if alert.rule == Rule.HOURS_OVER else alert.first_slot_end - slot_s
    closed = alert.closed_slot_end
    if closed is not None and alert.close_reason == CloseReason.COVERAGE:
        closed -= slot_s
    times = (begin, alert.opened_at_slot_end, alert.last_slot_end, closed)
    return (alert.rule, alert.order_id, alert.condition, alert.close_reason, *times)


BY_LINES = Order("U", "P", Control.UNITS, DAY0, units_allowed=0)


@pytest.mark.parametrize(
    "order", [stop(), limit(), cap(400.0), stop(ramp_down_h=1.0), BY_LINES], ids=lambda o: str(o.control)
)
@LAW
@given(
    runs=st.lists(
        st.tuples(st.sampled_from([24, 60, 384, 408, 708, 744, 900, None]), st.sampled_from([1, 1, 2, 3, 9])),
        max_size=40,
    )
)
def test_slots_of_any_width_mean_the_same_minutes(order: Order, runs: list[tuple[int | None, int]]) -> None:
    levels = [kw for kw, count in runs for _ in range(count)][:96]
    readings = [
        reading(DAY0 + (i + 1) * BLOCK_S, kw * BLOCK_S / 3600, kind=Kind.ENERGY_INT)
        for i, kw in enumerate(levels)
        if kw is not None
    ]
    told = {}
    for slot_s in (60, 300, 900):
        one_line = (Line("L", "P", "line", unit_kw=800.3),)
        found = fast(registry(order, meters=(Meter("m", "P", line_id="L"),), lines=one_line), readings, AS_OF, slot_s)
        rules = (*SLOT_RULES, Rule.HOURS_OVER, Rule.OFFLINE)
        told[slot_s] = sorted(in_minutes(a, slot_s) for a in found.alerts if a.rule in rules)
    assert told[60] == told[900]
    assert told[300] == told[900]
