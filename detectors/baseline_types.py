"""What a baseline is learned from, and what is learned (DOMAIN §4). Loads kW, energies kWh, spans h, shares 0..1."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


class DayKind(StrEnum):
    """What the calendar says of a local day. Make-up workdays (调休) are workdays."""

    WORKDAY = "workday"
    RESTDAY = "restday"
    HOLIDAY = "holiday"
    SPRING_RAMP = "spring_ramp"  # 春节 before and after its holiday: plants close early and come back late


class DropReason(StrEnum):
    """Why a day is left out. The first two are given by the caller (``DayLoads.reason``); the first that holds counts.

    A day that the calendar or its own low use leaves out still shows how the plant stands still.
    """

    ORDER = "order_day"  # an order or a warning stood
    OUTAGE = "outage"  # declared
    CLOCK_CHANGE = "clock_change"  # 92 or 100 slots, and its odd hour is often made up
    COVERAGE = "coverage"  # too many slots without evidence
    ZEROS = "zeros_unproven"  # reads 0 for long, and this plant does not idle at 0
    SPIKE = "spike"  # a few values far above anything else
    LEVEL = "level"  # keeps its shape at a fraction of its level: a meter, not a plant
    STUCK = "stuck"  # one value for far longer than is normal here
    HOLIDAY = "holiday"
    SPRING_RAMP = "spring_ramp"
    LOW_USE = "low_use"  # a workday far below the working days


#: Days left out for these reasons show nothing at all: dropping them beforehand changes nothing.
CALENDAR_REASONS = (DropReason.HOLIDAY, DropReason.SPRING_RAMP, DropReason.LOW_USE)

METHODS = ("mean", "median", "mid6of10", "capacity")


@dataclass(frozen=True, slots=True)
class DayLoads:
    """One local day of one scope.

    kw: [T] mean load of each slot, NaN where there is no evidence; the whole day, 92, 96 or 100 slots at 900 s. A zero
    that nothing proves (SEMANTICS §2.11) is handed in as 0: whether this plant idles at 0 is what is to be learned.
    reason: why the caller leaves the day out (``DropReason.ORDER``, ``DropReason.OUTAGE``), None otherwise.
    """

    day: date
    kind: str
    kw: F64
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class DayTypeRow:
    """Baseline of one day type. ``all`` is a day of any type; its energy is that of a working day."""

    day_type: str  # all | workday | restday
    day_kwh: float
    running_kw: float  # load while it runs on such days
    profile_kw: tuple[float, ...]  # one value a slot of a 24 h day; their energy is day_kwh
    days: int
    rrmse: float | None  # error of the energies of left-out days, share of their mean; None: too few days
    bias: float | None  # mean of that error; above 0: the baseline is too high
    night_kwh: float | None  # mean energy above idle, 22:00-06:00, nights whose morning is a day used here
    night_sd_kwh: float | None


@dataclass(frozen=True, slots=True)
class DroppedDay:
    """A day left out."""

    day: date
    reason: str


@dataclass(frozen=True, slots=True)
class RunUp:
    """Whether a plant ran more in the last four weeks before a season than in the same weeks of the year before; in the
    whole period where the rest of it is too short to hold against them."""

    share: float | None  # rise of the working day's energy, 0.1 = 10 % more; None where it cannot be told
    kwh: float | None  # mean working day now
    before_kwh: float | None  # and a year ago
    is_suspicious: bool
    zh: str
    en: str
    rest_share: float | None = None  # rise in the rest of the period; None where that is too short


@dataclass(frozen=True, slots=True)
class Fit:
    """A baseline as learned. ``refusal`` set: nothing can be learned, and every level is None."""

    method: str
    slot_s: int
    first_day: date | None
    last_day: date | None
    running_kw: float | None
    max_kw: float | None
    idle_kw: float | None  # None: never seen standing still, see ``idle_reason``
    idle_reason: str  # code: learned | never_stops | too_high | too_little | too_rare
    idle_median_kw: float | None
    idle_hours: float  # of standing still that idle_kw rests on, its beginnings and ends cut
    stops: int  # how often it stood still
    split_kw: float | None  # loads above it count as running; None where idle_kw is None
    floor_kw: float | None
    equal_h: float | None
    idle_equal_h: float | None
    rows: tuple[DayTypeRow, ...]  # of every type that has days: all, workday, restday
    applied: tuple[str, ...]  # day types that the registry gets: ("all",) or ("workday", "restday")
    applied_reason: str  # code: same | few | idle | mixed | differs
    confidence: str  # high | medium | low
    used: tuple[date, ...]  # the days whose energies count, rest days included
    dropped: tuple[DroppedDay, ...]
    doubts: tuple[str, ...]  # codes, see ``detectors.baseline_words``
    data_hash: str  # sha256 of the days that count and of the settings
    refusal: str | None  # code: no_days | few_days | no_load | no_capacity
    run_up: RunUp | None
    zh: str
    en: str

    def row(self, day_type: str) -> DayTypeRow | None:
        """The row of a day type, None where it has no days."""
        return next((r for r in self.rows if r.day_type == day_type), None)

    @property
    def day_kwh(self) -> float | None:
        """Energy of a working day."""
        row = self.row("all")
        return row.day_kwh if row else None

    @property
    def rrmse(self) -> float | None:
        """Error of the energies of left-out working days, share of their mean."""
        row = self.row("all")
        return row.rrmse if row else None

    @property
    def bias(self) -> float | None:
        """Mean of that error; above 0: the baseline is too high."""
        row = self.row("all")
        return row.bias if row else None

    @property
    def night_kwh(self) -> float | None:
        """Mean energy above idle of the nights before used days."""
        row = self.row("all")
        return row.night_kwh if row else None

    @property
    def night_sd_kwh(self) -> float | None:
        """Its standard deviation from night to night."""
        row = self.row("all")
        return row.night_sd_kwh if row else None


def dropped_counts(dropped: Sequence[DroppedDay]) -> dict[str, int]:
    """How many days each reason left out, in the order of ``DropReason``, other reasons behind them."""
    order = {str(r): i for i, r in enumerate(DropReason)}
    reasons = sorted({d.reason for d in dropped}, key=lambda r: (order.get(r, len(order)), r))
    return {reason: sum(d.reason == reason for d in dropped) for reason in reasons}
