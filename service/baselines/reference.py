"""The reference period of a fit, and what calendar, orders and outages say of each of its days (DOMAIN §4)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.baseline import DayLoads, DropReason
from detectors.enterprises import compared_plants
from detectors.errors import InputError
from detectors.lines import lines_by_scope
from detectors.loads import Fact
from detectors.registry import Order, Registry, with_default_scopes
from detectors.slots import LocalDay, instant, local_day
from service.calendar import office_day_kind
from service.db.registry_marks import effective_orders

F64 = npt.NDArray[np.float64]

#: A fit looks at no more than two years: each day of each scope is read and kept.
LONGEST_DAYS = 731


@dataclass(frozen=True, slots=True)
class Period:
    """Local days [begin, end)."""

    begin: date
    end: date

    def __post_init__(self) -> None:
        """Raises InputError for a period without a day, or an unreasonable one."""
        if self.end <= self.begin:
            raise InputError(f"the reference period {self} has no day: its end must be later than its begin")
        if (self.end - self.begin).days > LONGEST_DAYS:
            raise InputError(f"the reference period {self} is longer than {LONGEST_DAYS} days")

    def __str__(self) -> str:
        return f"{self.begin}/{self.end}"

    def days(self) -> list[date]:
        """Its days, in order."""
        return [self.begin + timedelta(days=i) for i in range((self.end - self.begin).days)]

    def local_days(self, zone: str, slot_s: int) -> list[LocalDay]:
        """Its days as runs of slots."""
        return [local_day(zone, day, slot_s) for day in self.days()]

    def year_before(self) -> "Period":
        """The same days of the year before; the 29th of February becomes the 28th."""
        begin, end = (_year_before(day) for day in (self.begin, self.end))
        return Period(begin, max(end, begin + timedelta(days=1)))


class Reference:
    """What a registry says of the days and scopes of a fit."""

    def __init__(self, registry: Registry) -> None:
        registry = with_default_scopes(registry)
        self.zone = registry.zone
        self._kind_of = office_day_kind(registry)
        self._plant_of = {s.scope_id: s.plant_id for s in registry.scopes}
        self._contract_of_plant = {p.plant_id: p.contract_kw for p in registry.plants}
        meters = {m.meter_id: m for m in registry.meters}
        self._contracts: Mapping[str, list[float | None]] = defaultdict(list)
        self._meters: Mapping[str, set[str]] = defaultdict(set)
        for member in registry.scope_meters:
            self._meters[member.scope_id].add(member.meter_id)
            if member.sign > 0:
                self._contracts[member.scope_id].append(meters[member.meter_id].contract_kw)
        self._ordered: Mapping[str, list[tuple[int, int]]] = defaultdict(list)
        for order in _standing(registry):
            self._ordered[self._plant_of[order.scope_id]].append((order.valid_from, order.valid_to))
        self._outages_of_plant: Mapping[str, list[tuple[int, int]]] = defaultdict(list)
        self._outages_of_meter: Mapping[str, list[tuple[int, int]]] = defaultdict(list)
        for outage in registry.outages:
            span = (outage.valid_from, outage.valid_to)
            if outage.meter_id is not None:
                self._outages_of_meter[outage.meter_id].append(span)
            elif outage.plant_id is not None:
                self._outages_of_plant[outage.plant_id].append(span)

    def day_loads(self, scope_id: str, days: Sequence[date], loads_kw: Sequence[F64]) -> list[DayLoads]:
        """The days of a scope as a fit takes them. loads_kw: one array a day, one value a slot, NaN without evidence.

        A day on which anything of the plant was ordered is left out, of whatever scope: what one line is ordered shows
        in the plant, and what the plant is ordered in its lines.
        """
        plant_id = self._plant_of[scope_id]
        outages = [*self._outages_of_plant[plant_id]]
        outages += [span for meter_id in self._meters[scope_id] for span in self._outages_of_meter[meter_id]]
        found = []
        for day, kw in zip(days, loads_kw, strict=True):
            reason = None
            if self._touches(day, self._ordered[plant_id]):
                reason = DropReason.ORDER
            elif self._touches(day, outages):
                reason = DropReason.OUTAGE
            found.append(DayLoads(day, self._kind_of(day), kw, reason))
        return found

    def capacity_kw(self, scope_id: str) -> float | None:
        """Contract capacity of the meters that a scope adds up; of the plant where it is the plant's default scope and
        a meter has none; None where it is not known."""
        contracts = self._contracts[scope_id]
        known = [c for c in contracts if c is not None]
        if contracts and len(known) == len(contracts):
            return sum(known)
        return self._contract_of_plant.get(scope_id)

    def _touches(self, day: date, spans: Sequence[tuple[int, int]]) -> bool:
        if not spans:
            return False
        begin, end = instant(self.zone, day, 0), instant(self.zone, day + timedelta(days=1), 0)
        return any(valid_from < end and valid_to > begin for valid_from, valid_to in spans)


def wanted_scopes(registry: Registry, valid_from: int) -> list[str]:
    """Scopes whose baseline an order at or after a time asks for, and that have none then, sorted.

    Asked for: the ordered scope itself; under a `units` order the own scopes of the lines that it counts; and the
    plants beside which the ordered scope is seen when production moves (`shift`), its own among them.
    """
    registry = with_default_scopes(registry)
    orders = [o for o in _standing(registry) if o.valid_to > valid_from]
    counted = lines_by_scope(registry, orders)
    measured = {m.scope_id for m in registry.scope_meters}
    plant_of = {s.scope_id: s.plant_id for s in registry.scopes}
    lines = {
        line.line_id
        for line in registry.lines
        if plant_of.get(line.line_id) == line.plant_id and line.line_id in measured
    }
    asked = {o.scope_id for o in orders} | compared_plants(registry, orders)
    asked |= {line_id for of_scope in counted.values() for line_id, _, _ in of_scope.lines if line_id in lines}
    known = {b.scope_id for b in registry.baselines if b.running_kw > 0 and b.valid_to > valid_from}
    return sorted(asked - known)


def measured_kw(columns: Mapping[str, npt.NDArray[Any]], slot_s: int) -> F64:
    """Mean loads of slots, kW, NaN where a meter has no evidence or the power was out; any shape.

    columns: ``wh``, ``evidence``, ``meters`` and ``facts`` of ``detectors.days.SLOT``. A zero that nothing proves stays
    0: whether this scope idles at 0 is what a fit learns.
    """
    full = (columns["meters"] > 0) & (columns["evidence"] == columns["meters"])
    of_power = columns["facts"] & np.uint16(Fact.ALL_ZERO | Fact.POWER_OUT | Fact.LIVE)
    dark = of_power == (Fact.ALL_ZERO | Fact.POWER_OUT)
    return np.asarray(np.where(full & ~dark, columns["wh"] * (3.6 / slot_s), np.nan), np.float64)


def _standing(registry: Registry) -> list[Order]:
    """The highest revision of each order, withdrawn ones left out."""
    return [o for o in effective_orders(registry).values() if o.valid_from < o.valid_to]


def _year_before(day: date) -> date:
    return date(day.year - 1, 2, 28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)
