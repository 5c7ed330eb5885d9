"""Measured sites judged as they are, or with their meter spoilt: the reasons and verdicts of every slot."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert
from detectors.history import History
from detectors.reading_days import ReadingDays
from detectors.registry import Baseline, Meter, Order, Plant, Registry, with_default_scopes
from detectors.slots import local_day
from detectors.vocab import SUSPECT, Kind, Reason, Rule, Verdict
from detectors.world import compile_world
from service.calendar import office_day_type
from tests.quality.fit import fitted
from tests.quality.natural import Span
from tests.quality.product import columns_of
from tests.quality.sites import SLOT_S, Site

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """A site over whole local days; arrays run along its slots from ``first_slot`` on."""

    zone: str
    first_slot: int
    load_kw: F64
    reasons: npt.NDArray[np.uint32]
    verdict: npt.NDArray[np.uint8]
    alerts: list[Alert]

    def slot(self, wall: str) -> int:
        """Place of the slot that begins at a wall-clock time."""
        moment = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(self.zone))
        return int(moment.timestamp()) // SLOT_S - self.first_slot

    def span(self, begin: str, end: str) -> slice:
        """Slots from one wall-clock time to another."""
        return slice(self.slot(begin), self.slot(end))

    def of(self, reason: Reason) -> Bool:
        """Slots set aside for a reason."""
        return np.asarray((self.reasons & np.uint32(reason)) != 0, np.bool_)

    @property
    def suspect(self) -> Bool:
        """Slots set aside."""
        return self.of(SUSPECT)

    def is_any(self, verdict: Verdict, where: slice) -> bool:
        """Whether some slot there has a verdict."""
        return bool((self.verdict[where] == verdict).any())

    def faults(self, begin: str, end: str) -> set[str]:
        """What `bad_data` alerts that were open between two times name."""
        low, high = (self.slot(wall) + self.first_slot for wall in (begin, end))
        mine = [a for a in self.alerts if a.rule == Rule.BAD_DATA and a.first_slot < high and a.last_slot >= low]
        return {name for a in mine for name in a.facts["faults"]}


def fit_of(site: Site, first: date, last: date) -> tuple[Baseline, ...]:
    """The baseline of some days."""
    end = local_day(site.zone, last, SLOT_S).end_slot
    return fitted(site, Span(local_day(site.zone, first, SLOT_S).first_slot, end))


def judged(
    site: Site,
    baselines: tuple[Baseline, ...],
    first: date,
    last: date,
    *,
    order: Order | None = None,
    spoil: Callable[[F64], None] | None = None,
    zone: str | None = None,
) -> Judged:
    """Judge some days. spoil: changes the loads of their slots in place. zone: in place of the site's."""
    begin, end = local_day(site.zone, first, SLOT_S).first_slot, local_day(site.zone, last, SLOT_S).end_slot
    load_kw = site.of(begin, end)
    if spoil is not None:
        spoil(load_kw)
    known = ~np.isnan(load_kw)
    ts = (begin + 1 + np.flatnonzero(known)) * SLOT_S
    n = len(ts)
    told = columns_of(0, Kind.POWER_AVG, ts, load_kw[known], np.zeros(n, np.int8), np.zeros(n, np.int64), SLOT_S)
    registry = Registry(
        zone=zone or site.zone,
        plants=(Plant("P", "P", "county"),),
        meters=(Meter("m", "P", kind=Kind.POWER_AVG),),
        orders=() if order is None else (replace(order, scope_id="P"),),
        baselines=tuple(replace(b, scope_id="P") for b in baselines),
    )
    world = compile_world(with_default_scopes(registry), SLOT_S, office_day_type(registry))
    history = History(world, ReadingDays.of(world, told), end * SLOT_S)
    reasons, verdict = np.zeros(len(load_kw), np.uint32), np.zeros(len(load_kw), np.uint8)
    for result in history:
        low, high = max(begin, result.first_slot), min(end, result.first_slot + result.slots.shape[1])
        mine = result.slots[0, low - result.first_slot : high - result.first_slot]
        reasons[low - begin : high - begin], verdict[low - begin : high - begin] = mine["reasons"], mine["verdict"]
    return Judged(zone or site.zone, begin, load_kw, reasons, verdict, list(history.alerts.values()))


def midnight(zone: str, day: date) -> int:
    """Epoch seconds at which a local day begins."""
    return local_day(zone, day, SLOT_S).first_slot * SLOT_S
