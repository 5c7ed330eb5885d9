"""An outcome against its case: what was found, when, and what was raised without cause."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from detectors.slots import local_date
from detectors.vocab import Rule, Verdict
from tests.quality.case import Case, Event
from tests.quality.judging import Outcome, Raised, judged_days, judged_slots
from tests.quality.kinds import DATA_RULES
from tests.quality.natural import Span
from tests.quality.sites import SLOT_S

#: An alert that opens so many slots behind an event is still of it: n of m needs no more.
BEHIND = 8
#: Rules that tell of data or supply; every other one, and every rival, accuses the plant.
_TELLING = {r.value for r in (*DATA_RULES, Rule.OUTAGE, Rule.FEED_DOWN)}
_DATA = {r.value for r in DATA_RULES}
#: Rules about a local day: what happened earlier in it is their cause.
_BY_DAY = {r.value for r in (Rule.STOP_DAY, Rule.HOURS_OVER, Rule.LIMIT_DAY, Rule.LIMIT_PACE)}


@dataclass(frozen=True, slots=True)
class Found:
    """What became of an event. slots: from the first slot at which it was true to the one that opened the alert, both
    counted; None: not found by any rule. by: each rule that told of it, with its own slots."""

    case_id: str
    event: Event
    slots: int | None
    by: dict[str, int]


@dataclass(frozen=True, slots=True)
class Wrong:
    """An alert without cause."""

    case_id: str
    alert: Raised
    about: str


@dataclass(slots=True)
class Score:
    """Counts of some outcomes of one judge. Slots are those that the cases are about."""

    cases: int = 0
    scope_days: int = 0
    slots: int = 0
    slots_unknown: int = 0
    slots_measured_unknown: int = 0
    slots_missing: int = 0
    slots_missing_compliant: int = 0
    slots_faulty: int = 0
    slots_faulty_compliant: int = 0
    honest_days: int = 0
    honest_days_violating: int = 0
    honest_days_unknown: int = 0
    found: list[Found] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)
    right: dict[str, int] = field(default_factory=dict)  # alerts with cause, by rule
    right_accusing: int = 0  # those of grade 2 that accuse a plant
    blind: list[tuple[str, int]] = field(default_factory=list)  # missing slots called compliant: case, how many

    def add(self, other: "Score") -> None:
        """Count another one in."""
        for name in self.__slots__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, dict):
                for rule, n in theirs.items():
                    mine[rule] = mine.get(rule, 0) + n
            else:
                setattr(self, name, mine + theirs)


def accuses(alert: Raised) -> bool:
    """Whether an alert says of a plant that it broke its order: grade 2, and not about data or supply."""
    return alert.grade == 2 and alert.rule not in _TELLING


def scored(outcome: Outcome) -> Score:
    """Score one outcome."""
    case = outcome.case
    score = Score(cases=1, scope_days=judged_days(case))
    _count_slots(score, outcome)
    _count_days(score, outcome)
    for event in case.events:
        score.found.append(_found(case, event, [a for a in outcome.alerts if a.rule not in _TELLING]))
    for event in case.faults:
        score.found.append(_found(case, event, [a for a in outcome.alerts if a.rule in _DATA]))
    for alert in outcome.alerts:
        cause = _cause(case, alert)
        if cause is True:
            score.right[alert.rule] = score.right.get(alert.rule, 0) + 1
            score.right_accusing += accuses(alert)
        elif cause is False:
            score.wrong.append(Wrong(case.case_id, alert, case.about))
    return score


def _found(case: Case, event: Event, alerts: list[Raised]) -> Found:
    by: dict[str, int] = {}
    for alert in alerts:
        opens_in = event.span.first <= alert.opened_slot < event.span.end + BEHIND
        holds = alert.opened_slot < event.span.first <= alert.last_slot
        if opens_in or holds:
            slots = max(alert.opened_slot, event.span.first) - event.due_slot + 1
            by[alert.rule] = min(slots, by.get(alert.rule, slots))
    # A warning tells beforehand; it finds nothing.
    finders = [n for rule, n in by.items() if rule != Rule.LIMIT_PACE.value]
    return Found(case.case_id, event, min(finders, default=None), by)


def _cause(case: Case, alert: Raised) -> bool | None:
    """Whether an alert has one; None where that is left open."""
    if alert.rule not in _TELLING:
        if any(e.span.first <= alert.opened_slot < e.span.end + BEHIND for e in case.events):
            return True
        if alert.rule in _BY_DAY and any(_same_day(case, e.span, alert.opened_slot) for e in case.events):
            return True
        if any(g.first <= alert.opened_slot < g.end + BEHIND for g in case.gray):
            return None
        if any(s.meets(alert.first_slot, alert.opened_slot + 1) for s in case.true_of.get(alert.rule, ())):
            return None
        slots = np.arange(alert.first_slot, alert.opened_slot + 1) - case.first_slot
        about = judged_slots(case)
        inside = slots[(slots >= 0) & (slots < len(about))]
        return False if about[inside].any() else None
    if alert.rule in _DATA:
        if any(e.span.meets(alert.first_slot, alert.last_slot + 1) for e in case.faults):
            return True
        low, high = alert.first_slot - case.first_slot, alert.last_slot + 1 - case.first_slot
        if low < 0 or high > len(case.true_kw):
            return None
        untold = ~case.is_evidence[low:high] | (case.sent_kw[low:high] == 0)
        return None if untold.any() else False
    return None


def _same_day(case: Case, span: Span, opened_slot: int) -> bool:
    """Whether some of a span lies before a slot of the same local day."""
    day = local_date(case.zone, opened_slot * SLOT_S)
    return span.first <= opened_slot and local_date(case.zone, (span.end - 1) * SLOT_S) >= day


def _count_slots(score: Score, outcome: Outcome) -> None:
    case, about = outcome.case, judged_slots(outcome.case)
    if case.order is None:
        return
    missing = about & ~case.is_evidence
    faulty = np.zeros(len(about), np.bool_)
    for fault in case.faults:
        if fault.what != "silent":
            faulty[case.columns(fault.span)] = True
    faulty &= about & ~missing
    unknown, compliant = outcome.verdicts == Verdict.UNKNOWN, outcome.verdicts == Verdict.COMPLIANT
    blind = int((missing & compliant).sum())
    score.slots += int(about.sum())
    score.slots_unknown += int((about & unknown).sum())
    score.slots_measured_unknown += int((about & unknown & ~missing & ~faulty).sum())
    score.slots_missing += int(missing.sum())
    score.slots_missing_compliant += blind
    score.slots_faulty += int(faulty.sum())
    score.slots_faulty_compliant += int((faulty & compliant).sum())
    if blind:
        score.blind.append((case.case_id, blind))


def _count_days(score: Score, outcome: Outcome) -> None:
    """Days on which nothing happened and everything was measured must be compliant."""
    case, about = outcome.case, judged_slots(outcome.case)
    marked = ~case.is_evidence
    for span in [*(e.span for e in case.events), *(e.span for e in case.faults), *case.gray]:
        marked[case.columns(span)] = True
    firsts = sorted(outcome.days)
    for first, end in pairwise([*firsts, case.end_slot]):
        day = slice(max(0, first - case.first_slot), min(end, first + 100) - case.first_slot)
        if not about[day].any() or marked[day].any():
            continue
        verdict = outcome.days[first]
        score.honest_days += 1
        score.honest_days_violating += verdict == Verdict.VIOLATING
        score.honest_days_unknown += verdict == Verdict.UNKNOWN
