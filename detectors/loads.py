"""Meters to scopes: the load of each scope and slot, and how far it is evidence (SEMANTICS §2.9-2.11)."""

from dataclasses import dataclass, fields
from enum import IntFlag
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.heard import Heard
from detectors.members import Members
from detectors.slots import Grid
from detectors.unit_counts import Units
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
    units: Units | None = None  # running units, where line meters count them in any of the scopes
    heard: Heard | None = None  # what meters outside the sum tell, where any of the scopes hears some

    def take(self, rows: I64) -> "Loads":
        """Some of the scopes."""
        arrays = {f.name: getattr(self, f.name)[rows] for f in fields(Loads) if f.name not in ("units", "heard")}
        return Loads(
            **arrays,
            units=self.units.take(rows) if self.units is not None else None,
            heard=self.heard.take(rows) if self.heard is not None else None,
        )


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
        evidence, counted, missing, facts = (np.zeros(shape, np.uint16) for _ in range(4))
        return Loads(np.zeros(shape, np.int64), evidence, counted, missing, facts, np.zeros(n_scopes, np.int64))
    sums = _Sums(owner, n_scopes)
    starts = grid.starts_s
    awaited = (starts >= world.member_from[rows, None]) & (starts < world.member_to[rows, None])
    sign = world.member_sign[rows, None]
    valid = awaited & (sign != 0) if not sign.all() else awaited  # sign 0: heard and not summed

    def shown(of_meter: npt.NDArray[Any]) -> Any:
        return of_meter if is_in_order else of_meter[at]

    is_in_order = len(at) == len(meters.meters) and bool((at == np.arange(len(at))).all())
    measured, wh_of = valid & shown(meters.measured), shown(meters.wh)
    speaks = measured | (valid & shown(meters.partial))
    declared = _declared(world, world.member_meter[rows], grid)
    source = world.meter_source[world.member_meter[rows]]
    over_due = awaited & (grid.ends_s <= as_of - world.source_delay_s[source, None])
    over_due[:, : max(0, begin_slot - grid.first_slot)] = False
    due, absent = over_due & valid, valid & ~measured
    missing = over_due & ~shown(meters.measured) & ~declared & ~shown(meters.coarse)
    up = np.ones_like(valid) if source_down is None else ~source_down[source]
    some, n_missing = sums.some, sums.total(missing, np.uint16)
    any_valid, any_missing = some(valid), n_missing > 0
    zero = speaks & (wh_of == 0)
    proven_zero = zero & ~world.meter_proves_zero[world.member_meter[rows], None]
    facts = np.zeros(shape, np.uint16)
    for fact, holds in (
        (Fact.LOWER_BOUND, any_valid & ~some(valid & ((sign < 0) | shown(meters.negative)))),
        (Fact.ALL_ZERO, some(measured & proven_zero) & ~some(speaks & ~zero)),
        (Fact.LIVE, some(valid & shown(meters.live))),
        (Fact.POWER_OUT, any_valid & ~some(valid & ~(shown(meters.dead) | declared))),
        (Fact.DECLARED, some(absent & declared & due)),
        (Fact.COARSE, some(absent & shown(meters.coarse))),
        (Fact.OVER_CAPACITY, some(valid & shown(meters.over_capacity))),
        (Fact.EVIDENCE_LOST, some(valid & shown(meters.evidence_lost))),
        (Fact.NOT_EVIDENCE, some(absent & shown(meters.not_evidence))),
        (Fact.NO_MULTIPLIER, some(absent & shown(meters.no_multiplier))),
        (Fact.FEED_DOWN, any_missing & ~some(missing & up)),
        (Fact.DUE, some(due)),
        (Fact.DUE_UP, some(due & up)),
        (Fact.SPEAKS, some(speaks)),
    ):
        if holds.any():
            facts |= holds * np.uint16(fact)
    whole_day = valid[:, grid.day].all(axis=1)
    extra = sums.total(np.where(whole_day, meters.register_extra_wh[at], 0), np.int64)
    subtracted = (world.member_sign[rows] < 0) & valid[:, grid.day].any(axis=1)
    extra[owner[subtracted]] = 0  # what is subtracted may not be known: no lower bound
    return Loads(
        wh=sums.total(np.where(speaks, wh_of, 0) * sign, np.int64),
        evidence=sums.total(measured, np.uint16),
        meters=sums.total(valid, np.uint16),
        missing=n_missing,
        facts=facts,
        register_extra_wh=extra,
    )


class _Sums:
    """Sums over the members of each scope, [K, ...] -> [S, ...]; most scopes have one meter, and need no sum."""

    def __init__(self, owner: I64, n_scopes: int) -> None:
        self._groups = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
        self._present, self._n_scopes = owner[self._groups], n_scopes
        self._is_single = len(self._groups) == len(owner)

    def total(self, values: npt.NDArray[Any], kind: type[np.integer[Any]]) -> npt.NDArray[Any]:
        """Sum of numbers, count of flags."""
        if self._is_single:
            return self._spread(values.astype(kind))
        return self._spread(np.add.reduceat(values, self._groups, axis=0, dtype=kind))

    def some(self, flags: Bool) -> Bool:
        """Whether the flag of any member is set."""
        return self._spread(flags if self._is_single else np.logical_or.reduceat(flags, self._groups, axis=0))

    def _spread(self, found: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if len(found) == self._n_scopes:
            return found
        full = np.zeros((self._n_scopes, *found.shape[1:]), found.dtype)
        full[self._present] = found
        return full


def _declared(world: World, meters: I64, grid: Grid) -> Bool:
    """Slots of each meter that start in a declared outage."""
    declared = np.zeros((len(meters), grid.n), np.bool_)
    near = (world.outage_from <= grid.starts_s[-1]) & (world.outage_to > grid.starts_s[0])
    for meter, begin, end in zip(world.outage_meter[near], world.outage_from[near], world.outage_to[near], strict=True):
        declared[meters == meter] |= (grid.starts_s >= begin) & (grid.starts_s < end)
    return declared
