"""Readings that no plant can have made: spikes, dropouts, stuck values, the hour that summer time leaves out, a meter
off its level (docs/rules/bad_data.md).

Each local day is looked at from itself: its own slots and 2 h on either side, with what the day before found of its
last 2 h. Suspicion of a slot is what its own day says of it; only the day before, which has to know whether the first
slots of the next could still accuse it, sees these with its own eyes (``as_seen_from``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import inf

from detectors.vocab import Kind, Reason, Role
from tests.oracles.caps import Rules
from tests.oracles.energy import PREFERENCE
from tests.oracles.fault_day import MARGIN_MIN, FaultDay, Level, max_kw
from tests.oracles.level_fault import find_levels
from tests.oracles.scope_slots import ScopeSlot, UnitCount
from tests.oracles.winner import Winner


@dataclass(frozen=True)
class Faults:
    """What is suspect of a scope. ``beyond``: by day, of the first 2 h of the next one, as that day sees them."""

    slots: Mapping[int, frozenset[Reason]]
    beyond: Mapping[date, Mapping[int, frozenset[Reason]]]


def _runs(day: FaultDay, flagged: Callable[[int], bool], other: Callable[[int], bool]) -> list[list[int]]:
    """Runs of flagged slots with none between them that is known and not flagged."""
    runs: list[list[int]] = [[]]
    for slot in day.view:
        if flagged(slot):
            runs[-1].append(slot)
        elif other(slot) and runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _spikes(day: FaultDay) -> None:
    """Above twice the highest load believed; for 2 h at most above half-way from that load to the twofold."""
    factor = day.ask("spike_factor")

    def is_above(slot: int, times: float) -> bool:
        load_kw, baseline = day.load_kw(slot), day.baseline(slot)
        return load_kw is not None and baseline is not None and load_kw > times * max_kw(baseline)

    def is_near(slot: int) -> bool:
        return is_above(slot, (1 + factor) / 2)

    for run in _runs(day, is_near, lambda s: day.load_kw(s) is not None and not is_near(s)):
        if run[-1] - run[0] < day.slots_in("spike_min"):
            for slot in (s for s in run if is_above(s, factor)):
                day.mark(slot, Reason.SUSPECT_SPIKE)


def _dropouts(day: FaultDay) -> None:
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


def _stuck(day: FaultDay) -> None:
    """The same value for longer than 3 h and than twice the longest run learned of values like it."""

    def longest_h(slot: int) -> float | None:
        """Of values above idle, or of idling ones; None: such a value does not count."""
        load_kw, baseline = day.load_kw(slot), day.baseline(slot)
        if load_kw is None or load_kw <= 0 or baseline is None:
            return None
        return baseline.equal_h if load_kw > (baseline.idle_kw or 0.0) else baseline.idle_equal_h

    runs: list[list[int]] = [[]]
    for slot in day.view:
        load_kw, counts = day.load_kw(slot), longest_h(slot) is not None
        is_same = bool(runs[-1]) and counts and slot == runs[-1][-1] + 1 and load_kw == day.load_kw(runs[-1][-1])
        if is_same:
            runs[-1].append(slot)
        elif load_kw is not None:
            runs.append([slot])
    last = day.own.start - 1
    went_on = Reason.SUSPECT_STUCK in day.yesterday.get(last, frozenset())
    for run in (r for r in runs if r):
        equal_h = longest_h(run[0])
        limit_h = inf if equal_h is None else max(day.ask("stuck_factor") * equal_h, day.ask("stuck_h"))
        is_long = len(run) > limit_h / day.rules.local.hours()
        goes_on = went_on and run[0] < day.own.start and len(run) > 1
        for slot in run:
            if longest_h(slot) is not None and (is_long or goes_on):
                day.mark(slot, Reason.SUSPECT_STUCK)


def _clock_hour(day: FaultDay) -> None:
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


def find_faults(
    rules: Rules, scope_id: str, measured: Mapping[int, ScopeSlot], won: Sequence[Winner], until: int
) -> Faults:
    """Day after day. measured: with nothing set aside yet."""
    local = rules.local
    slots: dict[int, frozenset[Reason]] = {}
    beyond: dict[date, dict[int, frozenset[Reason]]] = {}
    level: Level | None = None
    for name in sorted({local.day_of_slot(s) for s in measured}):
        day = FaultDay(rules, scope_id, name, measured, until, False, slots, level)
        day.is_spread = _is_spread(day, won)
        if all(day.baseline(s) is None for s in day.view):
            level = None
            continue
        if not day.is_spread:
            _spikes(day)
            _dropouts(day)
            _stuck(day)
        _clock_hour(day)
        level = find_levels(day)
        slots |= {s: frozenset(reasons) for s, reasons in day.found.items() if s in day.own}
        beyond[name] = {s: frozenset(reasons) for s, reasons in day.found.items() if s not in day.own}
    return Faults(slots, beyond)


def _is_spread(day: FaultDay, won: Sequence[Winner]) -> bool:
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
