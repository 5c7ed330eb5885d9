"""One scope over the horizon of a judgement: its slots as measured, its orders, their day caps (SEMANTICS §4.22)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from detectors.registry import Order, Registry, Scope
from detectors.vocab import Control, Kind
from tests.oracles.caps import OrderSlot, Rules, day_cap_shares, order_slot
from tests.oracles.data_faults import as_seen_from, find_faults, set_aside
from tests.oracles.energy import MeterSeries, tile
from tests.oracles.local_time import LocalTime
from tests.oracles.scope_slots import ScopeSlot, UnitCount, scope_slot, valid_meters
from tests.oracles.units import count_units, heard_missing
from tests.oracles.windows import Window, effective_orders, touches, windows
from tests.oracles.winner import Winner

#: What each slot of a scope measures, by slot number; a filled copy of it asks "what if" (§4.23).
Measured = Mapping[int, ScopeSlot]


@dataclass(frozen=True)
class Track:
    """One order over the horizon."""

    order: Order
    grace_end: int
    windows: tuple[Window, ...]
    slots: Mapping[int, OrderSlot]  # its ordered slots

    def judged(self, day: Sequence[int]) -> list[tuple[int, OrderSlot]]:
        """§4.22: the ordered slots of a day neither exempt nor in grace."""
        return [(s, self.slots[s]) for s in day if s in self.slots and self.slots[s].is_judged]


@dataclass(frozen=True)
class Timeline:
    """A scope, whole local days: ``horizon`` holds the day of as_of and the one after it as well."""

    scope: Scope
    rules: Rules
    horizon: range
    until: int  # slots before it end at or before as_of
    as_of: int
    tracks: tuple[Track, ...]
    measured: Measured
    touched: frozenset[int]  # slots that an order's window covers at least in part
    register_kwh: Mapping[date, Mapping[str, float]]  # register energy less 2u of whole days, by meter
    #: Days that see the first slots of the next one with other eyes than it does itself.
    views: Mapping[date, Measured] = field(default_factory=dict)

    @property
    def local(self) -> LocalTime:
        """The registry's zone and the slot grid."""
        return self.rules.local

    @property
    def days(self) -> list[date]:
        """Local days of the horizon."""
        return sorted({self.local.day_of_slot(s) for s in self.horizon})

    def asks(self, rule: str, name: str, slot: int) -> float:
        """A threshold of the scope on the local day of a slot."""
        return self.rules.threshold(rule, name, self.scope.scope_id, slot * self.local.slot_s)

    def end_of(self, slot: int) -> int:
        """End of a slot, epoch seconds."""
        return (slot + 1) * self.local.slot_s

    def load_kw(self, measured: Measured, slot: int) -> float | None:
        """Load of a slot or its lower bound."""
        return measured[slot].load_kw(self.local.hours())

    def energy_cap_kwh(self, track: Track, day: date) -> float | None:
        """§3.15: the day cap of a limit, over the judged slots; None = not known or nothing judged."""
        judged = track.judged(self.local.slots_of(day))
        shares = day_cap_shares(self.rules, judged) if judged else None
        return None if shares is None else sum(shares.values())

    def power_cap_kwh(self, track: Track, day: date) -> float | None:
        """§5.27: sum of the slot caps over the whole day's judged slots; None where one is not known."""
        judged = track.judged(self.local.slots_of(day))
        caps = [at.cap_kw for _, at in judged if at.cap_kw is not None]
        return sum(caps) * self.local.hours() if judged and len(caps) == len(judged) else None

    def stop_cap_kwh(self, track: Track, day: date) -> float | None:
        """What stop_day looks at: the caps; of a fitted baseline without idle level the loads that are over."""
        if self.power_cap_kwh(track, day) is None:
            return None
        total_kw = 0.0
        for _, at in track.judged(self.local.slots_of(day)):
            is_fitted = at.is_three_valued and at.baseline is not None and at.baseline.rrmse is not None
            total_kw += (at.over_kw if is_fitted else at.cap_kw) or 0.0
        return total_kw * self.local.hours()

    def energy_kwh(self, measured: Measured, slots: Sequence[int]) -> float:
        """Energy of some slots of one local day, lower bounds included (§2.10).

        §2.8: where registers cover a day and the slots are the whole day: max(sum of slots, register - 2u), meter by
        meter, where all signs are +.
        """
        total = sum(measured[s].wh or 0 for s in slots) / 1000
        day = self.local.day_of_slot(slots[0]) if slots else None
        registers = self.register_kwh.get(day, {}) if day is not None else {}
        if day is None or not registers or len(slots) != len(self.local.slots_of(day)):
            return total
        by_meter: dict[str, float] = {}
        doubted_kwh = 0.0  # what is not believed of the slots is no part of what the register proves beyond them
        for s in slots:
            for meter_id, wh in measured[s].meter_wh.items():
                by_meter[meter_id] = by_meter.get(meter_id, 0.0) + wh / 1000
            doubted_kwh += sum(measured[s].meter_wh.values()) / 1000 if measured[s].is_suspect else 0.0
        ids = by_meter.keys() | registers.keys()
        floor = sum(max(by_meter.get(i, 0.0), registers.get(i, float("-inf"))) for i in ids)
        return max(total, floor - doubted_kwh)


def make_track(rules: Rules, order: Order, orders: list[Order], horizon: range) -> Track:
    """An order's windows and what it says at each of its slots."""
    slot_s = rules.local.slot_s
    grace_end = rules.grace_end(order, orders)
    found = tuple(windows(order, rules.local, horizon.start * slot_s, horizon.stop * slot_s))
    slots = {s: order_slot(rules, order, grace_end, s) for w in found for s in w.slots}
    return Track(order, grace_end, found, slots)


def lowest_threshold(tracks: Sequence[Track], slots: Sequence[int]) -> float | None:
    """The lowest load that decides anything at these slots (§2.7, §2.8): over, for energy limits the slot cap."""
    lowest: list[float] = []
    for track in tracks:
        for s in slots:
            at = track.slots.get(s)
            if at is None or at.is_exempt or at.over_kw is None or at.cap_kw is None:
                continue
            lowest.append(at.cap_kw if at.is_energy else at.over_kw)
    return min(lowest, default=None)


def _register_days(
    registry: Registry, scope_id: str, series: Mapping[str, MeterSeries], local: LocalTime, days: Sequence[date]
) -> dict[date, dict[str, float]]:
    """§2.8: register energy - 2u of each meter whose register covers a local day, where all signs are +."""
    found: dict[date, dict[str, float]] = {}
    for day in days:
        slots = local.slots_of(day)
        members = [valid_meters(registry, scope_id, s * local.slot_s) for s in slots]
        if any(sign < 0 for at_slot in members for _, sign in at_slot):
            continue
        for meter, _ in members[0]:
            if not all(any(m.meter_id == meter.meter_id for m, _ in at_slot) for at_slot in members):
                continue
            pieces = series[meter.meter_id].pieces[Kind.ENERGY_REG]
            whole = tile(pieces, slots.start * local.slot_s, slots.stop * local.slot_s)
            if whole is not None:
                found.setdefault(day, {})[meter.meter_id] = whole.kwh - 2 * whole.u_kwh
    return found


def make_timeline(
    rules: Rules,
    scope: Scope,
    series: Mapping[str, MeterSeries],
    won: Sequence[Winner],
    horizon: range,
    until: int,
    as_of: int,
) -> Timeline:
    """Everything about a scope that does not depend on what the rules find."""
    registry, local = rules.registry, rules.local
    orders = [o for o in effective_orders(registry.orders) if o.scope_id == scope.scope_id]
    tracks = tuple(make_track(rules, o, orders, horizon) for o in sorted(orders, key=lambda o: o.order_id))
    by_day: dict[date, float | None] = {}
    measured = {}
    for slot in horizon:
        day = local.day_of_slot(slot)
        if day not in by_day:
            by_day[day] = lowest_threshold(tracks, local.slots_of(day))
        thresholds = (lowest_threshold(tracks, [slot]), by_day[day])
        baseline = rules.baseline_at(scope.scope_id, slot * local.slot_s)
        found = scope_slot(registry, scope.scope_id, series, slot, local, as_of, baseline, thresholds)
        if any(o.control == Control.UNITS for o in orders):
            heard = heard_missing(registry, scope, series, slot, local, as_of)
            found = replace(found, missing=found.missing + heard, units=count_units(rules, scope, series, slot))
        measured[slot] = found
    touched = frozenset(s for s in horizon if any(touches(o, local, s) for o in orders))
    registers = _register_days(registry, scope.scope_id, series, local, sorted(by_day))
    faults = find_faults(rules, scope.scope_id, measured, won, until)
    believed = set_aside(measured, faults.slots)
    seen = {day: as_seen_from(day, believed, measured, faults, rules) for day in by_day}
    views = {day: view for day, view in seen.items() if view is not None}
    return Timeline(scope, rules, horizon, until, as_of, tracks, believed, touched, registers, views)


def filled(measured: Measured, slot: int, kw: float, hours: float, units_of_scope: int) -> ScopeSlot:
    """§4.23: an unknown slot as if every meter had spoken and the load were ``kw``, at least what is known of it."""
    known = measured[slot]
    wh = max(known.wh or 0, kw * hours * 1000)
    units = known.units
    if units is not None:  # every unit that may run does
        proven = units.idle if known.coverage == 1 else units.idle - units.needs_proof
        units = UnitCount(units_of_scope - proven, proven)
    return replace(known, coverage=1.0, wh=wh, reasons=frozenset(), missing=(), units=units)
