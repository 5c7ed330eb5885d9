"""What goes into the reference judgement and what comes out: plain frozen values, nothing computed here.

The fast implementation returns the same values (through an adapter in ``tests/cases/judges.py``), so that one set of
cases and one comparison serve both. Loads kW, energies kWh, times epoch seconds UTC; None = unknown, never 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from detectors.registry import Registry
from detectors.vocab import CloseReason, Condition, Evidence, Kind, Quality, Reason, Rule, Scale, Verdict

#: Day type of a local day: "workday" or "restday"; a mapping may leave out days (then Monday to Friday work).
DayTypes = Callable[[date], str] | Mapping[date, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """One canonical reading (FEED §1); ``value`` in kW, kWh, V or A as the unit says, multiplier not yet applied."""

    meter_id: str
    kind: Kind
    ts: int
    value: float | None
    q: Quality = Quality.M
    rev: int = 0
    coll_ms: int = 0
    scale: Scale = Scale.PRIMARY
    period_s: int = 900


@dataclass(frozen=True, slots=True)
class SlotRow:
    """One row of slots.csv (CONTRACTS §3)."""

    scope_id: str
    slot_end: int
    load_kw: float | None
    coverage: float
    cap_kw: float | None
    verdict: Verdict
    reasons: frozenset[Reason]
    order_id: str | None
    baseline_version: str | None


@dataclass(frozen=True, slots=True)
class DayRow:
    """One row of days.csv (CONTRACTS §3)."""

    scope_id: str
    day: date
    energy_kwh: float | None
    cap_kwh: float | None
    coverage: float
    verdict: Verdict
    reasons: frozenset[Reason]
    order_id: str | None
    violating_hours: float


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One row of alerts.csv (CONTRACTS §3) and what the feed adds to it."""

    alert_id: str
    scope_id: str
    plant_id: str
    rule: Rule
    grade: int
    order_id: str | None
    condition: Condition
    first_slot_end: int
    opened_at_slot_end: int
    last_slot_end: int
    closed_slot_end: int | None
    peak_kw: float | None
    cap_kw: float | None
    energy_over_kwh: float | None
    coverage: float
    evidence: Evidence
    close_reason: CloseReason | None
    order_revision: int | None
    baseline_version: str | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything a back-test writes, sorted: slots by scope and end, days by scope and date, alerts by their key."""

    slots: tuple[SlotRow, ...]
    days: tuple[DayRow, ...]
    alerts: tuple[AlertRow, ...]


@dataclass(frozen=True, slots=True)
class World:
    """One input of a judgement; shown without its thousands of readings."""

    registry: Registry
    readings: tuple[Reading, ...] = field(repr=False)
    as_of: int
    slot_s: int = 900
    day_types: DayTypes | None = None


class Judge(Protocol):
    """An implementation of SEMANTICS."""

    def __call__(
        self,
        registry: Registry,
        readings: Sequence[Reading],
        as_of: int,
        slot_s: int = 900,
        day_types: DayTypes | None = None,
    ) -> Judgement:
        """Judge every scope of the registry up to ``as_of``."""
