"""An alert as the judgement makes it: one per scope, rule and order, growing by duration (SEMANTICS §5)."""

import hashlib
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.slots import instant, local_date
from detectors.vocab import CloseReason, Condition, Evidence, Rule

#: Evidence is final this long after the end of the last slot's local day (SEMANTICS §1.5).
FINAL_AFTER_S = 3 * 86_400


@dataclass(slots=True)
class Alert:
    """Slots are numbers; an instant of the feed is the end of its slot. ``pending_*`` collects what came after
    ``last_slot`` and belongs to the alert only if it grows again."""

    scope_id: str
    rule: Rule
    order_id: str | None
    grade: int
    first_slot: int
    opened_slot: int
    last_slot: int
    order_revision: int | None = None
    baseline_version: str | None = None
    closed_slot: int | None = None
    close_reason: CloseReason | None = None
    is_recovering: bool = False
    peak_wh: int | None = None
    peak_cap_kw: float | None = None
    over_wh: float | None = None
    coverage_sum: float = 0.0
    n_slots: int = 0
    pending_peak_wh: int | None = None
    pending_cap_kw: float | None = None
    pending_over_wh: float = 0.0
    pending_coverage: float = 0.0
    pending_n: int = 0
    meters: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def condition(self) -> Condition:
        """Condition in event time."""
        if self.closed_slot is not None:
            return Condition.CLOSED
        return Condition.RECOVERING if self.is_recovering else Condition.FIRING

    @property
    def coverage(self) -> float:
        """Mean coverage of its slots."""
        return self.coverage_sum / self.n_slots if self.n_slots else 0.0

    def alert_id(self, slot_s: int) -> str:
        """Stable name: hash of scope, rule, order and the end of the first slot (SEMANTICS §5.30)."""
        text = f"{self.scope_id}|{self.rule.value}|{self.order_id or ''}|{(self.first_slot + 1) * slot_s}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def evidence(self, zone: str, slot_s: int, as_of: int) -> Evidence:
        """Final once three days have passed since the end of its last slot's local day, before that provisional."""
        day_end = instant(zone, local_date(zone, self.last_slot * slot_s), 86_400)
        return Evidence.FINAL if as_of >= day_end + FINAL_AFTER_S else Evidence.PROVISIONAL

    def measure(self, load_wh: int | None, cap_kw: float, coverage: float, hours: float, *, grows: bool) -> None:
        """Count one slot; ``grows``: the alert holds in this slot, so everything up to it belongs to the alert."""
        if load_wh is not None:
            if self.pending_peak_wh is None or load_wh > self.pending_peak_wh:
                self.pending_peak_wh, self.pending_cap_kw = load_wh, None if cap_kw != cap_kw else cap_kw
            self.pending_over_wh += max(0.0, load_wh - cap_kw * 1000 * hours)  # a cap that is not known: NaN, nothing
        self.pending_coverage += coverage
        self.pending_n += 1
        if grows:
            self._absorb_pending()

    def measure_span(
        self,
        is_known: npt.NDArray[np.bool_],
        load_wh: npt.NDArray[np.int64],
        cap_kw: npt.NDArray[np.float64],
        coverage: npt.NDArray[np.float64],
    ) -> None:
        """Count adjacent slots in all of which the alert holds; its energy over is not theirs. is_known: the load."""
        at = np.flatnonzero(is_known)
        if len(at):
            peak = at[load_wh[at].argmax()]
            self.peak_wh, self.peak_cap_kw = int(load_wh[peak]), float(cap_kw[peak])
            self.peak_cap_kw = None if self.peak_cap_kw != self.peak_cap_kw else self.peak_cap_kw
        self.coverage_sum = float(np.cumsum(coverage)[-1])  # in order, as slot by slot
        self.n_slots = len(coverage)

    def _absorb_pending(self) -> None:
        if self.pending_peak_wh is not None and (self.peak_wh is None or self.pending_peak_wh > self.peak_wh):
            self.peak_wh, self.peak_cap_kw = self.pending_peak_wh, self.pending_cap_kw
        self.over_wh = (self.over_wh or 0.0) + self.pending_over_wh
        self.coverage_sum += self.pending_coverage
        self.n_slots += self.pending_n
        self.pending_peak_wh, self.pending_cap_kw = None, None
        self.pending_over_wh, self.pending_coverage, self.pending_n = 0.0, 0.0, 0


@dataclass(frozen=True, slots=True)
class Carry:
    """What one local day hands to the next of a scope: open alerts, closes that still cut a window short, and what
    the night that began in its evening rests on."""

    open: tuple[Alert, ...] = ()
    closed: tuple[tuple[str, str, int], ...] = ()  # rule, order_id, slot
    ran: tuple[tuple[str, int, int], ...] = ()  # `stop_run` that opened in the evening and closed: order, first, opened
    doubted: tuple[tuple[int, int], ...] = ()  # suspect slots of the last hours: slot, reason bits
    level: tuple[int, float] | None = None  # a meter off its level at midnight: since which slot, by which factor

    def to_json(self) -> dict[str, Any]:
        """Plain data; equal carries give equal data."""
        ran = {"ran": [list(r) for r in self.ran]} if self.ran else {}
        doubted = {"doubted": [list(d) for d in self.doubted]} if self.doubted else {}
        level = {"level": list(self.level)} if self.level else {}
        closed = [list(c) for c in self.closed]
        return {"open": [asdict(a) for a in self.open], "closed": closed, **ran, **doubted, **level}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Carry":
        """The carry that ``to_json`` wrote."""
        names = {f.name for f in fields(Alert)}
        alerts = []
        for row in data.get("open", []):
            known = {k: v for k, v in row.items() if k in names}
            reason = known.get("close_reason")
            known |= {
                "rule": Rule(known["rule"]),
                "close_reason": CloseReason(reason) if reason else None,
                "meters": tuple(known.get("meters", ())),
            }
            alerts.append(Alert(**known))
        closed = tuple((str(r), str(o), int(s)) for r, o, s in data.get("closed", []))
        ran = tuple((str(order), int(first), int(opened)) for order, first, opened in data.get("ran", []))
        doubted = tuple((int(slot), int(bits)) for slot, bits in data.get("doubted", []))
        level = (int(data["level"][0]), float(data["level"][1])) if data.get("level") else None
        return Carry(tuple(alerts), closed, ran, doubted, level)

    def opened(self, rule: Rule, order_id: str | None) -> Alert | None:
        """A copy of the open alert of a rule and order, or None."""
        return next(
            (replace(a, facts=dict(a.facts)) for a in self.open if a.rule == rule and a.order_id == order_id), None
        )

    def last_close(self, rule: Rule, order_id: str | None) -> int | None:
        """Slot of the last close of a rule and order, where it still matters."""
        return next((s for r, o, s in self.closed if r == rule.value and o == (order_id or "")), None)


NOTHING_CARRIED = Carry()
