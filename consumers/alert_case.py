"""One alert with what its sentences need: numbers in the units people use, times in the registry's zone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from detectors.alerts import FINAL_AFTER_S, Alert
from detectors.registry import Baseline, Order
from detectors.slots import instant, local_date
from detectors.thresholds import kind_of

#: Chinese and English.
Words = tuple[str, str]
NOTHING: Words = ("", "")


@dataclass(frozen=True, slots=True)
class AlertCase:
    """Everything that the words of an alert are made of. None: not known, never 0.

    baseline: the one whose version the alert names. thresholds: as the alert shows them. steps_kw: by meter, what one
    step of its register is worth at the slot width (u_kw), only of meters that are registers.
    """

    alert: Alert
    subject: str
    order: Order | None
    baseline: Baseline | None
    thresholds: Mapping[str, Any]
    below_min: float  # so long at or under ``below_share`` of the cap closes a slot rule
    below_share: float
    low_confidence: float  # a baseline with a larger RRMSE is of low confidence
    steps_kw: Mapping[str, float]
    slot_s: int
    zone: ZoneInfo

    @property
    def peak_kw(self) -> float | None:
        """Highest mean load of a slot."""
        wh = self.alert.peak_wh
        return None if wh is None else wh * 3.6 / self.slot_s

    @property
    def over_kwh(self) -> float | None:
        """Energy above the cap."""
        return None if self.alert.over_wh is None else self.alert.over_wh / 1000

    @property
    def hours(self) -> float:
        """From the beginning of the first slot to the end of the last."""
        return (self.alert.last_slot + 1 - self.alert.first_slot) * self.slot_s / 3600

    def threshold(self, name: str) -> float | None:
        """A threshold of the alert's rule: as shown beside it, else its default; None where the rule has none."""
        shown = self.thresholds.get(name)
        if isinstance(shown, int | float):
            return float(shown)
        kind = kind_of(self.alert.rule.value, name)
        return None if kind is None else kind.default

    def fact(self, name: str) -> float | None:
        """A number that the rule recorded, or None."""
        value = self.alert.facts.get(name)
        return float(value) if isinstance(value, int | float) and value == value else None

    def fact_kw(self, name: str) -> float | None:
        """A recorded energy of one slot as its mean load."""
        wh = self.fact(name)
        return None if wh is None else wh * 3.6 / self.slot_s

    def at(self, slot_edge: int) -> datetime:
        """Local time of the beginning of a slot."""
        return self.moment(slot_edge * self.slot_s)

    def moment(self, epoch_s: int) -> datetime:
        """Local time of an instant."""
        return datetime.fromtimestamp(epoch_s, self.zone)

    @property
    def final_at(self) -> datetime:
        """When late readings change nothing any more (SEMANTICS §1.5)."""
        day = local_date(self.zone.key, self.alert.last_slot * self.slot_s)
        return self.moment(instant(self.zone.key, day, 86_400) + FINAL_AFTER_S)


def kw(value: float) -> str:
    """A load."""
    return f"{value:,.1f} kW"


def kwh(value: float) -> str:
    """An energy."""
    return f"{value:,.1f} kWh"


def hours(value: float) -> str:
    """A length of time, without needless decimals: ``1.25 h``."""
    return f"{value:,.2f}".rstrip("0").rstrip(".") + " h"


def minutes(value: float) -> str:
    """A length of time of a threshold."""
    return f"{value:g} min"


def per_cent(share: float) -> str:
    """A share of one as per cent."""
    return f"{share * 100:.3g} %"


def day_and_time(moment: datetime) -> str:
    """Without the year: alerts are read in their season."""
    return f"{moment:%m-%d %H:%M}"


def span(case: AlertCase) -> str:
    """From the beginning of the first slot to the end of the last; the date once where it is the same."""
    begin, end = case.at(case.alert.first_slot), case.at(case.alert.last_slot + 1)
    shown = f"{end:%H:%M}" if begin.date() == end.date() else day_and_time(end)
    return f"{day_and_time(begin)}–{shown}"


def joined(parts: list[Words], zh: str, en: str) -> Words:
    """Pieces that say something, with separators between them."""
    said = [p for p in parts if p != NOTHING]
    return zh.join(p[0] for p in said), en.join(p[1] for p in said)
