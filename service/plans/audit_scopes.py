"""Whether what a rulebook orders can be judged at all: meters, baselines, lines, pushes. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from detectors.lines import ScopeLines, allowed_units, lines_by_scope, unit_loads_kw
from detectors.registry import Baseline, Line, Order
from detectors.vocab import Control, Measure
from service.plans import audit_words as words
from service.plans.audit import finding
from service.plans.audit_case import AuditCase
from service.plans.audit_findings import Code, Finding, Where
from service.plans.rows import shown_time

#: Kind of a scope whose energy counts pushes 推焦.
_PUSHES = "pushes"
_NO_LINES = ScopeLines((), False, ())


@dataclass(frozen=True, slots=True)
class _Office:
    """Rows by what they belong to. valid: meter -> its validity."""

    valid: Mapping[str, tuple[int, int]]
    baselines: Mapping[str, Sequence[Baseline]]
    lines: Mapping[str, Line]
    kinds: Mapping[str, str]
    plants: Mapping[str, str]

    def baseline_at(self, scope_id: str, at: int) -> Baseline | None:
        """One that counts (SEMANTICS §3.15, §3.16), of whatever type of day; those with day energy first."""
        found = [b for b in self.baselines.get(scope_id, ()) if b.valid_from <= at < b.valid_to and b.running_kw > 0]
        return next((b for b in found if _has_day_energy(b)), found[0] if found else None)


def scope_findings(case: AuditCase, as_of: int) -> Iterator[Finding]:
    """What is missing to judge the orders that are in force at ``as_of`` (epoch seconds) or will be; of those that are
    over, at their end."""
    baselines: dict[str, list[Baseline]] = defaultdict(list)
    for baseline in case.registry.baselines:
        baselines[baseline.scope_id].append(baseline)
    office = _Office(
        valid={m.meter_id: (m.valid_from, m.valid_to) for m in case.registry.meters},
        baselines=baselines,
        lines={line.line_id: line for line in case.registry.lines},
        kinds={scope.scope_id: scope.kind for scope in case.registry.scopes},
        plants=case.plant_of_scopes(),
    )
    counted = lines_by_scope(case.registry, case.orders)
    for order in case.orders:
        at = min(max(as_of, order.valid_from), order.valid_to - 1)
        where = Where(office.plants[order.scope_id], scope_id=order.scope_id)
        yield from _meters(case, office, order, at, where)
        if order.control is Control.UNITS:
            yield from _lines(case, office, order, at, where, counted.get(order.scope_id, _NO_LINES))
        elif order.control is Control.COKING and office.kinds[order.scope_id] != _PUSHES:
            yield finding(Code.COKING_WITHOUT_PUSHES, words.coking_without_pushes(), where, case, order.clause)
        else:
            yield from _baseline(case, office, order, at, where)


def _meters(case: AuditCase, office: _Office, order: Order, at: int, where: Where) -> Iterator[Finding]:
    spans = []
    for member in case.members.get(order.scope_id, ()):
        begin, end = office.valid[member.meter_id]
        spans.append((max(begin, member.valid_from), min(end, member.valid_to)))
    if any(begin <= at < end for begin, end in spans):
        return
    ended = max((end for begin, end in spans if begin < end <= at), default=None)
    zone = case.registry.zone
    said = words.no_meter(order, None if ended is None else shown_time(ended, zone))
    yield replace(finding(Code.NO_METER, said, where, case, order.clause), since=ended)


def _baseline(case: AuditCase, office: _Office, order: Order, at: int, where: Where) -> Iterator[Finding]:
    """SEMANTICS §3.16: a cap is judged, a stop with a residual load is judged, all else needs a baseline."""
    if order.control is Control.CAP or (order.control is Control.STOP and order.residual_kw is not None):
        return
    baseline = office.baseline_at(order.scope_id, at)
    by_energy = order.control is Control.COKING or order.measure is Measure.ENERGY
    lacks_day = baseline is not None and order.control is not Control.STOP and by_energy
    if baseline is None or (lacks_day and not _has_day_energy(baseline)):
        said = words.no_baseline(order, lacks_day_energy=baseline is not None)
        yield finding(Code.NO_BASELINE, said, where, case, order.clause)


def _has_day_energy(baseline: Baseline) -> bool:
    return baseline.day_kwh is not None or bool(baseline.profile_kw)


def _lines(
    case: AuditCase,
    office: _Office,
    order: Order,
    at: int,
    where: Where,
    counted: ScopeLines,
) -> Iterator[Finding]:
    """Running units are counted by the meters of all lines, or else estimated from the loads of all units."""
    if allowed_units(order, sum(units for _, units, _ in counted.lines)) is None:
        said = words.lines_without_units(order, None)
        yield finding(Code.LINES_WITHOUT_UNITS, said, where, case, order.clause)
        return
    for line_id, _, _ in counted.lines:
        line = office.lines[line_id]
        baseline = office.baseline_at(line_id, at)
        loads = unit_loads_kw([line], [None if baseline is None else baseline.running_kw])
        is_count_missing = line.kind == "cells" and line.units is None
        if is_count_missing or (not counted.is_metered and None in loads):
            said = words.lines_without_units(order, line_id, is_count_missing=is_count_missing)
            yield finding(Code.LINES_WITHOUT_UNITS, said, replace(where, line_id=line_id), case, order.clause)
