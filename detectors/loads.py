"""Meters to scopes: the load of each scope and slot, and how far it is evidence (SEMANTICS §2.9-2.11)."""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from detectors.members import Members
from detectors.slots import Grid
from detectors.world import World

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]


class Fact(IntFlag):
    """What is known about a scope's slot beside its energy; stored with it."""

    LOWER_BOUND = 1 << 0  # all counted signs are + and no energy is negative: a partial sum is a lower bound
    ALL_ZERO = 1 << 1  # every counted meter that speaks reads 0
    LIVE = 1 << 2  # a voltage above 0
    POWER_OUT = 1 << 3  # voltage 0 or a declared outage for every valid meter
    DECLARED = 1 << 4  # a meter is silent within a declared outage
    COARSE = 1 << 5  # a register is too coarse for the threshold
    OVER_CAPACITY = 1 << 6
    EVIDENCE_LOST = 1 << 7
    NOT_EVIDENCE = 1 << 8
    NO_MULTIPLIER = 1 << 9
    FEED_DOWN = 1 << 10  # all missing meters belong to sources that are down
    DUE = 1 << 11  # the time of a valid meter is over
    DUE_UP = 1 << 12  # ... of a meter whose source is not down
    ZERO_UNPROVEN = 1 << 13  # the zero is no evidence (set by the verdict)
    SPEAKS = 1 << 14  # some energy is known, if only a lower bound
    SPREAD = 1 << 15  # a register or an interval longer than a slot is among the day's readings


@dataclass(frozen=True, slots=True)
class Loads:
    """S scopes on T slots."""

    wh: I64  # signed sum over the meters that speak
    evidence: U16  # meters with evidence
    meters: U16  # meters valid at the slot
    missing: U16  # meters missing (SEMANTICS §1.4), declared outages and coarse registers apart
    facts: U16  # Fact bits
    register_extra_wh: I64  # [S] what registers prove of the day beyond its slots, where all signs are +


def scope_loads(
    world: World,
    members: Members,
    n_scopes: int,
    grid: Grid,
    as_of: int,
    source_down: Bool | None = None,
    begin_slot: int = 0,
) -> Loads:
    """Sum meters to scopes.

    as_of: epoch s. begin_slot: nothing is due before it. source_down: [sources, T], feed_down of each source; None:
    none is down.
    """
    rows, owner, meters, at = members.rows, members.owner, members.meters, members.at
    shape = (n_scopes, grid.n)
    if len(rows) == 0:
        empty = np.zeros(shape, np.uint16)
        return Loads(np.zeros(shape, np.int64), empty, empty, empty, empty, np.zeros(n_scopes, np.int64))
    starts = grid.starts_s
    valid = (starts >= world.member_from[rows, None]) & (starts < world.member_to[rows, None])
    groups = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    present = owner[groups]

    def count(flags: Bool) -> U16:
        full = np.zeros(shape, np.uint16)
        full[present] = np.add.reduceat(flags, groups, axis=0, dtype=np.uint16)
        return full

    speaks = valid & (meters.measured[at] | meters.partial[at])
    measured = valid & meters.measured[at]
    sign = world.member_sign[rows, None]
    wh = np.zeros(shape, np.int64)
    wh[present] = np.add.reduceat(np.where(speaks, meters.wh[at], 0) * sign, groups, axis=0)
    declared = _declared(world, world.member_meter[rows], grid)
    source = world.meter_source[world.member_meter[rows]]
    due = valid & (grid.ends_s <= as_of - world.source_delay_s[source, None])
    due[:, : max(0, begin_slot - grid.first_slot)] = False
    absent = valid & ~meters.measured[at]
    missing = absent & due & ~declared & ~meters.coarse[at]
    down = np.zeros_like(valid) if source_down is None else source_down[source]
    n_valid, n_missing = count(valid), count(missing)
    proves = world.meter_proves_zero[world.member_meter[rows], None]
    zero = speaks & (meters.wh[at] == 0)
    facts = np.zeros(shape, np.uint16)
    for fact, holds in (
        (Fact.LOWER_BOUND, (n_valid > 0) & (count(valid & ((sign < 0) | meters.negative[at])) == 0)),
        (Fact.ALL_ZERO, (count(speaks & ~zero) == 0) & (count(measured & zero & ~proves) > 0)),
        (Fact.LIVE, count(valid & meters.live[at]) > 0),
        (Fact.POWER_OUT, (n_valid > 0) & (count(valid & (meters.dead[at] | declared)) == n_valid)),
        (Fact.DECLARED, count(absent & declared & due) > 0),
        (Fact.COARSE, count(absent & meters.coarse[at]) > 0),
        (Fact.OVER_CAPACITY, count(valid & meters.over_capacity[at]) > 0),
        (Fact.EVIDENCE_LOST, count(valid & meters.evidence_lost[at]) > 0),
        (Fact.NOT_EVIDENCE, count(absent & meters.not_evidence[at]) > 0),
        (Fact.NO_MULTIPLIER, count(absent & meters.no_multiplier[at]) > 0),
        (Fact.FEED_DOWN, (n_missing > 0) & (count(missing & ~down) == 0)),
        (Fact.DUE, count(due) > 0),
        (Fact.DUE_UP, count(due & ~down) > 0),
        (Fact.SPEAKS, count(speaks) > 0),
    ):
        facts |= np.where(holds, np.uint16(fact), np.uint16(0))
    extra = np.zeros(n_scopes, np.int64)
    whole_day = valid[:, grid.day].all(axis=1)
    extra[present] = np.add.reduceat(np.where(whole_day, meters.register_extra_wh[at], 0), groups)
    subtracted = (world.member_sign[rows] < 0) & valid[:, grid.day].any(axis=1)
    extra[owner[subtracted]] = 0  # what is subtracted may not be known: no lower bound
    return Loads(wh, count(measured), n_valid, n_missing, facts, extra)


def _declared(world: World, meters: I64, grid: Grid) -> Bool:
    """Slots of each meter that start in a declared outage."""
    declared = np.zeros((len(meters), grid.n), np.bool_)
    near = (world.outage_from <= grid.starts_s[-1]) & (world.outage_to > grid.starts_s[0])
    for meter, begin, end in zip(world.outage_meter[near], world.outage_from[near], world.outage_to[near], strict=True):
        declared[meters == meter] |= (grid.starts_s >= begin) & (grid.starts_s < end)
    return declared
