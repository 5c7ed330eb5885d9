"""One pass over a whole history equals judging it scope by scope and day by day from stored carries, and again after
late data, walking on while the carry changes (SEMANTICS §6.32)."""

from dataclasses import asdict
from datetime import date, timedelta

import numpy as np
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from detectors.days import SLOT
from detectors.feed import is_down
from detectors.history import History, span_of
from detectors.judge import DayResult, margin_slots
from detectors.reading_days import ReadingDays
from detectors.readings import ReadingColumns
from detectors.slots import local_date
from detectors.vocab import Kind, Rule
from detectors.world import World
from tests.laws.pieces import Store, compiled, first_ts, source_slots, won
from tests.oracles.rows import World as Case
from tests.oracles.strategies import worlds

LAW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # worlds are large: shrinking one takes longer than a test may
    suppress_health_check=list(HealthCheck),
)


def at_once(world: World, readings: ReadingColumns, as_of: int) -> tuple[dict[date, DayResult], History]:
    history = History(world, ReadingDays.of(world, readings), as_of)
    return {result.day: result for result in history}, history


def assert_same(world: World, readings: ReadingColumns, as_of: int, store: Store) -> None:
    """Slots, days, alerts and carries of the store equal those of one pass, field by field."""
    days, history = at_once(world, readings, as_of)
    assert {day for _, day in store.results} <= set(days)
    for (scope, day), piece in store.results.items():
        whole = days[day]
        for name in SLOT.names or ():
            np.testing.assert_array_equal(piece.slots[name][0], whole.slots[name][scope], err_msg=f"{day} {name}")
        assert piece.rows[0] == whole.rows[scope]
        assert piece.order_ids[0] == whole.order_ids[scope]
        assert piece.carries[0].to_json() == whole.carries[scope].to_json()
    of_scopes = {k: asdict(a) for k, a in history.alerts.items() if a.rule != Rule.FEED_DOWN}
    assert {k: asdict(a) for k, a in store.alerts().items()} == of_scopes


@LAW
@given(worlds())
def test_day_by_day_from_stored_carries(case: Case) -> None:
    world = compiled(case)
    readings = won(world, [r for r in case.readings if r.ts <= case.as_of])
    assume(span_of(world, first_ts(readings), case.as_of))
    store = Store(world, case.as_of)
    store.judge(readings)
    assert_same(world, readings, case.as_of, store)


@LAW
@given(worlds(), st.integers(0, 10**6), st.integers(1, 60))
def test_a_day_judged_again_after_late_data(case: Case, at: int, length: int) -> None:
    world = compiled(case)
    accepted = sorted((r for r in case.readings if r.ts <= case.as_of), key=lambda r: (r.ts, r.meter_id, r.kind))
    first = 1 + at % max(1, len(accepted))
    early = accepted[:first] + accepted[first + length :]
    late = accepted[first : first + length]
    before, after = won(world, early), won(world, accepted)
    assume(late and span_of(world, first_ts(before), case.as_of) == span_of(world, first_ts(after), case.as_of))
    store = Store(world, case.as_of)
    store.judge(before)
    whole = store.judged
    touched = days_touched(world, case, [r.ts - r.period_s for r in late] + [r.ts for r in late])
    touched |= days_of_sources(world, before, after, case.as_of)
    store.judge(after, touched)
    assert store.judged <= 2 * whole
    assert_same(world, after, case.as_of, store)


def days_touched(world: World, case: Case, instants: list[int]) -> set[date]:
    """Days of which a reading at these instants is part, or context."""
    reach_s = margin_slots(world.slot_s) * world.slot_s
    spans = any(m.kind == Kind.ENERGY_REG or m.period_s > world.slot_s for m in case.registry.meters)
    days = set()
    for instant in instants:
        day = local_date(world.zone, instant - 1 - reach_s) - timedelta(days=1 if spans else 0)
        while day <= local_date(world.zone, instant + reach_s) + timedelta(days=1 if spans else 0):
            days.add(day)
            day += timedelta(days=1)
    return days


def days_of_sources(world: World, before: ReadingColumns, after: ReadingColumns, as_of: int) -> set[date]:
    """Days in which a source is down with the one and not with the other."""
    span = span_of(world, first_ts(after), as_of)
    first, n_slots = span[0].first_slot, span[-1].end_slot - span[0].first_slot
    one, other = (is_down(world, first, *source_slots(world, first, n_slots, r), as_of)[0] for r in (before, after))
    flipped = np.flatnonzero((one != other).any(axis=0))
    return days_around(world, [first + int(s) for s in flipped])


def days_around(world: World, slots: list[int]) -> set[date]:
    margin = margin_slots(world.slot_s)
    edges = [slot + shift for slot in slots for shift in (-margin, 0, margin)]
    return {local_date(world.zone, edge * world.slot_s) for edge in edges}
