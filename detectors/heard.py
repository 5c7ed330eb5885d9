"""What meters outside a scope's own sum tell of it, slot by slot: the energy of all accounts of its enterprise, and of
each pair of treatment and production whether the treatment is off.

It is kept with the slot, so that only touched slots are worked out again; a 0 means that nothing is known.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.intervals import meter_slots
from detectors.readings import ReadingColumns
from detectors.rules import treatment_off
from detectors.slots import Grid
from detectors.vocab import Rule
from detectors.world import World, rows_of

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
U32 = npt.NDArray[np.uint32]
U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_MOST_WH = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Heard:
    """Of S scopes on T slots."""

    treatment: U32  # of the pair at place p: bit 2p = its treatment is off, bit 2p + 1 = all of it was measured
    enterprise_wh: I32  # signed sum over the accounts that are measured
    enterprise_full: U8  # 1: every valid account is

    def take(self, rows: I64) -> "Heard":
        """Some of the scopes."""
        return Heard(self.treatment[rows], self.enterprise_wh[rows], self.enterprise_full[rows])


#: The fields of ``Heard``; a stored slot has the same.
HEARD_FIELDS = ("treatment", "enterprise_wh", "enterprise_full")


def nothing_heard(n_scopes: int, n_slots: int) -> Heard:
    """To be filled in."""
    shape = (n_scopes, n_slots)
    return Heard(np.zeros(shape, np.uint32), np.zeros(shape, np.int32), np.zeros(shape, np.uint8))


def hears(world: World, scopes: I64) -> Bool:
    """Which scopes hear meters outside their sum, [S]."""
    return np.asarray(np.isin(scopes, world.heard_scope), np.bool_)


def hear(world: World, scopes: I64, grid: Grid, readings: ReadingColumns) -> Heard | None:
    """Work it out; None where none of the scopes hears any. readings: winners, as ``meter_slots`` takes them."""
    if len(world.heard_scope) == 0 or not hears(world, scopes).any():
        return None
    found = nothing_heard(len(scopes), grid.n)
    _enterprise_energy(world, scopes, grid, readings, found)
    _treatment_states(world, scopes, grid, readings, found)
    return found


def _enterprise_energy(world: World, scopes: I64, grid: Grid, readings: ReadingColumns, found: Heard) -> None:
    table, of_scope = world.enterprises, world.enterprises.of_scope[scopes]
    mine = np.flatnonzero(of_scope >= 0)
    if len(mine) == 0:
        return
    wanted, place = np.unique(of_scope[mine], return_inverse=True)
    rows, owner = rows_of(table.meter_of, wanted)
    meters, at = np.unique(table.meter[rows], return_inverse=True)
    shown = meter_slots(world, meters, grid, readings, np.broadcast_to(np.inf, (len(meters), grid.n)))
    valid = (grid.starts_s >= table.meter_from[rows, None]) & (grid.starts_s < table.meter_to[rows, None])
    measured = valid & shown.measured[at]
    wh, silent, n_valid = (np.zeros((len(wanted), grid.n), np.int64) for _ in range(3))
    np.add.at(wh, owner, np.where(measured, shown.wh[at], 0) * table.sign[rows, None])
    np.add.at(silent, owner, valid & ~measured)
    np.add.at(n_valid, owner, valid)
    found.enterprise_wh[mine] = np.clip(wh, -_MOST_WH, _MOST_WH)[place]
    found.enterprise_full[mine] = ((n_valid > 0) & (silent == 0))[place]


def _treatment_states(world: World, scopes: I64, grid: Grid, readings: ReadingColumns, found: Heard) -> None:
    table = world.pairs
    pairs, owner = rows_of(table.scope, scopes)
    if len(pairs) == 0:
        return
    rows, of_pair = rows_of(table.of_pair, pairs)
    running, off = (
        world.thresholds.at(Rule.TREATMENT_OFF, name, scopes[owner, None], grid.starts_s) for name in ("running", "off")
    )
    valid = (grid.starts_s >= table.meter_from[rows, None]) & (grid.starts_s < table.meter_to[rows, None])
    is_treatment = table.is_treatment[rows]

    def total(which: Bool, values: F64 | I64 | Bool) -> F64:
        summed = np.zeros((len(pairs), grid.n))
        np.add.at(summed, of_pair[which], values[which])
        return summed

    rated_of = np.repeat(table.rated_kw[rows, None], grid.n, axis=1)
    rated = np.where(valid, rated_of, 0.0)
    rated_kw = total(~is_treatment, rated), total(is_treatment, rated)
    always_kw = (total(which, rated_of) for which in (~is_treatment, is_treatment))
    tested_kw = [(share * kw)[of_pair] for share, kw in zip((running, off), always_kw, strict=True)]
    meters, at = np.unique(table.meter[rows], return_inverse=True)
    tested = np.full((len(meters), grid.n), np.inf)
    tested[at] = np.where(is_treatment[:, None], tested_kw[1], tested_kw[0])
    shown = meter_slots(world, meters, grid, readings, tested)
    measured = valid & shown.measured[at]
    wh = np.where(measured, shown.wh[at], 0)
    everyone = np.ones(len(rows), np.bool_)
    is_known = total(everyone, valid & ~measured) == 0  # what is not there any more is off no more
    is_there = (total(~is_treatment, valid) > 0) & (total(is_treatment, valid) > 0)
    production_wh = np.where(is_known & is_there, total(~is_treatment, wh), np.nan)
    rated_wh = (kw * (1000 * grid.hours) for kw in rated_kw)
    is_off = treatment_off.flags(production_wh, total(is_treatment, wh), *rated_wh, running=running, off=off)
    shift = np.uint32(2) * table.place[pairs, None].astype(np.uint32)
    known, unknown = (np.zeros_like(found.treatment) for _ in range(2))
    np.bitwise_or.at(known, owner, np.uint32(2) * is_known << shift)
    np.bitwise_or.at(unknown, owner, np.uint32(2) * ~is_known << shift)
    found.treatment[:] = known & ~unknown  # of pairs that share a place, all are known or none
    np.bitwise_or.at(found.treatment, owner, is_off.astype(np.uint32) << shift)
