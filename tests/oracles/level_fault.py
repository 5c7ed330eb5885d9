"""A meter off its level: the shape of a day at a fraction, or a multiple, of it (docs/rules/bad_data.md)."""

from collections.abc import Sequence
from math import sqrt

from detectors.vocab import Reason
from tests.oracles.fault_day import FaultDay, Level, max_kw

#: A profile has a shape from this rise on; loads of a known factor scatter so many times.
RISES, SCATTER = 1.5, 1.5
SHORT = frozenset({Reason.SUSPECT_SPIKE, Reason.SUSPECT_DROPOUT, Reason.SUSPECT_STUCK})


def find_levels(day: FaultDay) -> Level | None:
    """A meter off its level; what goes on when the day ends."""
    if all(day.profile_kw(s) is None for s in day.own):
        return None
    still: Level | None = None
    for is_up in (False, True):
        known = [
            s
            for s in range(day.own.start, day.view.stop)
            if day.load_kw(s) is not None and day.profile_kw(s) is not None and not (day.found.get(s, set()) & SHORT)
        ]
        begun = 0
        if day.level is not None and day.level.is_up == is_up:
            back = _back([_is_explained(day, s, is_up, day.level.factor) for s in known])
            end = back.index(True) if True in back else len(known)
            own = [s for s in known[:end] if s in day.own]
            if (end > 0 or not known) and not _is_usual(day, own, is_up):
                begun = end
                _set_level(day, day.own.start, known[end] - 1 if end < len(known) else day.view.stop - 1)
                if end == len(known) or known[end] >= day.own.stop:
                    still = still or day.level
        fits = [_is_explained(day, s, is_up, None) for s in known]
        back = [i < begun or is_back for i, is_back in enumerate(_back(fits))]
        pieces: list[list[int]] = [[]]
        for i, is_back in enumerate(back):
            if not is_back:
                pieces[-1].append(i)
            elif pieces[-1]:
                pieces.append([])
        for piece in (p for p in pieces if p):
            end = piece[-1] + 1
            inside = [known[i] for i in piece if fits[i]]
            own = [s for s in inside if s in day.own]
            for begin in _beginnings(day, own, is_up):
                factor = _factor(day, own[begin:], is_up)
                if factor is None:
                    continue
                _set_level(day, own[begin], inside[-1] if end < len(known) else day.view.stop - 1)
                if end == len(known) or known[end] >= day.own.stop:
                    still = still or Level(is_up, factor)
                break
    return still


def _beginnings(day: FaultDay, slots: Sequence[int], is_up: bool) -> list[int]:
    """With the stretch, or at one of the first twelve falls below the lowest load believed, rises above the highest, or
    at one of the first twelve falls to the share, or rises by the multiple, that a level is tested by."""

    def is_beyond(slot: int) -> bool:
        load_kw, baseline = day.load_kw(slot) or 0.0, day.baseline(slot)
        if baseline is None:
            return False
        return load_kw > max_kw(baseline) if is_up else load_kw < (baseline.floor_kw or 0.0)

    falls = [i for i in range(1, len(slots)) if is_beyond(slots[i]) and not is_beyond(slots[i - 1])]
    loads = [day.load_kw(s) or 0.0 for s in slots]
    if is_up:
        steps = [i for i in range(1, len(slots)) if loads[i] >= day.ask("level_rise") * loads[i - 1]]
    else:
        steps = [i for i in range(1, len(slots)) if loads[i] <= day.ask("level_share") * loads[i - 1]]
    return [0, *sorted({*falls[:12], *steps[:12]})] if slots else []


def _set_level(day: FaultDay, first: int, last: int) -> None:
    """Mark what is known of the slots, lower bounds too."""
    for slot in range(first, last + 1):
        now = day.measured.get(slot)
        if now is not None and slot < day.until and now.wh is not None and not now.is_outage:
            day.mark(slot, Reason.SUSPECT_LEVEL)


def _back(fits: Sequence[bool]) -> list[bool]:
    """Not explained, and neither is one beside it."""
    n = len(fits)
    return [not fits[i] and ((i > 0 and not fits[i - 1]) or (i + 1 < n and not fits[i + 1])) for i in range(n)]


def _is_usual(day: FaultDay, slots: Sequence[int], is_up: bool) -> bool:
    """For twice the time it takes to find a fault it idles, or peaks, as ever."""
    baseline = day.baseline(slots[0]) if slots else None
    if baseline is None or len(slots) < 2 * _n_min(day):
        return False
    base, peak = _base_and_peak([day.load_kw(s) or 0.0 for s in slots])
    return peak <= max_kw(baseline) if is_up else base >= (baseline.floor_kw or 0.0)


def _n_min(day: FaultDay) -> int:
    return max(1, round(day.ask("level_h") / day.rules.local.hours()))


def _is_explained(day: FaultDay, slot: int, is_up: bool, factor: float | None) -> bool:
    """Far below the height of the profile; upward: far above its lowest about that time, or above the lowest load
    believed times the factor."""
    load_kw, expected, baseline = day.load_kw(slot) or 0.0, day.profile_kw(slot), day.baseline(slot)
    if expected is None or baseline is None:
        return False
    if not is_up:
        return load_kw <= day.ask("level_share") * expected[2]
    by_factor = factor is not None and load_kw >= factor * (baseline.floor_kw or 0.0) / SCATTER
    return load_kw >= day.ask("level_rise") * expected[1] or by_factor


def _factor(day: FaultDay, slots: Sequence[int], is_up: bool) -> float | None:
    """Base and peak are off by one factor, the base below any idling, and the day keeps its shape: by which factor."""
    if len(slots) < _n_min(day):
        return None
    loads = [day.load_kw(s) or 0.0 for s in slots]
    expected = [(day.profile_kw(s) or (0.0, 0.0, 0.0))[0] for s in slots]
    (base, peak), (low, high) = _base_and_peak(loads), _base_and_peak(expected)
    baseline = day.baseline(slots[0])
    if low <= 0 or base <= 0 or high < RISES * low or baseline is None:
        return None
    share, floor_kw, alike = peak / high, baseline.floor_kw or 0.0, day.ask("level_alike")

    def is_alike(times: float) -> bool:
        return base <= times * share * low and share * floor_kw <= times * base

    shape = _correlation(loads, expected)
    keeps_shape = is_alike(alike) and shape >= day.ask("level_shape")
    if is_up:
        is_off = base / low >= day.ask("level_rise") and share >= day.ask("level_rise") and peak > max_kw(baseline)
        is_off = is_off and peak > RISES * base
        return sum(loads) / sum(expected) if is_off and keeps_shape else None
    if share > day.ask("level_share"):
        return None
    above = sum(max(0.0, kw - base) for kw in loads)
    in_hours = sum(
        max(0.0, kw - base) * min(1.0, max(0.0, (usual - low) / (high - low)))
        for kw, usual in zip(loads, expected, strict=True)
    )
    most_share, most_kw = day.ask("level_share"), day.ask("level_floor") * floor_kw
    is_near_both = share * most_kw + base * most_share > 1.6 * most_share * most_kw
    is_scaled = base <= most_kw and not is_near_both and keeps_shape
    is_short = (
        base <= min(day.ask("level_floor"), 1 / 3) * floor_kw
        and is_alike(min(alike, 2.0))
        and peak >= 2 * base
        and above > 0
        and in_hours / above >= 0.6
    )
    is_low = (
        peak <= floor_kw
        and base <= low / 8
        and is_alike(1.5 * alike)
        and peak >= 1.3 * base
        and shape >= max(0.9, day.ask("level_shape"))
    )
    return sum(loads) / sum(expected) if is_scaled or is_short or is_low else None


def _base_and_peak(values: Sequence[float]) -> tuple[float, float]:
    """10th and 90th percentile."""
    rising = sorted(values)
    return rising[(len(rising) - 1) // 10], rising[(len(rising) - 1) * 9 // 10]


def _correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson's; 0 where one is flat."""
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    size = sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))
    return sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)) / size if size > 0 else 0.0
