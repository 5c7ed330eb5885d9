"""One case in full, what was ordered, true and said: ``make quality CASE=steel:night_run:1017``."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from detectors.vocab import Verdict, code
from tests.quality import product
from tests.quality.fit import fitted
from tests.quality.judging import Outcome, judged_slots
from tests.quality.kinds import NotMade, case_of, kind_named
from tests.quality.natural import Span, spans_of
from tests.quality.run import site_named
from tests.quality.score import scored
from tests.quality.sites import SLOT_S


def show(case_id: str) -> int:
    """Print a case; exit code 0 when the product got it right, 1 when not, 2 for a name that names none."""
    try:
        site, kind, seed = case_id.split(":")
        nature, made = site_named(site), kind_named(kind)
        case = case_of(nature, made, int(seed))
    except ValueError as error:
        print(f"quality: {case_id}: {error}")
        return 2
    if case is None or isinstance(case, NotMade):
        print(f"quality: {case_id}: {'no such kind for this site' if case is None else case.why}")
        return 2
    baselines = fitted(nature.site, case.reference)
    outcome = next(iter(product.judged([case], [baselines])))
    for line in _lines(outcome):
        print(line)
    for baseline in baselines:
        print(f"baseline   {baseline}")
    print(f"truth      idle {nature.idle_kw:.1f} kW, running {nature.running_kw:.1f} kW")
    score = scored(outcome)
    for found in score.found:
        when = "missed" if found.slots is None else f"after {found.slots} slots"
        print(f"event      {found.event.what}: {when}, {found.by}")
    for wrong in score.wrong:
        print(
            f"false      {wrong.alert.rule}, grade {wrong.alert.grade}, opened {_at(outcome, wrong.alert.opened_slot)}"
        )
    print(f"missing    {score.slots_missing} slots, {score.slots_missing_compliant} of them called compliant")
    is_right = not score.wrong and not score.blind and all(f.slots is not None for f in score.found)
    return 0 if is_right else 1


def _lines(outcome: Outcome) -> list[str]:
    case = outcome.case
    lines = [f"case       {case.case_id}: {case.about}", f"order      {case.order}"]
    lines.append(f"reference  {_span(outcome, case.reference)}")
    for event in (*case.events, *case.faults):
        load_kw = case.true_kw[case.columns(event.span)]
        lines.append(f"true       {event.what} {_span(outcome, event.span)}, mean {np.nanmean(load_kw):.1f} kW")
    for alert in outcome.alerts:
        sent_kw = case.sent_kw[case.columns(Span(alert.first_slot, alert.last_slot + 1))]
        highest = "" if np.isnan(sent_kw).all() else f", up to {np.nanmax(sent_kw):.1f} kW"
        lines.append(
            f"alert      {alert.rule} grade {alert.grade}: first {_at(outcome, alert.first_slot)}, opened "
            f"{_at(outcome, alert.opened_slot)}, last {_at(outcome, alert.last_slot)}{highest}"
        )
    about = judged_slots(case)
    for verdict in (Verdict.UNKNOWN, Verdict.VIOLATING):
        spans = spans_of(about & (outcome.verdicts == verdict), case.first_slot)
        lines += [f"slots      {code(verdict)} {_span(outcome, span)}" for span in spans]
    days = [f"day        {_at(outcome, first)[:10]} {code(Verdict(day))}" for first, day in outcome.days.items()]
    return [*lines, *days]


def _at(outcome: Outcome, slot: int) -> str:
    return datetime.fromtimestamp(slot * SLOT_S, ZoneInfo(outcome.case.zone)).strftime("%Y-%m-%d %H:%M")


def _span(outcome: Outcome, span: Span) -> str:
    return f"{_at(outcome, span.first)} to {_at(outcome, span.end)}"
