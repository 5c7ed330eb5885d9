"""The cap of a scope over any span of slots, also ahead of time: what the judgement itself works out of the registry.

Nothing is worked out here: ``detectors.caps`` says what holds on each local day, and equal neighbours are joined.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from math import isnan

import numpy as np

from detectors.caps import Caps, caps_on, day_caps_wh
from detectors.registry import Order
from detectors.slots import Grid, local_days
from detectors.world import World


class CapState(StrEnum):
    """What a slot is under, whatever the load (SEMANTICS §1.1, §4.21)."""

    ORDERED = "ordered"  # an order takes the slot
    EXEMPT = "exempt"  # there are orders; one is exempt, none is active
    GRACE = "grace"  # there are orders; all ramp down
    PARTIAL = "partial"  # an order covers the slot in part only: none holds
    NO_ORDER = "no_order"


@dataclass(frozen=True, slots=True)
class CapSpan:
    """Slots of one cap. ``order``: the one that takes them; exempt or in grace: the one shown beside them.

    cap_kw: None where no order takes the slots, or nothing tells its cap.
    """

    first_slot: int
    n_slots: int
    state: CapState
    cap_kw: float | None
    order: Order | None
    baseline_version: str | None

    def continues(self, other: "CapSpan") -> bool:
        """Whether ``other`` follows at once and says the same."""
        return other == replace(self, first_slot=self.first_slot + self.n_slots, n_slots=other.n_slots)


@dataclass(frozen=True, slots=True)
class DayCap:
    """Energy that an order allows on a local day, over the whole day whatever the span. None: not known."""

    day: date
    order: Order
    cap_kwh: float | None


@dataclass(frozen=True, slots=True)
class CapSeries:
    """Caps of one scope, in order. days: of the orders that limit energy, on the days on which they are judged."""

    spans: tuple[CapSpan, ...]
    days: tuple[DayCap, ...]


def cap_series(world: World, scope_id: str, first_slot: int, last_slot: int) -> CapSeries:
    """Caps from ``first_slot`` to ``last_slot``, both included. Raises KeyError for a scope that is not there."""
    scope = np.array([world.scope_row[scope_id]], np.int64)
    spans: list[CapSpan] = []
    days: list[DayCap] = []
    for today in local_days(world.zone, first_slot * world.slot_s, last_slot * world.slot_s, world.slot_s):
        grid = Grid(world.zone, world.slot_s, today, 0)
        caps = caps_on(world, scope, grid)
        for span in _spans(world, caps, grid):
            begin = max(span.first_slot, first_slot)
            end = min(span.first_slot + span.n_slots, last_slot + 1)
            if begin >= end:
                continue
            shown = replace(span, first_slot=begin, n_slots=end - begin)
            if spans and spans[-1].continues(shown):
                spans[-1] = replace(spans[-1], n_slots=spans[-1].n_slots + shown.n_slots)
            else:
                spans.append(shown)
        days += _day_caps(world, caps, grid)
    return CapSeries(tuple(spans), tuple(days))


def state_of(caps: Caps, column: int) -> CapState:
    """State of the only scope of ``caps`` at a span."""
    if caps.take[0, column] >= 0:
        return CapState.ORDERED
    if caps.any_exempt[0, column]:
        return CapState.EXEMPT
    if caps.any_grace[0, column]:
        return CapState.GRACE
    return CapState.PARTIAL if caps.any_partial[0, column] else CapState.NO_ORDER


def known(value: float) -> float | None:
    """A number of the core; NaN is None."""
    return None if isnan(value) else float(value)


def _spans(world: World, caps: Caps, grid: Grid) -> Iterator[CapSpan]:
    first = grid.first_slot
    for column, length in enumerate(caps.spans.lengths.tolist()):
        take, shown = int(caps.take[0, column]), int(caps.shown[0, column])
        baseline = int(caps.baselines.row[0, column])
        yield CapSpan(
            first,
            length,
            state_of(caps, column),
            known(caps.cap_kw[take, column]) if take >= 0 else None,
            world.orders[caps.order[shown]] if shown >= 0 else None,
            world.baselines[baseline].version if baseline >= 0 and shown >= 0 else None,
        )
        first += length


def _day_caps(world: World, caps: Caps, grid: Grid) -> Iterator[DayCap]:
    wh = day_caps_wh(world, caps, grid)
    is_judged = caps.judged.any(axis=1)
    for row in np.flatnonzero(caps.has_day_energy & is_judged).tolist():
        allowed = known(wh[row])
        yield DayCap(grid.today.day, world.orders[caps.order[row]], None if allowed is None else allowed / 1000)
