"""Readings that no plant can have made, found in the day's own loads and set aside before they are judged (DOMAIN §5).

Between loads and verdict: from the loads of a local day with its margins, from what was learned of the scope
(``detectors.baseline``) and from what yesterday handed on, to reason bits. A suspect slot is no evidence. What is
stored of the loads stays as it came; suspicion is worked out again whenever a day is judged, so that it depends on the
day's readings, the registry, as_of and the carry alone. Where a baseline was given by hand nothing was learned, and
nothing is suspect.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from detectors.learned_loads import LearnedLoads
from detectors.loads import Fact, Loads
from detectors.rules import clock_hour, dropout, level, spike, stuck
from detectors.slots import Grid, clock_gap
from detectors.verdict import Evidence, has
from detectors.vocab import Reason

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U32 = npt.NDArray[np.uint32]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Level:
    """A meter off its level: from which slot to which, and by which factor. last: None where it goes on tomorrow."""

    since: int
    factor: float
    last: int | None


@dataclass(frozen=True, slots=True)
class Suspects:
    """What is set aside of S scopes on T slots."""

    bits: U32  # [S, T] SUSPECT_* of detectors.vocab.Reason
    clock_hour: Bool  # [S, T] ... because the hour does not exist
    levels: Mapping[int, list[Level]]  # of the day, by scope, in order of time

    def still(self, s: int) -> Level | None:
        """The fault of level of a scope that goes on tomorrow."""
        return next((found for found in self.levels.get(s, ()) if found.last is None), None)


def suspects(mine: LearnedLoads, grid: Grid, evidence: Evidence, past: Bool) -> Suspects | None:
    """Which slots are to be set aside; None: none. mine: the scopes of which something was learned. past: [T]."""
    world = mine.world
    bits = np.zeros(mine.load_wh.shape, np.uint32)
    max_wh, floor_wh = mine.learned_wh(world.baseline.max_kw), mine.learned_wh(world.baseline.floor_kw)
    _short(mine, max_wh, floor_wh, bits)
    _stuck(mine, bits)
    hour = _clock_hour(mine)
    bits |= hour * np.uint32(Reason.SUSPECT_STUCK)
    for at, carry in enumerate(mine.carries):  # of its own last hours yesterday saw more than today does
        bits[at, : grid.margin] = 0
        for slot, reasons in carry.doubted:
            if grid.first_slot <= slot < grid.today.first_slot:
                bits[at, slot - grid.first_slot] = reasons
    levels = _levels(mine, max_wh, floor_wh, (evidence.bound & ~evidence.outage)[mine.rows] & past, bits)
    if not bits.any() and not levels:
        return None
    of_all, hour_of_all = np.zeros(evidence.facts.shape, np.uint32), np.zeros(evidence.facts.shape, np.bool_)
    of_all[mine.rows], hour_of_all[mine.rows] = bits, hour
    return Suspects(of_all, hour_of_all, levels)


def set_aside(evidence: Evidence, loads: Loads, found: Suspects) -> Evidence:
    """What is left of the evidence. A zero without proof that is suspect is no silence: its meter speaks, only not the
    truth."""
    suspect = found.bits != 0
    speaks = suspect & has(evidence.facts, Fact.ZERO_UNPROVEN) & (loads.missing == 0)
    return replace(
        evidence,
        covered=evidence.covered & ~suspect,
        bound=evidence.bound & ~suspect,
        known_wh=np.where(suspect, 0, evidence.known_wh),
        silent=evidence.silent & ~speaks,
        silent_up=evidence.silent_up & ~speaks,
        suspect=suspect,
    )


def doubted(found: Suspects, s: int, grid: Grid) -> tuple[tuple[int, int], ...]:
    """Suspect slots of one scope in the day's last hours, as tomorrow must see them: slot and bits."""
    end = grid.margin + grid.today.n_slots
    columns = np.flatnonzero(found.bits[s, end - grid.margin : end]) + end - grid.margin
    return tuple((grid.first_slot + t, int(found.bits[s, t])) for t in columns.tolist())


def _short(mine: LearnedLoads, max_wh: F64, floor_wh: F64, bits: U32) -> None:
    """Set the bits of spikes and dropouts."""
    load, single = mine.load_wh, ~mine.is_spread
    factor, share = mine.threshold("spike_factor"), mine.threshold("dropout_share")
    low = np.where(mine.unproven, 0.0, load)
    low[mine.alive] = np.nan
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero((load > factor * max_wh).any(axis=1) & single)
        if len(rows):
            n_max = mine.slots("spike_min")[rows]
            found = spike.flags(load[rows], max_wh[rows], factor=factor[rows], n_max=n_max)
            bits[rows] |= found * np.uint32(Reason.SUSPECT_SPIKE)
        rows = np.flatnonzero((low <= share * floor_wh).any(axis=1) & single)
        if len(rows):
            n_max = mine.slots("dropout_min")[rows]
            found = dropout.flags(low[rows], floor_wh[rows], share=share[rows], n_max=n_max)
            bits[rows] |= found * np.uint32(Reason.SUSPECT_DROPOUT)


def _stuck(mine: LearnedLoads, bits: U32) -> None:
    """Set the bits of stuck values."""
    hours, table, begin = mine.grid.hours, mine.world.baseline, mine.grid.margin
    last = mine.grid.today.first_slot - 1
    went_on = np.array(
        [any(slot == last and b & Reason.SUSPECT_STUCK for slot, b in carry.doubted) for carry in mine.carries],
        np.bool_,
    )
    least_h = mine.threshold("stuck_h")
    equal = np.count_nonzero(mine.load_wh[:, 1:] == mine.load_wh[:, :-1], axis=1)
    rows = np.flatnonzero(((equal + 1 > least_h[:, 0] / hours) | went_on) & ~mine.is_spread)
    if len(rows) == 0:
        return
    with np.errstate(invalid="ignore"):
        runs = mine.load_wh > np.nan_to_num(mine.learned_wh(table.idle_kw), nan=0.0)
    longest_h = np.where(runs, mine.learned(table.equal_h), mine.learned(table.idle_equal_h))
    limit = np.where(np.isnan(longest_h), np.nan, np.fmax(mine.threshold("stuck_factor") * longest_h, least_h)) / hours
    found = stuck.flags(mine.load_wh[rows], limit[rows], went_on[rows], begin=begin)
    bits[rows] |= found * np.uint32(Reason.SUSPECT_STUCK)


def _clock_hour(mine: LearnedLoads) -> Bool:
    """Slots of the hour that the clock leaves out, filled in all the same."""
    gap = clock_gap(mine.grid)
    if gap is None:
        return np.zeros(mine.load_wh.shape, np.bool_)
    jump, n_hour = gap
    load = np.where(np.isnan(mine.learned(mine.world.baseline.floor_kw)), np.nan, mine.load_wh)
    return clock_hour.flags(load, jump=jump, n_hour=n_hour)


def _levels(mine: LearnedLoads, max_wh: F64, floor_wh: F64, bound: Bool, bits: U32) -> dict[int, list[Level]]:
    """Set the bits of faults of level, and tell them."""
    grid = mine.grid
    own = slice(grid.margin, grid.margin + grid.today.n_slots)
    went_on = [carry.level for carry in mine.carries]
    floor_share, n_min = mine.threshold("level_floor"), mine.threshold("level_h") / grid.hours
    with np.errstate(invalid="ignore"):
        low = np.count_nonzero((mine.load_wh <= floor_share * floor_wh)[:, own], axis=1) >= level.BASE * n_min[:, 0]
        low |= np.count_nonzero((mine.load_wh <= floor_wh)[:, own], axis=1) >= (1 - level.BASE) * (n_min[:, 0] - 1.5)
        high = np.count_nonzero((mine.load_wh > max_wh)[:, own], axis=1) >= level.BASE * n_min[:, 0]
    asked = low | high | np.array([known is not None for known in went_on], np.bool_)
    found: dict[int, list[Level]] = {}
    if not asked.any():
        return found
    second, limits_of = mine.seconds(), _limits(mine)
    for at in np.flatnonzero(asked).tolist():
        load = np.where((bits[at] & _SHORT) != 0, np.nan, mine.load_wh[at])
        for is_up in (False, True):
            carried = went_on[at]
            goes_on = carried if carried is not None and (carried[1] > 1) == is_up else None
            if not ((high if is_up else low)[at] or goes_on):
                continue
            expected, limits = mine.expected(at, second), limits_of(at)
            if np.isnan(expected.wh[own]).all():  # nothing tells when it would be over
                continue
            factor = None if goes_on is None else goes_on[1]
            for stretch in level.stretches(load, expected, limits, own, is_up=is_up, factor=factor):
                span = slice(stretch.first, stretch.last + 1)
                bits[at, span] |= bound[at, span] * np.uint32(Reason.SUSPECT_LEVEL)
                since = goes_on[0] if goes_on and stretch.goes_on else grid.first_slot + stretch.first
                last = None if stretch.is_open else grid.first_slot + stretch.last
                found.setdefault(int(mine.rows[at]), []).append(Level(since, stretch.factor, last))
    return found


_SHORT = np.uint32(Reason.SUSPECT_SPIKE | Reason.SUSPECT_DROPOUT | Reason.SUSPECT_STUCK)


def _limits(mine: LearnedLoads) -> Callable[[int], level.Limits]:
    """The limits of a scope by its place, looked up once for all."""
    names = ("share", "rise", "floor", "alike", "shape", "h")
    table = np.concatenate([mine.threshold(f"level_{name}") for name in names], axis=1)

    def of(at: int) -> level.Limits:
        share, rise, floor, alike, shape, hours = table[at].tolist()
        return level.Limits(share, rise, floor, alike, shape, max(1, round(hours / mine.grid.hours)))

    return of
