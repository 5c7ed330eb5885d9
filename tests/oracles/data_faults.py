"""Readings that no plant can have made: spikes, dropouts, stuck values, the hour that summer time leaves out, a meter
off its level (docs/rules/bad_data.md).

Each local day is looked at from itself: its own slots and 2 h on either side, with what the day before found of its
last 2 h. Suspicion of a slot is what its own day says of it; only the day before, which has to know whether the first
slots of the next could still accuse it, sees these with its own eyes (``seen_from``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from math import inf, sqrt

from detectors.registry import Baseline
from detectors.vocab import Kind, Reason, Role
from tests.oracles.caps import Rules
from tests.oracles.energy import PREFERENCE
from tests.oracles.scope_slots import ScopeSlot, UnitCount
from tests.oracles.thresholds import value_on
from tests.oracles.winner import Winner

MARGIN_MIN = 120
#: A profile has a shape from this rise on; a plant is early or late by so many hours.
RISES, EARLY_LATE_H = 1.5, 2
#: Loads of a known factor scatter so many times.
SCATTER = 1.5
SHORT = frozenset({Reason.SUSPECT_SPIKE, Reason.SUSPECT_DROPOUT, Reason.SUSPECT_STUCK})

#: Reasons by slot.
Found = dict[int, set[Reason]]


@dataclass(frozen=True)
class Faults:
    """What is suspect of a scope. ``beyond``: by day, of the first 2 h of the next one, as that day sees them."""

    slots: Mapping[int, frozenset[Reason]]
    beyond: Mapping[date, Mapping[int, frozenset[Reason]]]


@dataclass
class _Level:
    """A meter off its level, upwards or not, that goes on over midnight."""

    is_up: bool
    factor: float


@dataclass
class _Day:
    """One local day of a scope and what it looks at."""

    rules: Rules
    scope_id: str
    day: date
    measured: Mapping[int, ScopeSlot]
    until: int
    is_spread: bool
    yesterday: Mapping[int, frozenset[Reason]]  # of its last 2 h
    level: _Level | None  # that went on when the day began
    found: Found = field(default_factory=dict)

    @property
    def own(self) -> range:
        """Its own slots."""
        return self.rules.local.slots_of(self.day)

    @property
    def view(self) -> range:
        """All slots that it looks at."""
        margin = self.rules.local.slots_in(MARGIN_MIN)
        return range(self.own.start - margin, self.own.stop + margin)

    def ask(self, name: str) -> float:
        """A threshold."""
        rows, local = self.rules.registry.thresholds, self.rules.local
        return value_on(rows, local, "bad_data", name, self.scope_id, self.day)

    def slots_in(self, name: str) -> int:
        """A threshold in minutes, as slots."""
        return max(1, int(self.ask(name)) * 60 // self.rules.local.slot_s)

    def baseline(self, slot: int) -> Baseline | None:
        """The baseline that holds, where it was learned."""
        found = self.rules.baseline_at(self.scope_id, slot * self.rules.local.slot_s)
        return found if found is not None and found.floor_kw is not None else None

    def load_kw(self, slot: int) -> float | None:
        """Load of a slot that is over and fully measured."""
        now = self.measured.get(slot)
        if now is None or slot >= self.until or slot not in self.view or now.coverage < 1 or now.is_outage:
            return None
        return now.load_kw(self.rules.local.hours())

    def profile_kw(self, slot: int) -> tuple[float, float, float] | None:
        """Load by the profile, its lowest 2 h around, and its highest; None without a profile."""
        baseline = self.baseline(slot)
        if baseline is None or not baseline.profile_kw:
            return None
        wall = self.rules.local.wall(slot * self.rules.local.slot_s)
        profile, n = baseline.profile_kw, len(baseline.profile_kw)
        at = (wall.hour * 3600 + wall.minute * 60 + wall.second) * n // 86400
        reach = min(EARLY_LATE_H * 3600 * n // 86400, (n - 1) // 2)
        near = [profile[(at + by) % n] for by in range(-reach, reach + 1)]
        return profile[at], min(near), max(profile)

    def mark(self, slot: int, reason: Reason) -> None:
        """Set a slot aside; of yesterday's slots yesterday speaks."""
        if slot >= self.own.start:
            self.found.setdefault(slot, set()).add(reason)


def _runs(day: _Day, flagged: Callable[[int], bool], other: Callable[[int], bool]) -> list[list[int]]:
    """Runs of flagged slots with none between them that is known and not flagged."""
    runs: list[list[int]] = [[]]
    for slot in day.view:
        if flagged(slot):
            runs[-1].append(slot)
        elif other(slot) and runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _spikes(day: _Day) -> None:
    """Above twice the highest load believed, for 2 h at most."""

    def is_high(slot: int) -> bool:
        load_kw, baseline = day.load_kw(slot), day.baseline(slot)
        if load_kw is None or baseline is None:
            return False
        return load_kw > day.ask("spike_factor") * _max_kw(baseline)

    for run in _runs(day, is_high, lambda s: day.load_kw(s) is not None and not is_high(s)):
        if run[-1] - run[0] < day.slots_in("spike_min"):
            for slot in run:
                day.mark(slot, Reason.SUSPECT_SPIKE)


def _dropouts(day: _Day) -> None:
    """Near zero for 1 h at most, no more than 1 h after a load that is not. A zero that a voltage proves is a zero."""

    def low_kw(slot: int) -> float | None:
        now = day.measured.get(slot)
        if now is None or slot >= day.until or slot not in day.view:
            return None
        if Reason.ZERO_UNPROVEN in now.reasons:
            return 0.0
        return None if now.is_alive_zero else day.load_kw(slot)

    def is_low(slot: int) -> bool:
        load_kw, baseline = low_kw(slot), day.baseline(slot)
        if load_kw is None or baseline is None or baseline.floor_kw is None or baseline.floor_kw <= 0:
            return False
        return load_kw <= day.ask("dropout_share") * baseline.floor_kw

    def is_other(slot: int) -> bool:
        return low_kw(slot) is not None and not is_low(slot)

    longest = day.slots_in("dropout_min")
    for run in _runs(day, is_low, is_other):
        comes_after = any(is_other(s) for s in range(run[0] - longest, run[0]))
        if run[-1] - run[0] < longest and comes_after:
            for slot in run:
                day.mark(slot, Reason.SUSPECT_DROPOUT)


def _stuck(day: _Day) -> None:
    """The same value above idle for longer than 3 h and than twice the longest run learned."""
    runs: list[list[int]] = [[]]
    for slot in day.view:
        load_kw, baseline = day.load_kw(slot), day.baseline(slot)
        idle_kw = baseline.idle_kw if baseline is not None else None
        counts = load_kw is not None and load_kw > (idle_kw or 0.0) and load_kw > 0
        is_same = bool(runs[-1]) and counts and slot == runs[-1][-1] + 1 and load_kw == day.load_kw(runs[-1][-1])
        if is_same:
            runs[-1].append(slot)
        elif load_kw is not None:
            runs.append([slot])
    last = day.own.start - 1
    went_on = Reason.SUSPECT_STUCK in day.yesterday.get(last, frozenset())
    for run in (r for r in runs if r):
        baseline = day.baseline(run[0])
        equal_h = baseline.equal_h if baseline is not None else None
        limit_h = inf if equal_h is None else max(day.ask("stuck_factor") * equal_h, day.ask("stuck_h"))
        is_long = len(run) > limit_h / day.rules.local.hours()
        goes_on = went_on and run[0] < day.own.start and len(run) > 1
        for slot in run:
            load_kw, own = day.load_kw(slot), day.baseline(slot)
            idle_kw = own.idle_kw if own is not None else None
            counts = load_kw is not None and load_kw > (idle_kw or 0.0) and load_kw > 0
            if counts and (is_long or goes_on):
                day.mark(slot, Reason.SUSPECT_STUCK)


def _clock_hour(day: _Day) -> None:
    """One value through the hour behind a jump of the clock, a slot more on either side at hand."""
    local = day.rules.local
    left_out = 86400 // local.slot_s - len(day.own)
    if left_out <= 0:
        return
    jump = next(
        s
        for s in day.own
        if local.wall(s * local.slot_s) - local.wall((s - 1) * local.slot_s) > timedelta(seconds=local.slot_s)
    )
    for first in range(jump - 1, jump + 2):
        window = range(first, first + left_out)
        loads = {day.load_kw(s) if day.baseline(s) is not None else None for s in window}
        if len(loads) == 1 and loads != {None}:
            for slot in window:
                day.mark(slot, Reason.SUSPECT_STUCK)


def _levels(day: _Day) -> _Level | None:
    """A meter off its level; what goes on when the day ends."""
    if all(day.profile_kw(s) is None for s in day.own):
        return None
    still: _Level | None = None
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
                    still = still or _Level(is_up, factor)
                break
    return still


def _beginnings(day: _Day, slots: Sequence[int], is_up: bool) -> list[int]:
    """With the stretch, or at one of the first twelve falls below the lowest load believed, rises above the highest."""

    def is_beyond(slot: int) -> bool:
        load_kw, baseline = day.load_kw(slot) or 0.0, day.baseline(slot)
        if baseline is None:
            return False
        return load_kw > _max_kw(baseline) if is_up else load_kw < (baseline.floor_kw or 0.0)

    falls = [i for i in range(1, len(slots)) if is_beyond(slots[i]) and not is_beyond(slots[i - 1])]
    return [0, *falls[:12]] if slots else []


def _set_level(day: _Day, first: int, last: int) -> None:
    """Mark what is known of the slots, lower bounds too."""
    for slot in range(first, last + 1):
        now = day.measured.get(slot)
        if now is not None and slot < day.until and now.wh is not None and not now.is_outage:
            day.mark(slot, Reason.SUSPECT_LEVEL)


def _back(fits: Sequence[bool]) -> list[bool]:
    """Not explained, and neither is one beside it."""
    n = len(fits)
    return [not fits[i] and ((i > 0 and not fits[i - 1]) or (i + 1 < n and not fits[i + 1])) for i in range(n)]


def _is_usual(day: _Day, slots: Sequence[int], is_up: bool) -> bool:
    """For twice the time it takes to find a fault it idles, or peaks, as ever."""
    baseline = day.baseline(slots[0]) if slots else None
    if baseline is None or len(slots) < 2 * _n_min(day):
        return False
    base, peak = _base_and_peak([day.load_kw(s) or 0.0 for s in slots])
    return peak <= _max_kw(baseline) if is_up else base >= (baseline.floor_kw or 0.0)


def _n_min(day: _Day) -> int:
    return max(1, round(day.ask("level_h") / day.rules.local.hours()))


def _max_kw(baseline: Baseline) -> float:
    return baseline.max_kw if baseline.max_kw is not None else 1.1 * baseline.running_kw


def _is_explained(day: _Day, slot: int, is_up: bool, factor: float | None) -> bool:
    """Far below the height of the profile; upward: far above its lowest about that time, or above the lowest load
    believed times the factor."""
    load_kw, expected, baseline = day.load_kw(slot) or 0.0, day.profile_kw(slot), day.baseline(slot)
    if expected is None or baseline is None:
        return False
    if not is_up:
        return load_kw <= day.ask("level_share") * expected[2]
    by_factor = factor is not None and load_kw >= factor * (baseline.floor_kw or 0.0) / SCATTER
    return load_kw >= day.ask("level_rise") * expected[1] or by_factor


def _factor(day: _Day, slots: Sequence[int], is_up: bool) -> float | None:
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
    if is_up:
        is_off = base / low >= day.ask("level_rise") and share >= day.ask("level_rise") and peak > _max_kw(baseline)
    else:
        is_off = share <= day.ask("level_share") and base <= day.ask("level_floor") * floor_kw
    is_alike = base <= alike * share * low and share * floor_kw <= alike * base
    keeps_shape = _correlation(loads, expected) >= day.ask("level_shape")
    return sum(loads) / sum(expected) if is_off and is_alike and keeps_shape else None


def _base_and_peak(values: Sequence[float]) -> tuple[float, float]:
    """10th and 90th percentile."""
    rising = sorted(values)
    return rising[(len(rising) - 1) // 10], rising[(len(rising) - 1) * 9 // 10]


def _correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson's; 0 where one is flat."""
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    size = sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))
    return sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)) / size if size > 0 else 0.0


def find_faults(
    rules: Rules, scope_id: str, measured: Mapping[int, ScopeSlot], won: Sequence[Winner], until: int
) -> Faults:
    """Day after day. measured: with nothing set aside yet."""
    local = rules.local
    slots: dict[int, frozenset[Reason]] = {}
    beyond: dict[date, dict[int, frozenset[Reason]]] = {}
    level: _Level | None = None
    for name in sorted({local.day_of_slot(s) for s in measured}):
        day = _Day(rules, scope_id, name, measured, until, False, slots, level)
        day.is_spread = _is_spread(day, won)
        if all(day.baseline(s) is None for s in day.view):
            level = None
            continue
        if not day.is_spread:
            _spikes(day)
            _dropouts(day)
            _stuck(day)
        _clock_hour(day)
        level = _levels(day)
        slots |= {s: frozenset(reasons) for s, reasons in day.found.items() if s in day.own}
        beyond[name] = {s: frozenset(reasons) for s, reasons in day.found.items() if s not in day.own}
    return Faults(slots, beyond)


def _is_spread(day: _Day, won: Sequence[Winner]) -> bool:
    """Whether a reading of the day tells of more than a slot, of one of the scope's meters: such loads are equal by
    nature."""
    slot_s = day.rules.local.slot_s
    begin, end = day.own.start * slot_s, day.own.stop * slot_s
    meters = {m.meter_id: m for m in day.rules.registry.meters if m.role != Role.CHECK}
    rows = [r for r in day.rules.registry.scope_meters if r.scope_id == day.scope_id and r.meter_id in meters]
    counted = {
        r.meter_id
        for r in rows
        if max(r.valid_from, meters[r.meter_id].valid_from) < min(r.valid_to, meters[r.meter_id].valid_to)
    }
    return any(
        r.meter_id in counted
        and begin < r.ts <= end
        and r.kind in PREFERENCE
        and (r.kind == Kind.ENERGY_REG or r.period_s > slot_s)
        for r in (w.reading for w in won)
    )


def set_aside(measured: Mapping[int, ScopeSlot], reasons: Mapping[int, frozenset[Reason]]) -> dict[int, ScopeSlot]:
    """The slots without what is not believed: no load, coverage 0, and no unit of it known. Its meters are not silent,
    if a zero without proof was taken for silence."""
    found = dict(measured)
    for slot, why in reasons.items():
        now = measured[slot]
        missing = now.missing
        if Reason.ZERO_UNPROVEN in now.reasons:
            missing = tuple(m for m in missing if m not in now.meters)
        found[slot] = replace(
            now,
            coverage=0.0,
            wh=None,
            reasons=now.reasons | why,
            missing=missing,
            is_bad=True,
            is_suspect=True,
            units=None if now.units is None else UnitCount(0, 0),
        )
    return found


def as_seen_from(
    day: date, measured: Mapping[int, ScopeSlot], raw: Mapping[int, ScopeSlot], faults: Faults, rules: Rules
) -> Mapping[int, ScopeSlot] | None:
    """The slots with the first 2 h of the next day as this day sees them; None: as they are. raw: nothing set aside."""
    end = rules.local.slots_of(day).stop
    behind = [s for s in range(end, end + rules.local.slots_in(MARGIN_MIN)) if s in raw]
    seen = faults.beyond.get(day, {})
    if all(faults.slots.get(s) == seen.get(s) for s in behind):
        return None
    return {**measured, **set_aside({s: raw[s] for s in behind}, {s: seen[s] for s in behind if s in seen})}
