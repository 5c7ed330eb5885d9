"""Caps without readings equal what the judgement shows beside its slots, and what the slow reference says of orders."""

import math
from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, given, settings

from detectors.registry import FOREVER, Order
from detectors.vocab import Reason, Verdict
from detectors.world import World as Compiled
from detectors.world import compile_world
from service.plans.cap_at import OrderState, scope_at
from service.plans.cap_series import CapSeries, CapState, cap_series
from tests.oracles.caps import OrderSlot, Rules
from tests.oracles.judge import judge
from tests.oracles.local_time import LocalTime
from tests.oracles.rows import World
from tests.oracles.strategies import worlds
from tests.oracles.timeline import Timeline, make_track
from tests.oracles.windows import effective_orders, touches

SOME = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
#: Verdicts that a slot has whatever its load.
FIXED = {
    Verdict.NO_ORDER: {CapState.NO_ORDER, CapState.PARTIAL},
    Verdict.EXEMPT: {CapState.EXEMPT},
    Verdict.GRACE: {CapState.GRACE},
    Verdict.VIOLATING: {CapState.ORDERED},
    Verdict.COMPLIANT: {CapState.ORDERED},
    Verdict.UNKNOWN: {CapState.ORDERED},
}


def compiled(world: World) -> Compiled:
    """The world as the service compiles it."""
    named = world.day_types if isinstance(world.day_types, dict) else {}

    def day_type(day: date) -> str:
        return str(named.get(day, "restday" if day.weekday() >= 5 else "workday"))

    return compile_world(world.registry, world.slot_s, day_type)


def by_slot(series: CapSeries) -> dict[int, tuple[CapState, float | None, str | None]]:
    """What a series says of each slot; no slot twice."""
    found: dict[int, tuple[CapState, float | None, str | None]] = {}
    for span in series.spans:
        for slot in range(span.first_slot, span.first_slot + span.n_slots):
            assert slot not in found
            found[slot] = span.state, span.cap_kw, None if span.order is None else span.order.order_id
    return found


def is_close(one: float | None, other: float | None) -> bool:
    """Both unknown, or equal to the third decimal."""
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=6e-4)


@SOME
@given(world=worlds())
def test_the_series_shows_what_a_back_test_shows_beside_its_slots(world: World) -> None:
    judged = judge(world.registry, world.readings, world.as_of, world.slot_s, world.day_types)
    fast = compiled(world)
    ends = [row.slot_end for row in judged.slots]
    if not ends:
        return
    first, last = min(ends) // world.slot_s - 1, max(ends) // world.slot_s - 1
    for scope_id in fast.scope_ids:
        series = cap_series(fast, scope_id, first, last)
        found = by_slot(series)
        assert sorted(found) == list(range(first, last + 1))
        assert not any(a.continues(b) for a, b in zip(series.spans, series.spans[1:], strict=False))
        for row in (r for r in judged.slots if r.scope_id == scope_id):
            state, cap_kw, order_id = found[row.slot_end // world.slot_s - 1]
            assert is_close(cap_kw, row.cap_kw), (row, cap_kw)
            assert order_id == row.order_id, (row, order_id)
            assert state in FIXED.get(row.verdict, {CapState.ORDERED, CapState.GRACE}), (row, state)
            assert (state == CapState.PARTIAL) == (Reason.PARTIAL_SLOT in row.reasons)


@SOME
@given(world=worlds())
def test_a_part_of_a_span_says_what_the_whole_says(world: World) -> None:
    fast = compiled(world)
    begin = min((o.valid_from for o in fast.orders), default=0) // world.slot_s - 30
    for scope_id in fast.scope_ids:
        whole = by_slot(cap_series(fast, scope_id, begin, begin + 260))
        part = by_slot(cap_series(fast, scope_id, begin + 37, begin + 190))
        assert part == {slot: said for slot, said in whole.items() if begin + 37 <= slot <= begin + 190}


def _slots(world: World) -> Iterator[int]:
    """Some slots round everything that begins or ends."""
    registry = world.registry
    edges = {t for order in registry.orders for t in (order.valid_from, order.valid_to)}
    edges |= {t for exemption in registry.exemptions for t in (exemption.valid_from, exemption.valid_to)}
    edges |= {o.valid_from + 3600 for o in registry.orders} | {world.as_of}
    for edge in sorted(e for e in edges if 0 < e < FOREVER):
        yield from (edge // world.slot_s - 1, edge // world.slot_s, edge // world.slot_s + 9)


def _expected_state(order: Order, at: OrderSlot | None, local: LocalTime, slot: int) -> set[OrderState]:
    """The states that an order may be in by the reference."""
    start_s, end_s = slot * local.slot_s, (slot + 1) * local.slot_s
    if at is not None:
        if at.is_exempt:
            return {OrderState.EXEMPT}
        return {OrderState.GRACE} if at.is_in_grace else {OrderState.TAKES, OrderState.BESIDE}
    if order.valid_from < order.valid_to and touches(order, local, slot):
        return {OrderState.PARTIAL}
    if order.valid_to <= start_s:
        return {OrderState.PAST}
    if order.valid_from >= end_s:
        return {OrderState.TO_COME}
    # a slot that the dates cut, outside the window, is one that the order holds in part at most
    return {OrderState.OUTSIDE_WINDOW, OrderState.PARTIAL}


@SOME
@given(world=worlds(with_registers=False))
def test_each_order_at_a_slot_is_what_the_reference_says(world: World) -> None:
    registry, fast = world.registry, compiled(world)
    local = LocalTime(ZoneInfo(registry.zone), world.slot_s)
    rules = Rules(registry, local, world.day_types)
    standing = effective_orders(registry.orders)
    for slot in sorted(set(_slots(world)))[:16]:
        day = local.day_of_slot(slot)
        horizon = range(local.slots_of(day).start, local.slots_of(day + timedelta(days=1)).stop)
        for scope in registry.scopes:
            mine = [o for o in standing if o.scope_id == scope.scope_id]
            tracks = {o.order_id: make_track(rules, o, mine, horizon) for o in mine}
            line = Timeline(scope, rules, horizon, 0, 0, tuple(tracks.values()), {}, frozenset(), {})
            shown = scope_at(fast, scope.scope_id, slot)
            assert {o.order.order_id for o in shown.orders if o.state != OrderState.WITHDRAWN} == set(tracks)
            for order in (o for o in shown.orders if o.state != OrderState.WITHDRAWN):
                track = tracks[order.order.order_id]
                at = track.slots.get(slot)
                assert order.state in _expected_state(order.order, at, local, slot), (slot, order)
                if at is None:
                    assert (order.cap_kw, order.exemptions, order.missing) == (None, (), ())
                    continue
                assert is_close(order.cap_kw, at.cap_kw)
                assert list(order.exemptions) == rules.exemptions_at(order.order, slot * world.slot_s)
                assert order.is_energy == at.is_energy
                assert order.max_kw == at.max_kw
                assert (order.grace_to or 0) == track.grace_end
                cause = set(order.missing) - {Reason.IDLE_UNKNOWN, Reason.NO_DAY_ENERGY}
                assert cause == ({at.unknown_cap} if at.unknown_cap else set())
                assert (Reason.IDLE_UNKNOWN in order.missing) == at.is_three_valued
                if not at.is_energy and not at.is_counted:
                    assert is_close(order.over_kw, None if at.cap_kw is None else at.over_kw)
                if order.has_day_energy and track.judged(list(local.slots_of(day))):
                    assert is_close(order.day_cap_kwh, line.energy_cap_kwh(track, day))
                if order.units is not None:
                    assert (order.units.total, order.units.allowed) == (at.total, at.allowed)
                    assert order.units.is_counted == at.is_counted
                    assert is_close(order.low_kw, None if at.is_counted else at.low_kw)
