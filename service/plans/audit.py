"""Audit of the list (四(四)): who should be on it and is not, and what is missing to judge those who are. Pure.

One rulebook, the stored registry and what was measured in; findings out, sorted. Nothing here is an order or a verdict:
every finding says what somebody has to look up, import or inspect.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from detectors.registry import Plant
from detectors.rulebook.decisions import Decision, Outcome
from detectors.rulebook.facts import plant_facts
from detectors.rulebook.livelihood import clause_of
from detectors.rulebook.schema import Item, Livelihood
from detectors.rulebook.words import METERS
from service.plans import audit_words as words
from service.plans.audit_case import AuditCase, approvals_of, is_of_the_plan
from service.plans.audit_findings import SEVERITY, Code, Finding, HeldMeter, Severity, Where
from service.plans.audit_words import Said
from service.plans.running import DEFAULTS, RunningLook, RunningThresholds


@dataclass(frozen=True, slots=True)
class Measured:
    """What readings tell. as_of: slot end up to which everything was judged, epoch seconds; None: nothing was yet.

    last_valid: meter -> ts of its last reading with evidence; absent: never. running: plants that look running;
    accounts: (plant, account) that do. thresholds: by which.
    """

    as_of: int | None = None
    last_valid: Mapping[str, int] = field(default_factory=dict)
    running: Mapping[str, RunningLook] = field(default_factory=dict)
    accounts: Mapping[tuple[str, str], RunningLook] = field(default_factory=dict)
    unknown: Sequence[HeldMeter] = ()
    thresholds: RunningThresholds = DEFAULTS


def finding(code: Code, said: Said, where: Where, case: AuditCase | None = None, clause: str | None = None) -> Finding:
    """A finding of the usual severity."""
    rulebook = None if case is None else case.rulebook.rulebook_id
    return Finding(code, SEVERITY[code], where, rulebook, clause, said.zh, said.en, said.do_zh, said.do_en)


def list_findings(case: AuditCase, as_of: int) -> Iterator[Finding]:
    """The list against the rulebook's decisions. as_of: epoch seconds, for approvals."""
    if case.listed is None and case.rulebook.season is not None:
        yield finding(Code.NO_LIST, words.no_list(case.rulebook), Where(), case)
    for plant_id, fault in case.refused.items():
        yield finding(Code.PLAN_REFUSED, words.plan_refused(fault.zh, str(fault)), Where(plant_id), case)
    by_plant = case.by_plant
    open_lines = {d.plant_id for d in case.decisions if d.line_id and d.outcome is Outcome.CANNOT_DECIDE}
    for decision in case.decisions:
        at = Where(decision.plant_id, decision.line_id)
        whole = by_plant[decision.plant_id]
        is_told_of_plant = decision.line_id is not None and not whole.is_listed
        if not decision.is_listed and is_of_the_plan(decision) and not is_told_of_plant:
            found = finding(Code.UNLISTED, words.unlisted(case.rulebook, decision), at, case, decision.clause)
            is_open = decision.outcome is Outcome.CANNOT_DECIDE
            yield replace(found, severity=Severity.WARNING, missing=decision.missing) if is_open else found
        is_told_of_lines = decision.line_id is None and decision.plant_id in open_lines
        if decision.outcome is Outcome.CANNOT_DECIDE and not is_told_of_lines:
            yield _open(case, decision, at)
    yield from _listed_not_covered(case)
    yield from _approvals(case, as_of)


def order_findings(case: AuditCase) -> Iterator[Finding]:
    """Whether orders stand as the rulebook asks."""
    if case.changes:
        found = finding(Code.NOT_APPLIED, words.not_applied(case.rulebook, case.changes), Where(), case)
        yield replace(found, numbers={what: float(n) for what, n in sorted(case.changes.items())})


def _open(case: AuditCase, decision: Decision, at: Where) -> Finding:
    """What cannot be decided: for want of attributes, or of meters alone."""
    if decision.missing == (METERS,):
        return finding(Code.NO_METER, words.nothing_measures(decision), at, case, decision.clause)
    found = finding(Code.UNDECIDED, words.undecided(decision), at, case, decision.clause)
    return replace(found, missing=words.missing_names(case.rulebook, decision.missing))


def _listed_not_covered(case: AuditCase) -> Iterator[Finding]:
    """Rows of the list of which nothing is ordered, each once."""
    decided = {(d.plant_id, d.line_id): d for d in case.decisions}
    rows = [row for rows in (case.office.listings or {}).values() for row in rows]
    for plant_id, line_id in sorted({(row.plant_id, row.line_id or "") for row in rows}):
        decision = decided.get((plant_id, line_id or None)) or decided.get((plant_id, None))
        if decision is not None and decision.outcome in (Outcome.EXEMPT, Outcome.NOT_COVERED):
            said = words.listed_not_covered(case.rulebook, decision)
            yield finding(Code.LISTED_NOT_COVERED, said, Where(plant_id, line_id or None), case, decision.clause)


def _approvals(case: AuditCase, as_of: int) -> Iterator[Finding]:
    """Tasks of livelihood without an approval in force, and approvals that are not as the clause wants them."""
    livelihood = case.rulebook.livelihood
    at = as_of
    if case.rulebook.season is not None:
        begin, end = case.rulebook.span()
        at = min(max(as_of, begin), end - 1)
    plants = {plant.plant_id: plant for plant in case.office.plants}
    told: set[tuple[str, int]] = set()
    for decision in case.decisions:
        base = decision.otherwise or decision
        if base.outcome is not Outcome.ORDERED or not decision.is_listed:
            continue
        approvals = approvals_of(case, base)
        is_in_force = any(a.valid_from <= at < a.valid_to for a in approvals)
        if (
            livelihood is not None
            and decision.line_id is None
            and not is_in_force
            and _has_task(case, plants[decision.plant_id], livelihood)
        ):
            said = words.approval_missing(case.rulebook, livelihood, has_other=bool(approvals))
            yield finding(Code.APPROVAL_MISSING, said, Where(decision.plant_id), case, livelihood.clause)
        for approval in approvals:
            clause = clause_of(case.rulebook, base, approval)
            if clause is None or (approval.scope_id, approval.valid_from) in told:
                continue
            told.add((approval.scope_id, approval.valid_from))
            where = Where(decision.plant_id, scope_id=approval.scope_id)
            if clause.approver and not _is_same_office(clause.approver, approval.approved_by):
                said = words.approver_differs(clause, approval)
                yield replace(
                    finding(Code.APPROVER_DIFFERS, said, where, case, clause.clause), since=approval.valid_from
                )
            if not isinstance(clause, Item) and clause.filing and not approval.filed_with:
                said = words.filing_missing(clause, approval)
                yield replace(finding(Code.FILING_MISSING, said, where, case, clause.clause), since=approval.valid_from)


def _has_task(case: AuditCase, plant: Plant, clause: Livelihood) -> bool:
    lines = case.office.lines.get(plant.plant_id, [])
    return bool(plant_facts(plant, lines, case.rulebook.attributes).of(clause.attribute).values)


def _is_same_office(wanted: str, given: str) -> bool:
    """Whether an approval names the office of the clause: 郑州市政府 is 郑州市人民政府, 市政府 may be any city's."""
    plain = [name.replace("人民", "").replace(" ", "") for name in (wanted, given)]
    return plain[0] in plain[1]


def sorted_findings(found: Iterable[Finding], plants: Mapping[str, Plant]) -> list[Finding]:
    """Each finding once, in order, with county and name of its plant."""
    by_key = {f.key: f for f in found}
    named = []
    for key in sorted(by_key):
        f = by_key[key]
        plant = plants.get(f.where.plant_id or "")
        named.append(f if plant is None else replace(f, county=plant.county, plant_name=plant.name))
    return named
