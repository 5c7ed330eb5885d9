"""What every order of a scope says at one slot: which one takes it, and why the others do not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from detectors.caps import TOLERANT, Caps, caps_on, day_caps_wh
from detectors.registry import Baseline, Exemption, Line, Order, Registry, Scope
from detectors.registry_columns import has_daily_window
from detectors.slots import Grid, local_date, local_day
from detectors.thresholds import DEFAULT_ORIGIN
from detectors.units import own_baselines, unit_levels_kw
from detectors.vocab import Control, Reason, Rule
from detectors.world import World, compile_world, rows_of
from service.plans.cap_series import CapState, known, state_of
from service.plans.changes import is_withdrawn, standing


class OrderState(StrEnum):
    """What an order is at a slot."""

    TAKES = "takes"  # its cap is the scope's
    BESIDE = "beside"  # in force; another takes the slot
    EXEMPT = "exempt"
    GRACE = "grace"  # the plant ramps down
    OUTSIDE_WINDOW = "outside_window"  # not in its daily window
    PARTIAL = "partial"  # it covers the slot in part only
    TO_COME = "to_come"
    PAST = "past"
    WITHDRAWN = "withdrawn"


#: In force by its dates.
HOLDING = frozenset(OrderState) - {OrderState.TO_COME, OrderState.PAST, OrderState.WITHDRAWN}


@dataclass(frozen=True, slots=True)
class UnitsAt:
    """Units of an order by lines or cells. allowed: None where nothing tells it. levels_kw: of one unit of each line;
    None where not known. is_counted: from the meters of the lines, else estimated from the scope's load."""

    total: int
    allowed: int | None
    is_counted: bool
    lines: tuple[Line, ...]
    levels_kw: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class OrderAt:
    """An order at a slot. Loads in kW, with exemptions; None where nothing tells them or the slot is not ordered.

    over_kw: above it a slot is over. low_kw: estimated units, up to it surely no more run than allowed. max_kw: what an
    exemption allows. exemptions: those in force. day_cap_kwh: of the whole local day, where energy is limited.
    missing: why the cap is not known, or not certain.
    """

    order: Order
    state: OrderState
    cap_kw: float | None = None
    over_kw: float | None = None
    low_kw: float | None = None
    max_kw: float | None = None
    day_cap_kwh: float | None = None
    is_energy: bool = False
    has_day_energy: bool = False
    grace_to: int | None = None
    units: UnitsAt | None = None
    exemptions: tuple[Exemption, ...] = ()
    missing: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A threshold as it holds on a local day. origin: None where nobody set it."""

    value: float
    origin: str | None


#: The thresholds that caps, and what is over them, are worked out by.
_OF_CAPS = (
    (Rule.STOP_RUN, "margin"),
    (Rule.STOP_RUN, "unknown_low"),
    (Rule.STOP_RUN, "unknown_high"),
    (Rule.LIMIT_DAY, "tolerance"),
    *((rule, "tolerance") for rule in TOLERANT.values()),
)


@dataclass(frozen=True, slots=True)
class ScopeAt:
    """A scope at a slot, ``[start_s, end_s)``. orders: the highest revision of each, by ``from``. thresholds: by rule
    and name, those that its caps are worked out by."""

    scope: Scope
    zone: str
    start_s: int
    end_s: int
    state: CapState
    cap_kw: float | None
    baseline: Baseline | None
    orders: tuple[OrderAt, ...]
    thresholds: Mapping[tuple[str, str], Value]

    @property
    def taking(self) -> OrderAt | None:
        """The order that takes the slot."""
        return next((o for o in self.orders if o.state == OrderState.TAKES), None)


def scope_at(world: World, scope_id: str, slot: int) -> ScopeAt:
    """A scope at a slot. Raises KeyError for a scope that is not there."""
    row = world.scope_row[scope_id]
    start_s, end_s = slot * world.slot_s, (slot + 1) * world.slot_s
    grid = Grid(world.zone, world.slot_s, local_day(world.zone, local_date(world.zone, start_s), world.slot_s), 0)
    caps = caps_on(world, np.array([row], np.int64), grid)
    column = int(caps.spans.of_slot[slot - grid.first_slot])
    near = {o.order.order_id: o for o in _near(world, caps, grid, column, slot)}
    mine = [o for o in standing(world.registry.orders).values() if o.scope_id == scope_id]
    orders = [near.get(o.order_id) or OrderAt(o, _distant(o, start_s)) for o in mine]
    taken, baseline = int(caps.take[0, column]), int(caps.baselines.row[0, column])
    return ScopeAt(
        scope=world.registry.scopes[row],
        zone=world.zone,
        start_s=start_s,
        end_s=end_s,
        state=state_of(caps, column),
        cap_kw=known(caps.cap_kw[taken, column]) if taken >= 0 else None,
        baseline=world.baselines[baseline] if baseline >= 0 else None,
        orders=tuple(sorted(orders, key=lambda o: (o.order.valid_from, o.order.order_id))),
        thresholds={kind: threshold_at(world, row, start_s, *kind) for kind in _OF_CAPS},
    )


def threshold_at(world: World, scope: int, at_s: int, rule: str, name: str) -> Value:
    """A threshold of a scope (row of the world) on the local day of an instant."""
    value, origin = world.thresholds.of_scope(rule, name, scope, at_s)
    return Value(value, None if origin == DEFAULT_ORIGIN else origin)


def touches(exemption: Exemption, order: Order) -> bool:
    """Whether an exemption changes an order at some time (SEMANTICS §3.18)."""
    is_its = exemption.order_id == order.order_id if exemption.order_id else not order.level
    overlaps = exemption.valid_from < order.valid_to and exemption.valid_to > order.valid_from
    return exemption.scope_id == order.scope_id and is_its and overlaps


def _distant(order: Order, start_s: int) -> OrderState:
    """State of an order that does not touch the day, or is withdrawn."""
    if is_withdrawn(order):
        return OrderState.WITHDRAWN
    return OrderState.PAST if order.valid_to <= start_s else OrderState.TO_COME


def _near(world: World, caps: Caps, grid: Grid, column: int, slot: int) -> Iterator[OrderAt]:
    start_s = slot * world.slot_s
    day_wh = day_caps_wh(world, caps, grid)
    for row, of_world in enumerate(caps.order.tolist()):
        order = world.orders[of_world]
        state = _state(world, caps, row, column, slot)
        if not caps.ordered[row, column]:
            yield OrderAt(order, state)
            continue
        units = _units(world, caps, of_world, column) if order.control == Control.UNITS else None
        day_kwh = known(day_wh[row]) if caps.has_day_energy[row] else None
        found = OrderAt(
            order=order,
            state=state,
            cap_kw=known(caps.cap_kw[row, column]),
            over_kw=known(caps.over_kw[row, column]),
            low_kw=None if caps.low_kw is None else known(caps.low_kw[row, column]),
            max_kw=known(caps.relaxed_kw[row, column]),
            day_cap_kwh=None if day_kwh is None else day_kwh / 1000,
            is_energy=bool(caps.is_energy[row]),
            has_day_energy=bool(caps.has_day_energy[row]),
            grace_to=int(world.order_grace_to[of_world]),
            units=units,
            exemptions=tuple(e for e in world.exemptions if touches(e, order) and e.valid_from <= start_s < e.valid_to),
        )
        yield replace(found, missing=tuple(_missing(world, caps, found, column)))


def _state(world: World, caps: Caps, row: int, column: int, slot: int) -> OrderState:
    order = world.orders[caps.order[row]]
    start_s, end_s = slot * world.slot_s, (slot + 1) * world.slot_s
    if order.valid_to <= start_s:
        return OrderState.PAST
    if order.valid_from >= end_s:
        return OrderState.TO_COME
    if caps.take[0, column] == row:
        return OrderState.TAKES
    if caps.exempt[row, column]:
        return OrderState.EXEMPT
    if caps.grace[row, column]:
        return OrderState.GRACE
    if caps.ordered[row, column]:
        return OrderState.BESIDE
    if order.valid_from <= start_s and end_s <= order.valid_to and not _is_cut_by_window(world, order, slot):
        return OrderState.OUTSIDE_WINDOW
    return OrderState.PARTIAL


def _is_cut_by_window(world: World, order: Order, slot: int) -> bool:
    """Whether a slot outside an order's daily window is touched by it: the core is asked of this order alone."""
    if not has_daily_window(order):
        return False
    registry = world.registry
    scopes = tuple(s for s in registry.scopes if s.scope_id == order.scope_id)
    alone = compile_world(Registry(zone=world.zone, scopes=scopes, orders=(order,)), world.slot_s, world.day_type)
    day = local_day(world.zone, local_date(world.zone, slot * world.slot_s), world.slot_s)
    caps = caps_on(alone, np.zeros(1, np.int64), Grid(world.zone, world.slot_s, day, 0))
    return bool(caps.any_partial[0, caps.spans.of_slot[slot - day.first_slot]])


def _units(world: World, caps: Caps, of_world: int, column: int) -> UnitsAt:
    scope = int(world.order_scope[of_world])
    rows, _ = rows_of(world.lines.scope, np.array([scope], np.int64))
    levels = unit_levels_kw(world.lines, rows, own_baselines(world, rows, caps.spans).running_kw)
    allowed = int(world.lines.allowed[of_world])
    return UnitsAt(
        total=int(world.lines.total[scope]),
        allowed=None if allowed < 0 else allowed,
        is_counted=bool(world.lines.is_metered[scope]),
        lines=tuple(world.lines.rows.get(world.orders[of_world].scope_id, ())),
        levels_kw=tuple(known(kw) for kw in levels[:, column].tolist()),
    )


def _missing(world: World, caps: Caps, at: OrderAt, column: int) -> Iterator[Reason]:
    """Why a fully measured slot would still have no verdict, or not always one (SEMANTICS §3.14 to §3.16)."""
    order, units = at.order, at.units
    has_running = not np.isnan(caps.baselines.running_kw[0, column])
    if units is not None:
        if units.allowed is None or (not units.is_counted and at.cap_kw is None):
            yield Reason.UNDECIDABLE
        return
    if order.control == Control.COKING and not at.is_energy:
        yield Reason.UNDECIDABLE
        return
    if at.cap_kw is None:
        is_bare = (order.control == Control.LIMIT or at.is_energy) and order.reduction is None
        yield Reason.UNDECIDABLE if is_bare and has_running else Reason.NO_BASELINE
    elif at.is_energy and at.day_cap_kwh is None:
        yield Reason.NO_DAY_ENERGY
    idle_unknown = np.isnan(caps.baselines.idle_kw[0, column])
    if order.control == Control.STOP and order.residual_kw is None and has_running and idle_unknown:
        yield Reason.IDLE_UNKNOWN
