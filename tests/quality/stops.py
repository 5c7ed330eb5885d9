"""Cases under a stop order that lies over a natural stop of the site."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from detectors.registry import Order
from detectors.slots import local_date
from detectors.vocab import Control
from tests.quality.case import Case, CaseNotPossibleError, Event, blank_case, rng_of
from tests.quality.natural import SLOTS_PER_H, Nature, Span, spans_of
from tests.quality.periods import reference_before
from tests.quality.sites import SLOT_S

GRACE = 4 * SLOTS_PER_H
#: An early restart, a run: so many adjacent slots that run.
HELD = 4
NIGHT_FROM_S, NIGHT_TO_S = 22 * 3600, 6 * 3600


def stop_kept(nature: Nature, seed: int, kind: str = "stop_kept") -> Case:
    """The order begins up to four hours before the plant stood still, or within its stop, and ends within it."""
    rng = rng_of(nature.site.name, kind, seed)
    stop = _some_stop(nature, rng)
    first = int(rng.integers(stop.first - GRACE, stop.first + stop.n // 3))
    end = int(rng.integers(max(stop.end - stop.n // 4, first + 8 * SLOTS_PER_H), stop.end + 1))
    case = _case(nature, kind, seed, Span(first, end), stop)
    if rng.random() < 1 / 3:
        highest = float(np.nanmax(case.true_kw[case.columns(stop)]))
        case.order = _order(Span(first, end), residual_kw=round(highest, 1))
        case.about += f", residual {highest:.1f} kW"
    return case


def night_run(nature: Nature, seed: int) -> Case:
    """As ``stop_kept``, and by night 1 to 6 h of the plant's own steady production, whole or half of it above idle."""
    return _pasted(nature, seed, "night_run", by_night=True, ragged=False)


def night_ragged(nature: Nature, seed: int) -> Case:
    """As ``night_run``, from any 1 to 6 h of working days, breaks included, whose mean is halfway up at least."""
    return _pasted(nature, seed, "night_ragged", by_night=True, ragged=True)


def day_run(nature: Nature, seed: int) -> Case:
    """As ``night_run``, at any time of the day."""
    return _pasted(nature, seed, "day_run", by_night=False, ragged=False)


def early_restart(nature: Nature, seed: int) -> Case:
    """The plant starts again 2 to 24 h before its order ends, as it did after that stop."""
    rng = rng_of(nature.site.name, "early_restart", seed)
    stop = _some_stop(nature, rng)
    first = int(rng.integers(stop.first - GRACE, stop.first + stop.n // 3))
    end = stop.end + int(rng.integers(2, 25)) * SLOTS_PER_H
    case = _case(nature, "early_restart", seed, Span(first, end), Span(stop.first, end))
    after = Span(stop.end, end)
    load_kw = case.true_kw[case.columns(after)]
    runs = nature.runs(load_kw)
    held = [s for s in spans_of(runs, after.first, HELD) if s.end <= end]
    if not held:
        raise CaseNotPossibleError("after this stop the plant did not run for an hour before the order's end")
    case.gray = [after]
    case.events = [Event.run("restart", s) for s in held]
    return case


def residual(nature: Nature, seed: int) -> Case:
    """An approved residual load well above idle, of which the plant uses any share; every second case runs by night."""
    rng = rng_of(nature.site.name, "residual", seed)
    case = (
        _pasted(nature, seed, "residual", by_night=True, ragged=False)
        if seed % 2
        else stop_kept(nature, seed, "residual")
    )
    order = order_of(case)
    within = case.columns(Span(order.valid_from // SLOT_S, order.valid_to // SLOT_S))
    extra = rng.uniform(0.05, 0.3) * (nature.running_kw - nature.idle_kw)
    used = extra * rng.uniform(0.3, 1.0)
    quiet = np.ones(len(case.true_kw), np.bool_)
    for event in case.events:
        quiet[case.columns(event.span)] = False
    stood = ~nature.runs(case.true_kw) & quiet
    stood[: within.start], stood[within.stop :] = False, False
    approved = float(case.true_kw[stood].max()) + extra
    case.true_kw[stood] += used
    case.true_kw[~quiet] += approved  # what runs beside the approved load comes on top of it
    case.measured()
    case.order = _order(Span(order.valid_from // SLOT_S, order.valid_to // SLOT_S), residual_kw=round(approved, 1))
    case.about += f", approved residual {approved:.1f} kW, used {used:.1f}"
    return case


def duty_cycle(nature: Nature, seed: int) -> Case:
    """Half an hour on, 45 minutes off, for eight hours and more: never three of four, and still five hours of a day."""
    rng = rng_of(nature.site.name, "duty_cycle", seed)
    case = stop_kept(nature, seed, "duty_cycle")
    order = order_of(case)
    days = [
        d
        for d in nature.days
        if d.first_slot >= order.valid_from // SLOT_S + GRACE and d.end_slot <= order.valid_to // SLOT_S
    ]
    if not days:
        raise CaseNotPossibleError("no whole day of the stop lies in the order")
    day = days[int(rng.integers(len(days)))]
    piece = _production(nature, 2, rng)
    begins = range(day.first_slot + int(rng.integers(0, 12)), day.end_slot - 2, 5)
    if len(begins) < 9:
        raise CaseNotPossibleError("the day is too short")
    for at in begins:
        case.true_kw[case.columns(Span(at, at + 2))] = piece
    case.measured()
    fourth_hour = begins[7] + 2  # sixteen slots on: from there on it is certain
    case.events = [Event("duty_cycle", Span(day.first_slot, day.end_slot), fourth_hour)]
    return case


def order_of(case: Case) -> Order:
    """The order of a case that has one. Raises ValueError."""
    if case.order is None:
        raise ValueError(f"{case.case_id} has no order")
    return case.order


def _pasted(nature: Nature, seed: int, kind: str, *, by_night: bool, ragged: bool) -> Case:
    case = stop_kept(nature, seed, kind)
    rng = rng_of(nature.site.name, kind + "/run", seed)
    order = order_of(case)
    judged = Span(order.valid_from // SLOT_S + GRACE, order.valid_to // SLOT_S)
    for n in range(int(rng.integers(4, 25)), 3, -1):  # as long as was drawn, or as the order has room for
        starts = [at for at in range(judged.first, judged.end - n - 1) if not by_night or is_night(case.zone, at, n)]
        if starts:
            break
    else:
        raise CaseNotPossibleError("no hour of a night lies in the order behind its grace")
    at = starts[int(rng.integers(len(starts)))]
    share = float(rng.choice([0.5, 1.0]))
    piece = _ragged(nature, n, rng) if ragged else _production(nature, n, rng)
    where = case.columns(Span(at, at + n))
    may_kw = max(nature.idle_kw, order.residual_kw or 0)  # what runs comes on top of what is approved
    case.true_kw[where] = np.maximum(case.true_kw[where], may_kw + share * (piece - nature.idle_kw))
    case.measured()
    case.events = [Event.run(kind, Span(at, at + n))]
    case.about += f", {'half' if share < 1 else 'whole'} production for {n / SLOTS_PER_H:g} h"
    return case


def is_night(zone: str, at: int, n: int) -> bool:
    """Whether ``n`` slots from ``at`` on lie in the night."""
    first, last = (_second(zone, slot) for slot in (at, at + n - 1))
    begins_in = first >= NIGHT_FROM_S or first < NIGHT_TO_S
    return begins_in and (last >= NIGHT_FROM_S or last < NIGHT_TO_S)


def _second(zone: str, slot: int) -> int:
    """Second of the local day at a slot's start, as a clock on the wall counts it."""
    wall = datetime.fromtimestamp(slot * SLOT_S, ZoneInfo(zone))
    return wall.hour * 3600 + wall.minute * 60


def _some_stop(nature: Nature, rng: np.random.Generator) -> Span:
    """A stop behind the first reference period, longer ones as likely as their length."""
    found = []
    for stop in nature.stops:
        try:
            reference_before(nature.site, stop.first - GRACE)
        except CaseNotPossibleError:
            continue
        found.append(stop)
    if not found:
        raise CaseNotPossibleError(f"{nature.site.name} has no stop with enough data before it")
    lengths = np.array([s.n for s in found], np.float64)
    return found[int(rng.choice(len(found), p=lengths / lengths.sum()))]


def _case(nature: Nature, kind: str, seed: int, window: Span, stop: Span) -> Case:
    case = blank_case(nature, kind, seed, window, reference_before(nature.site, window.first))
    case.order = _order(window)
    day = local_date(case.zone, window.first * SLOT_S)
    case.about = f"stop from {day}, {window.n / SLOTS_PER_H:g} h"
    if stop.end < window.end:
        raise ValueError(f"{case.case_id}: the order reaches behind the stop")
    return case


def _order(window: Span, residual_kw: float | None = None) -> Order:
    return Order("order", "scope", Control.STOP, window.first * SLOT_S, window.end * SLOT_S, residual_kw=residual_kw)


def _production(nature: Nature, n: int, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """``n`` slots of steady production; a stretch that is too short is repeated from its beginning."""
    long = [p for p in nature.production if p.n >= min(n, 12)]
    if not long:
        raise CaseNotPossibleError(f"{nature.site.name} has no steady production of {n} slots")
    span = long[int(rng.integers(len(long)))]
    at = span.first + int(rng.integers(0, max(1, span.n - n + 1)))
    return np.resize(nature.site.of(at, min(span.end, at + n)), n)


def _ragged(nature: Nature, n: int, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """``n`` slots with a mean halfway up, that begin and end while the plant runs."""
    site, half = nature.site, nature.level_kw(0.5)
    for _ in range(10_000):
        at = int(rng.integers(site.first_slot, site.end_slot - n))
        piece = site.of(at, at + n)
        if not np.isnan(piece).any() and piece.mean() > half and nature.runs(piece)[[0, -1]].all():
            return piece
    raise CaseNotPossibleError(f"{site.name} has no {n} slots with a mean halfway up")
