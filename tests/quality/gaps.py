"""Cases in which a meter is silent or late: nothing that is not measured may count as kept, or as broken."""

import numpy as np

from detectors.vocab import Quality
from tests.quality.case import Case, Event, rng_of
from tests.quality.limits import limit_kept
from tests.quality.natural import SLOTS_PER_H, Nature, Span
from tests.quality.sites import SLOT_S
from tests.quality.stops import night_run, order_of, stop_kept

#: `offline` opens after 2 h of silence (SEMANTICS §5.28).
OPEN = 2 * SLOTS_PER_H
#: How a silent meter shows: an empty value, a substituted or a suspect zero.
SILENT_AS = (Quality.N, Quality.S, Quality.Q)


def silent_stop(nature: Nature, seed: int) -> Case:
    """A stop with silence of 1 h to 3 days, in every third from its beginning; every second case runs by night."""
    case = night_run(nature, seed) if seed % 2 else stop_kept(nature, seed, "silent_stop")
    return _silenced(case, "silent_stop", seed, nature)


def silent_limit(nature: Nature, seed: int) -> Case:
    """A limit that is kept, with the same kinds of silence."""
    return _silenced(limit_kept(nature, seed, "silent_limit"), "silent_limit", seed, nature)


def late(nature: Nature, seed: int) -> Case:
    """A night run of which a stretch around its beginning comes in 6 h to 3 days late."""
    case = night_run(nature, seed)
    case.kind = "late"
    rng = rng_of(nature.site.name, "late", seed)
    run = case.events[0].span
    span = Span(run.first - int(rng.integers(0, 9)), run.first + int(rng.integers(2, run.n + 9)))
    where = case.columns(span)
    case.late_s[where] = int(rng.integers(6 * 3600, 72 * 3600))
    case.quality[where] = Quality.R
    case.about += f", {span.n / SLOTS_PER_H:g} h of it late by {case.late_s[where].max(initial=0) / 3600:.0f} h"
    return case


def _silenced(case: Case, kind: str, seed: int, nature: Nature) -> Case:
    rng = rng_of(nature.site.name, kind + "/gap", seed)
    case.kind = kind
    order = order_of(case)
    window = Span(order.valid_from // SLOT_S, order.valid_to // SLOT_S)
    n = int(np.exp(rng.uniform(np.log(4), np.log(3 * 96))))
    begins_with_order = seed % 3 == 0
    at = window.first if begins_with_order else int(rng.integers(window.first, window.end))
    gap = Span(at, min(window.end, at + n))
    if case.period_s != SLOT_S:  # a reading that is not there is a day's
        days = [d for d in nature.days if gap.meets(d.first_slot, d.end_slot)]
        gap = Span(days[0].first_slot, min(window.end, days[-1].end_slot))
    where = case.columns(gap)
    quality = SILENT_AS[int(rng.integers(len(SILENT_AS)))]
    case.quality[where] = quality
    case.sent_kw[where] = np.nan if quality == Quality.N else 0.0
    whole = case.events
    case.events = [seen for event in whole if (seen := _still_seen(event, gap)) is not None]
    case.gray += [gap, *(e.span for e in whole if e not in case.events)]
    if gap.n >= OPEN:
        case.faults = [Event("silent", gap, gap.first + OPEN - 1)]
    case.about += (
        f", silent ({quality.name}) for {gap.n / SLOTS_PER_H:g} h{' from its beginning' if begins_with_order else ''}"
    )
    return case


def _still_seen(event: Event, gap: Span) -> Event | None:
    """What can be known of an event: none of it where less than an hour in a row is left outside the gap."""
    span = event.span
    parts = [Span(span.first, min(span.end, gap.first)), Span(max(span.first, gap.end), span.end)]
    left = [p for p in parts if p.n >= SLOTS_PER_H]
    if not span.meets(gap.first, gap.end):
        return event
    return Event(event.what, left[0], left[0].first) if left else None
