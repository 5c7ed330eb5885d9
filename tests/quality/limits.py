"""Cases under a limit or a cap. What is kept or broken follows from how the days are made: from the plant's own days of
the reference period, never from the baseline that the product fits."""

import numpy as np
import numpy.typing as npt

from detectors.registry import Order
from detectors.slots import LocalDay, local_date
from detectors.vocab import Control, Measure, Rule
from tests.quality.case import Case, CaseNotPossibleError, Event, blank_case, rng_of
from tests.quality.natural import SLOTS_PER_H, Nature, Span, spans_of, works
from tests.quality.periods import reference_before
from tests.quality.sites import SLOT_S
from tests.quality.stops import is_night

F64 = npt.NDArray[np.float64]

REDUCTIONS = (0.2, 0.3, 0.5)
#: A break is one beyond the tolerance of a day's energy (SEMANTICS §3.13).
LEAST_BREAK, MOST_BREAK = 0.03, 0.20
DAY_TOLERANCE = 0.03
#: A plant that keeps its limit uses this share of its cap on a working day.
KEPT_SHARE = (0.6, 1.0)


def limit_kept(nature: Nature, seed: int, kind: str = "limit_kept") -> Case:
    """Three to ten days under a limit of 20, 30 or 50 %: every working day scaled to a share of its cap."""
    return _limited(nature, seed, kind, broken=False)


def limit_broken(nature: Nature, seed: int) -> Case:
    """As ``limit_kept``; some days, one at least, use 3 to 20 % more than the cap."""
    return _limited(nature, seed, "limit_broken", broken=True)


def cap_kept(nature: Nature, seed: int) -> Case:
    """An absolute cap between idle and running load that the plant's load is cut at."""
    return _capped(nature, seed, "cap_kept", broken=False)


def cap_broken(nature: Nature, seed: int) -> Case:
    """As ``cap_kept``, and for one to six hours of production the load lies 3 to 20 % above the cap."""
    return _capped(nature, seed, "cap_broken", broken=True)


def _limited(nature: Nature, seed: int, kind: str, *, broken: bool) -> Case:
    rng = rng_of(nature.site.name, kind, seed)
    days = _some_days(nature, rng, int(rng.integers(3, 11)))
    window = Span(days[0].first_slot, days[-1].end_slot)
    case = blank_case(nature, kind, seed, window, reference_before(nature.site, window.first))
    reduction = float(rng.choice(REDUCTIONS))
    case.order = Order(
        "order",
        "scope",
        Control.LIMIT,
        window.first * SLOT_S,
        window.end * SLOT_S,
        reduction=reduction,
        measure=Measure.ENERGY,
    )
    usual_kwh = nature.reference_day_kwh(case.reference.first, case.reference.end)
    cap_kwh = (1 - reduction) * usual_kwh
    breaks = rng.random(len(days)) < 0.4
    breaks[int(rng.integers(len(days)))] = True
    shortens = rng.random() < 0.5
    heeded: list[Span] = []
    for day, breaks_it in zip(days, breaks & broken, strict=True):
        where = case.columns(Span(day.first_slot, day.end_slot))
        if breaks_it and case.true_kw[where].sum() / SLOTS_PER_H < 0.5 * usual_kwh:
            case.true_kw[where] = _working_day(nature, usual_kwh, day.n_slots, rng)  # a rest day is worked
        natural_kwh = float(case.true_kw[where].sum()) / SLOTS_PER_H
        share = rng.uniform(LEAST_BREAK, MOST_BREAK) + 1 if breaks_it else rng.uniform(*KEPT_SHARE)
        if not breaks_it and natural_kwh <= share * cap_kwh:
            continue  # a rest day stays what it was
        wanted = share * cap_kwh * SLOTS_PER_H
        if shortens and natural_kwh > share * cap_kwh:
            if natural_kwh > cap_kwh * (1 + DAY_TOLERANCE):
                heeded.append(Span(day.first_slot, day.end_slot))
            case.true_kw[where] = _cut_short(case.true_kw[where], wanted, _quiet(nature, day.n_slots, rng))
        else:
            case.true_kw[where] = _toned(case.true_kw[where], wanted, nature.idle_kw)
        if breaks_it:
            over = np.cumsum(case.true_kw[where]) / SLOTS_PER_H > cap_kwh * (1 + DAY_TOLERANCE)
            if over.any():
                crossing = day.first_slot + int(over.argmax())
                case.events.append(Event("limit_broken", Span(day.first_slot, day.end_slot), crossing, share - 1))
            else:
                case.gray.append(Span(day.first_slot, day.end_slot))
    case.gray += _of_their_own(nature, case, days, 1 - reduction)
    case.measured()
    # Until it shut early the plant was on its way to break the cap: to warn of that is no mistake.
    case.true_of = {Rule.NIGHT_RUN: nights_worked(nature, case), Rule.LIMIT_PACE: heeded}
    first = local_date(case.zone, window.first * SLOT_S)
    case.about = (
        f"limit {reduction:.0%} from {first}, {len(days)} days, {'shorter days' if shortens else 'scaled days'}"
    )
    return case


def _capped(nature: Nature, seed: int, kind: str, *, broken: bool) -> Case:
    rng = rng_of(nature.site.name, kind, seed)
    days = _some_days(nature, rng, int(rng.integers(2, 6)))
    window = Span(days[0].first_slot, days[-1].end_slot)
    case = blank_case(nature, kind, seed, window, reference_before(nature.site, window.first))
    cap_kw = round(nature.level_kw(float(rng.uniform(0.3, 0.8))), 1)
    natural = case.true_kw[case.columns(window)].copy()
    # No plant holds its load to the watt: what is cut keeps a trace of what it was.
    trace = case.true_kw / np.nanmax(case.true_kw)
    case.true_kw = np.minimum(case.true_kw, cap_kw * rng.uniform(0.8, 1.0) * (0.97 + 0.03 * trace))
    if broken:
        above = cap_kw * (1 + rng.uniform(LEAST_BREAK, MOST_BREAK))
        for n in range(int(rng.integers(SLOTS_PER_H, 6 * SLOTS_PER_H + 1)), SLOTS_PER_H - 1, -1):
            full = np.lib.stride_tricks.sliding_window_view(natural, n).min(axis=1) > above
            if full.any():
                break
        else:
            raise CaseNotPossibleError(f"no hour of these days lies above {above:.1f} kW")
        at = window.first + int(rng.choice(np.flatnonzero(full)))
        where = case.columns(Span(at, at + n))
        case.true_kw[where] = above * (1 + 0.02 * trace[where])
        case.events = [Event("cap_broken", Span(at, at + n), at, above / cap_kw - 1)]
    case.measured()
    case.true_of = {Rule.NIGHT_RUN: nights_worked(nature, case)}
    case.order = Order("order", "scope", Control.CAP, window.first * SLOT_S, window.end * SLOT_S, cap_kw=cap_kw)
    case.about = f"cap {cap_kw:g} kW from {local_date(case.zone, window.first * SLOT_S)}, {len(days)} days"
    return case


def _of_their_own(nature: Nature, case: Case, days: list[LocalDay], share: float) -> list[Span]:
    """Rest days that keep a share of a working day's energy and not of a rest day's: a baseline may know either."""
    rest_kwh = nature.rest_day_kwh(case.reference.first, case.reference.end)
    spans = [Span(d.first_slot, d.end_slot) for d in days if not works(case.zone, d.day)]
    broken = {e.span for e in case.events}
    if rest_kwh is None:
        return []
    kwh = {s: float(case.true_kw[case.columns(s)].sum()) / SLOTS_PER_H for s in spans}
    return [s for s in spans if s not in broken and kwh[s] > share * rest_kwh]


def nights_worked(nature: Nature, case: Case) -> list[Span]:
    """Runs of an hour and more that lie in the night at least in part: a limited plant may work then."""
    held = spans_of(nature.runs(case.true_kw), case.first_slot, SLOTS_PER_H)
    return [s for s in held if any(is_night(case.zone, slot, 1) for slot in range(s.first, s.end))]


def _some_days(nature: Nature, rng: np.random.Generator, n: int) -> list[LocalDay]:
    """``n`` adjacent days without a missing slot, one of them at least a working one, behind a reference period."""
    for _ in range(1_000):
        at = int(rng.integers(0, len(nature.days) - n))
        days, kwh = nature.days[at : at + n], nature.day_kwh[at : at + n]
        if np.isnan(kwh).any():
            continue
        try:
            reference = reference_before(nature.site, days[0].first_slot)
            usual = nature.reference_day_kwh(reference.first, reference.end)
        except (CaseNotPossibleError, ValueError):
            continue
        if (kwh > 0.5 * usual).any():
            return list(days)
    raise CaseNotPossibleError(f"{nature.site.name}: no {n} days with production behind a reference period")


def _working_day(nature: Nature, usual_kwh: float, n: int, rng: np.random.Generator) -> F64:
    """A day of ``n`` slots on which the plant worked, at half of the usual energy at least."""
    of_length = np.array([d.n_slots == n for d in nature.days])
    days = np.flatnonzero(of_length & (np.nan_to_num(nature.day_kwh) > 0.5 * usual_kwh))
    if not len(days):
        raise CaseNotPossibleError(f"{nature.site.name} has no working day of {n} slots")
    day = nature.days[int(rng.choice(days))]
    return nature.site.of(day.first_slot, day.end_slot)


def _quiet(nature: Nature, n: int, rng: np.random.Generator) -> F64:
    """``n`` slots of one of the plant's own stops."""
    stop = nature.stops[int(rng.integers(len(nature.stops)))] if nature.stops else None
    if stop is None:
        raise CaseNotPossibleError(f"{nature.site.name} never stands still")
    return np.resize(nature.site.of(stop.first, stop.end), n)


def _toned(load_kw: F64, wanted: float, idle_kw: float) -> F64:
    """The day with what lies above idle in another proportion: the base load of a plant stays what it is."""
    base_kw = np.minimum(load_kw, idle_kw)
    above_kw = load_kw - base_kw
    if wanted <= base_kw.sum() or not above_kw.any():
        return np.asarray(load_kw * (wanted / load_kw.sum()), np.float64)
    return np.asarray(base_kw + above_kw * ((wanted - base_kw.sum()) / above_kw.sum()), np.float64)


def _cut_short(load_kw: F64, wanted: float, quiet_kw: F64) -> F64:
    """The day as it was until the plant shuts early; from there on as it stands still, so far as it drew more.

    wanted: the sum of the slots; where even standing still is more, the day in proportion.
    """
    quiet_kw = np.minimum(load_kw, quiet_kw)
    for at in range(len(load_kw), -1, -1):
        cut = np.concatenate((load_kw[:at], quiet_kw[at:]))
        if cut.sum() <= wanted:
            break
    else:
        return np.asarray(load_kw * (wanted / load_kw.sum()), np.float64)
    if at < len(load_kw):
        cut[at] += wanted - cut.sum()  # the slot in which it shuts
    return np.asarray(cut, np.float64)
