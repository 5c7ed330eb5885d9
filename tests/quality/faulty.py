"""Cases of data faults, and of days without an order.

Faults of the campus are those that the description of its data lists (data/README.md, checked by hand there); faults of
the other plants are made from their own values in the same ways. None of them is a plant's doing: no slot of them may
be called compliant, none may accuse the plant.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from detectors.registry import Order
from detectors.slots import local_date
from detectors.vocab import Control, Measure, Rule
from tests.quality.case import Case, CaseNotPossibleError, Event, blank_case, rng_of
from tests.quality.limits import limit_kept
from tests.quality.natural import SLOTS_PER_H, Nature, Span, spans_of
from tests.quality.periods import reference_before
from tests.quality.sites import CAMPUS_ZONE, SLOT_S

#: Above all before: so many slots above the highest load of the reference by so much.
OVER, OVER_SLOTS = 1.1, 6
#: Known faults of the campus meter, [from, to) as published.
CAMPUS_FAULTS = (
    ("level", "2013-10-02T10:00", "2013-10-16T00:00"),
    ("level", "2013-10-29T12:00", "2013-11-12T12:00"),
    ("zeros", "2014-01-15T17:30", "2014-01-21T12:00"),
    ("zeros", "2014-01-21T12:00", "2014-01-24T15:00"),
    ("level", "2014-01-24T15:00", "2014-01-27T10:00"),
    ("level", "2014-02-21T10:30", "2014-05-29T14:30"),
    ("zeros", "2014-08-10T08:15", "2014-08-10T18:00"),
    ("level", "2014-08-10T18:00", "2014-09-23T14:30"),
    ("spike", "2014-10-22T14:15", "2014-10-22T15:45"),
)


def campus_faults() -> list[tuple[str, Span]]:
    """The faults of the campus, by slot."""
    return [(what, Span(_slot(begin), _slot(end))) for what, begin, end in CAMPUS_FAULTS]


def known_fault(nature: Nature, seed: int) -> Case:
    """A limit or a stop of the campus over one of the known faults of its meter, beginning up to 2 days before it."""
    rng = rng_of(nature.site.name, "known_fault", seed)
    what, fault = campus_faults()[int(rng.integers(len(CAMPUS_FAULTS)))]
    first = fault.first - int(rng.integers(0, 2 * 96))
    window = Span(first, min(fault.end + 48, first + 14 * 96))
    case = blank_case(nature, "known_fault", seed, window, reference_before(nature.site, window.first))
    case.order = _order(window, rng)
    seen = Span(fault.first, min(fault.end, window.end))
    case.faults = [Event(what, seen, seen.first)]
    case.gray = [window]  # the campus was at work outside the fault: nothing is known of its order there
    case.about = f"{what} of the meter from {local_date(case.zone, fault.first * SLOT_S)}"
    return case


def made_fault(nature: Nature, seed: int) -> Case:
    """A kept limit in which the meter goes wrong: a fraction of the level for days, stuck, a spike, a dropout."""
    rng = rng_of(nature.site.name, "made_fault", seed)
    case = limit_kept(nature, seed, "made_fault")
    order = case.order
    if order is None:
        raise ValueError("a limit has an order")
    window = Span(order.valid_from // SLOT_S, order.valid_to // SLOT_S)
    what = ("level", "stuck", "spike", "dropout")[seed % 4]
    inside = [p for p in nature.production if window.first + 8 <= p.first and p.end + 8 <= window.end]
    if not inside:
        raise CaseNotPossibleError("no steady production in these days")
    at = inside[int(rng.integers(len(inside)))]
    if what == "level":
        span = Span(at.first, min(window.end, at.first + int(rng.integers(96, 5 * 96))))
        case.sent_kw[case.columns(span)] = case.true_kw[case.columns(span)] * rng.uniform(1 / 14, 1 / 6)
    elif what == "stuck":
        span = Span(at.first, min(window.end, at.first + int(rng.integers(12 * SLOTS_PER_H, 36 * SLOTS_PER_H))))
        case.sent_kw[case.columns(span)] = case.true_kw[case.columns(span)][0]
    elif what == "spike":
        span = Span(at.first, at.first + int(rng.integers(1, 7)))
        case.sent_kw[case.columns(span)] = nature.highest_kw() * rng.uniform(2.5, 6)
    else:
        span = Span(at.first, at.first + int(rng.integers(1, 4)))
        case.sent_kw[case.columns(span)] = 0.0
    case.faults = [Event(what, span, span.first)]
    case.gray = [span]
    case.about += f", {what} for {span.n / SLOTS_PER_H:g} h"
    return case


def no_order(nature: Nature, seed: int) -> Case:
    """Two weeks of the plant's own days without an order."""
    rng = rng_of(nature.site.name, "no_order", seed)
    faults = nature.faults
    for _ in range(1_000):
        at = int(rng.integers(0, len(nature.days) - 14))
        window = Span(nature.days[at].first_slot, nature.days[at + 13].end_slot)
        if any(span.meets(window.first - 96, window.end + 96) for span in faults):
            continue
        try:
            return _without_order(nature, seed, "no_order", window)
        except CaseNotPossibleError:
            continue
    raise CaseNotPossibleError(f"{nature.site.name} has no two weeks behind a reference period")


def over_capacity(nature: Nature, seed: int) -> Case:
    """As ``no_order``, and for 3 to 8 h of production 15 to 40 % more than the plant ever drew in its reference."""
    rng = rng_of(nature.site.name, "over_capacity", seed)
    case = no_order(nature, seed)
    case.kind = "over_capacity"
    n = int(rng.integers(3 * SLOTS_PER_H, 8 * SLOTS_PER_H + 1))
    first = case.first_slot + 96
    begins = [p for p in nature.production if first <= p.first and p.first + n + 8 <= case.end_slot]
    if not begins:
        raise CaseNotPossibleError("no production in these days")
    at = begins[int(rng.integers(len(begins)))].first
    highest = highest_before(nature, case.reference)
    where = case.columns(Span(at, at + n))
    piece = 0.9 + 0.1 * case.true_kw[where] / np.nanmax(case.true_kw[where])
    case.true_kw[where] = piece / piece.mean() * highest * rng.uniform(1.25, 1.5)
    case.measured()
    case.events = [Event.run("over_capacity", Span(at, at + n))]
    case.about += f", {n / SLOTS_PER_H:g} h above anything before"
    return case


def _without_order(nature: Nature, seed: int, kind: str, window: Span) -> Case:
    case = blank_case(nature, kind, seed, window, reference_before(nature.site, window.first))
    case.about = f"two weeks from {local_date(case.zone, window.first * SLOT_S)} without an order"
    above = np.nan_to_num(case.true_kw) > OVER * highest_before(nature, case.reference)
    case.true_of = {Rule.OVER_CAPACITY: spans_of(above, case.first_slot, OVER_SLOTS)}
    return case


def highest_before(nature: Nature, reference: Span) -> float:
    """Highest load of a reference period, but for one slot in a thousand; known faults count for nothing."""
    load_kw, first = nature.site.of(reference.first, reference.end), reference.first
    for fault in nature.faults:
        load_kw[max(0, fault.first - first) : max(0, fault.end - first)] = np.nan
    return float(np.nanpercentile(load_kw, 99.9))


def _order(window: Span, rng: np.random.Generator) -> Order:
    begin, end = window.first * SLOT_S, window.end * SLOT_S
    if rng.random() < 0.5:
        return Order("order", "scope", Control.STOP, begin, end)
    return Order("order", "scope", Control.LIMIT, begin, end, reduction=0.3, measure=Measure.ENERGY)


def _slot(label: str) -> int:
    return int(datetime.fromisoformat(label).replace(tzinfo=ZoneInfo(CAMPUS_ZONE)).timestamp()) // SLOT_S
