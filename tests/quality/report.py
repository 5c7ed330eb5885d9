"""What was measured: a table for the terminal, ``build/quality.json``, ``docs/quality.md``."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from detectors.vocab import Rule
from tests.quality.festival import Festival
from tests.quality.kinds import DUE
from tests.quality.run import PRODUCT, Results
from tests.quality.score import Score, accuses

#: Night runs are to be found within so many slots.
WITHIN = 4
NIGHT_KINDS = ("night_run", "late")


@dataclass(frozen=True, slots=True)
class Target:
    """A target of the project, what was measured, and whether it is met."""

    place: str
    name: str
    wanted: str
    measured: str
    met: bool
    of: str


def targets(results: Results, festivals: Sequence[Festival], judge: str = PRODUCT) -> list[Target]:
    """The targets, on real plants; beside them the campus, which is none and whose meter fails."""
    met = []
    places = [("plants", results.plants())]
    if "campus" in results.groups(real=True):
        places.append(("campus", ["campus"]))
    for place, groups in places:
        score = results.total(judge, groups)
        night = [f for f in results.total(judge, groups, NIGHT_KINDS).found if f.event.what == "night_run"]
        found = sum(1 for f in night if f.slots is not None and f.slots <= WITHIN) / max(1, len(night))
        hard = sum(accuses(w.alert) for w in score.wrong)
        soft = sum(w.alert.grade == 1 and w.alert.rule not in _DATA_RULES for w in score.wrong)
        days, blind = max(1, score.scope_days), score.slots_missing_compliant
        of_days, of_slots = f"{days} scope-days", f"{score.slots_missing} slots"
        rate, rate_soft, wanted = 1000 * hard / days, 1000 * soft / days, "< 1 per 1,000 scope-days"
        met += [
            Target(
                place, "night runs found", ">= 99 % within 4 slots", f"{found:.2%}", found >= 0.99, f"{len(night)} runs"
            ),
            Target(place, "false alerts, grade 2", wanted, f"{rate:.2f}", rate < 1, of_days),
            Target(place, "false warnings, grade 1", wanted, f"{rate_soft:.2f}", rate_soft < 1, of_days),
            Target(
                place, "missing called compliant", "0 slots", str(blind), blind == 0 < score.slots_missing, of_slots
            ),
        ]
    if festivals:
        labelled = sum(f.days for f in festivals)
        agreement = sum(f.agreeing for f in festivals) / labelled
        blind = sum(f.missing_compliant + f.zeros_compliant for f in festivals)
        ones = sum(f.missing for f in festivals)
        shown = f"{agreement:.2%}"
        met += [
            Target("春节", "stop or run", ">= 98 % agreeing", shown, agreement >= 0.98, f"{labelled} days"),
            Target("春节", "values of 1 called compliant", "0 days", str(blind), blind == 0, f"{ones} days"),
        ]
    return met


@dataclass(frozen=True, slots=True)
class Line:
    """A judge on some cases."""

    name: str
    cases: int
    scope_days: int
    events: int
    recall: float | None
    slots_median: float | None
    slots_p95: float | None
    precision: float | None
    false_per_1000: float
    warnings_per_1000: float
    unknown: float
    missing_compliant: int
    faulty_compliant: float | None


def line(name: str, score: Score) -> Line:
    """The figures of a score. Precision: of alerts of grade 2; those of grade 1 are the warnings."""
    events = [f for f in score.found if f.event.what not in _DATA_EVENTS]
    slots = [f.slots for f in events if f.slots is not None]
    wrong = [w for w in score.wrong if w.alert.rule not in _DATA_RULES]
    hard, right = [w for w in wrong if accuses(w.alert)], score.right_accusing
    days = max(1, score.scope_days)
    return Line(
        name=name,
        cases=score.cases,
        scope_days=score.scope_days,
        events=len(events),
        recall=len(slots) / len(events) if events else None,
        slots_median=float(np.median(slots)) if slots else None,
        slots_p95=float(np.percentile(slots, 95)) if slots else None,
        precision=right / (right + len(hard)) if right + len(hard) else None,
        false_per_1000=1000 * len(hard) / days,
        warnings_per_1000=1000 * (len(wrong) - len(hard)) / days,
        unknown=score.slots_unknown / score.slots if score.slots else 0.0,
        missing_compliant=score.slots_missing_compliant,
        faulty_compliant=score.slots_faulty_compliant / score.slots_faulty if score.slots_faulty else None,
    )


_DATA_RULES = (Rule.OFFLINE.value, Rule.BAD_DATA.value)
_DATA_EVENTS = {what for what, rules in DUE.items() if set(rules) <= {Rule.OFFLINE, Rule.BAD_DATA}}


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule of the product on a group of sites."""

    group: str
    rule: str
    due: int
    recall: float | None
    slots_median: float | None
    slots_most: int | None
    right: int
    wrong: int
    precision: float | None
    false_per_1000: float


def rule_lines(results: Results, group: str, judge: str = PRODUCT) -> list[RuleLine]:
    """Every rule that was due, right or wrong on a site."""
    score = results.total(judge, [group])
    wrong = Counter(w.alert.rule for w in score.wrong)
    lines = []
    for rule in Rule:
        due = [f for f in score.found if rule in DUE[f.event.what]]
        slots = [f.by[rule.value] for f in due if rule.value in f.by]
        right = score.right.get(rule.value, 0)
        if not due and not right and not wrong[rule.value]:
            continue
        lines.append(
            RuleLine(
                group=group,
                rule=rule.value,
                due=len(due),
                recall=len(slots) / len(due) if due else None,
                slots_median=float(np.median(slots)) if slots else None,
                slots_most=max(slots, default=None),
                right=right,
                wrong=wrong[rule.value],
                precision=right / (right + wrong[rule.value]) if right + wrong[rule.value] else None,
                false_per_1000=1000 * wrong[rule.value] / max(1, score.scope_days),
            )
        )
    return lines


@dataclass(frozen=True, slots=True)
class SizeLine:
    """Breaks of one size on a group of sites."""

    group: str
    what: str
    low: float
    high: float
    events: int
    recall: float


#: Bounds of the sizes that are told apart.
SIZES = (0.03, 0.05, 0.10, 0.201)


def sizes(results: Results, groups: Sequence[str], judge: str = PRODUCT) -> list[SizeLine]:
    """How many breaks of each size are found; one just behind the tolerance needs a cap right to the percent."""
    lines = []
    for group in groups:
        found = [f for f in results.total(judge, [group]).found if f.event.size is not None]
        for what in sorted({f.event.what for f in found}):
            for low, high in pairwise(SIZES):
                some = [f for f in found if f.event.what == what and low <= (f.event.size or 0) < high]
                if some:
                    recall = sum(f.slots is not None for f in some) / len(some)
                    lines.append(SizeLine(group, what, low, high, len(some), recall))
    return lines


def worst(results: Results, groups: Sequence[str], judge: str = PRODUCT) -> Iterator[tuple[str, str, str]]:
    """What went wrong, worst first: case, what, about. A case a line."""
    score = results.total(judge, groups)
    by_case: dict[str, list[str]] = {}
    about: dict[str, str] = {}
    for case_id, n in score.blind:
        by_case.setdefault(case_id, []).append(f"{n} missing slots called compliant")
    for wrong in score.wrong:
        by_case.setdefault(wrong.case_id, []).append(f"false {wrong.alert.rule}")
        about[wrong.case_id] = wrong.about
    for found in score.found:
        if found.slots is None:
            by_case.setdefault(found.case_id, []).append(f"missed {found.event.what}")
        elif found.event.what in NIGHT_KINDS and found.slots > WITHIN:
            by_case.setdefault(found.case_id, []).append(f"{found.event.what} found after {found.slots} slots")
    for case_id, faults in sorted(by_case.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        counted = Counter(faults)
        yield (
            case_id,
            ", ".join(f"{n} x {what}" if n > 1 else what for what, n in counted.items()),
            about.get(case_id, ""),
        )


def write_json(path: Path, results: Results, festivals: Sequence[Festival], made_by: str, seeds: Sequence[int]) -> None:
    """Everything, for a program."""
    groups = [*results.groups(real=True), *results.groups(real=False)]
    judges = dict.fromkeys(judge for judge, _, _ in results.scores)
    document = {
        "made_by": made_by,
        "seeds": [min(seeds), max(seeds)],
        "targets": [asdict(t) for t in targets(results, festivals)],
        "judges": [asdict(line(j, results.total(j, results.groups(real=True)))) for j in judges],
        "sites": [asdict(line(g, results.total(PRODUCT, [g]))) for g in groups],
        "sizes": [asdict(s) for s in sizes(results, groups)],
        "rules": [asdict(r) for g in groups for r in rule_lines(results, g)],
        "kinds": [{"judge": j, "site": g, "kind": k, **asdict(line(k, s))} for (j, g, k), s in results.scores.items()],
        "festivals": [{**asdict(f), "agreement": f.agreement} for f in festivals],
        "worst": [{"case": c, "what": w, "about": a} for c, w, a in worst(results, groups)],
        "not_made": [asdict(n) for n in results.not_made],
        "unfitted": results.unfitted,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
