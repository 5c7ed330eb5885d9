"""What a case expects of a judgement. An Ellipsis means: not asked here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from types import EllipsisType

import pytest

from detectors.vocab import CloseReason, Condition, Evidence, Reason, Rule, Verdict
from tests.oracles.rows import AlertRow, Judgement, World

ANY: EllipsisType = ...


def _same(found: object, wanted: object) -> bool:
    if isinstance(wanted, EllipsisType):
        return True
    if isinstance(wanted, float) and isinstance(found, (int, float)):
        return found == pytest.approx(wanted, abs=5e-4)
    return found == wanted


@dataclass(frozen=True)
class Slot:
    """One slot row, named by its end."""

    end: int
    verdict: Verdict | EllipsisType = ANY
    scope: str = "P"
    load: float | EllipsisType | None = ANY
    coverage: float | EllipsisType = ANY
    cap: float | EllipsisType | None = ANY
    order: str | EllipsisType | None = ANY
    baseline: str | EllipsisType | None = ANY
    has: Reason | None = None  # this reason is among them

    def check(self, found: Judgement) -> None:
        """Fails where the row differs."""
        rows = [r for r in found.slots if r.scope_id == self.scope and r.slot_end == self.end]
        assert len(rows) == 1, f"{len(rows)} rows for {self}"
        row = rows[0]
        assert _same(row.verdict, self.verdict), (self, row)
        assert _same(row.load_kw, self.load), (self, row)
        assert _same(row.coverage, self.coverage), (self, row)
        assert _same(row.cap_kw, self.cap), (self, row)
        assert _same(row.order_id, self.order), (self, row)
        assert _same(row.baseline_version, self.baseline), (self, row)
        assert self.has is None or self.has in row.reasons, (self, row)


@dataclass(frozen=True)
class Day:
    """One day row."""

    day: date
    verdict: Verdict | EllipsisType = ANY
    scope: str = "P"
    energy: float | EllipsisType | None = ANY
    cap: float | EllipsisType | None = ANY
    coverage: float | EllipsisType = ANY
    order: str | EllipsisType | None = ANY
    hours: float | EllipsisType = ANY

    def check(self, found: Judgement) -> None:
        """Fails where the row differs."""
        rows = [r for r in found.days if r.scope_id == self.scope and r.day == self.day]
        assert len(rows) == 1, f"{len(rows)} rows for {self}"
        row = rows[0]
        assert _same(row.verdict, self.verdict), (self, row)
        assert _same(row.energy_kwh, self.energy), (self, row)
        assert _same(row.cap_kwh, self.cap), (self, row)
        assert _same(row.coverage, self.coverage), (self, row)
        assert _same(row.order_id, self.order), (self, row)
        assert _same(row.violating_hours, self.hours), (self, row)


@dataclass(frozen=True)
class Alert:
    """One alert, named by its rule, order and the end of its first slot."""

    rule: Rule
    first: int
    order: str | EllipsisType | None = ANY
    scope: str | EllipsisType = ANY
    opened: int | EllipsisType = ANY
    last: int | EllipsisType = ANY
    closed: int | EllipsisType | None = ANY
    reason: CloseReason | EllipsisType | None = ANY
    grade: int | EllipsisType = ANY
    condition: Condition | EllipsisType = ANY
    evidence: Evidence | EllipsisType = ANY
    peak: float | EllipsisType | None = ANY
    cap: float | EllipsisType | None = ANY
    energy_over: float | EllipsisType | None = ANY
    coverage: float | EllipsisType = ANY
    revision: int | EllipsisType | None = ANY
    alert_id: str | EllipsisType = ANY

    def _names(self, row: AlertRow) -> bool:
        is_key = row.rule == self.rule and row.first_slot_end == self.first
        return is_key and _same(row.order_id, self.order) and _same(row.scope_id, self.scope)

    def check(self, found: Judgement) -> None:
        """Fails where there is no such alert or a field differs."""
        rows = [r for r in found.alerts if self._names(r)]
        assert len(rows) == 1, (self, [r for r in found.alerts if r.rule == self.rule])
        row = rows[0]
        pairs = (
            (row.opened_at_slot_end, self.opened),
            (row.last_slot_end, self.last),
            (row.closed_slot_end, self.closed),
            (row.close_reason, self.reason),
            (row.grade, self.grade),
            (row.condition, self.condition),
            (row.evidence, self.evidence),
            (row.peak_kw, self.peak),
            (row.cap_kw, self.cap),
            (row.energy_over_kwh, self.energy_over),
            (row.coverage, self.coverage),
            (row.order_revision, self.revision),
            (row.alert_id, self.alert_id),
        )
        for value, wanted in pairs:
            assert _same(value, wanted), (wanted, self, row)


@dataclass(frozen=True)
class Count:
    """How many alerts of a rule (and order) there are in all."""

    rule: Rule
    number: int
    order: str | EllipsisType | None = ANY

    def check(self, found: Judgement) -> None:
        """Fails at another number."""
        rows = [r for r in found.alerts if r.rule == self.rule and _same(r.order_id, self.order)]
        assert len(rows) == self.number, (self, rows)


Expectation = Slot | Day | Alert | Count


CaseMaker = Callable[[], tuple[World, list[Expectation]]]
#: Every case, in the order of the sentences' modules.
CASES: list[tuple[int, str, CaseMaker]] = []


def case(sentence: int) -> Callable[[CaseMaker], CaseMaker]:
    """Register an example of a numbered sentence."""

    def register(make: CaseMaker) -> CaseMaker:
        CASES.append((sentence, make.__name__, make))
        return make

    return register
