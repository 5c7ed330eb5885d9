"""The registry of one version as evaluation uses it: compiled, with the numbers that the database knows its rows by."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from consumers.alert_view import AlertViews
from detectors.readings import ReadingColumns
from detectors.registry import ALWAYS, FOREVER
from detectors.vocab import Kind
from detectors.world import World
from service.db.registry_load import StoredRegistry

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Office:
    """Rows are those of the compiled world, numbers the database's."""

    version: int
    world: World
    views: AlertViews
    scope_no: I64  # [scopes] of each row
    meter_no: I64  # [meters] of each row
    spreads: Bool  # [scopes] a meter that tells of it is read by registers, or over longer than a slot
    order_from: I64  # [orders] epoch seconds
    order_to: I64
    begin_slot: int  # first slot of the history: nothing is missing before it
    frozen_slot: int  # nothing before it is judged any more: its months may be put away
    aside_scope: I64  # the plant's scope of each meter that no scope sums at all times, sorted
    aside_meter: I64
    aside_not: I64  # [asides, 2] from when to when a scope sums the meter, the longest time; FOREVER, ALWAYS: never
    _scope_order: I64
    _meter_order: I64

    @staticmethod
    def of(stored: StoredRegistry, world: World, begin_slot: int) -> "Office":
        """Pair a compiled world with the database's numbers."""
        scope_no = np.array([stored.scope_no[s] for s in world.scope_ids], np.int64)
        meters = world.registry.meters
        meter_no = np.array([stored.meter_no[m.meter_id] for m in meters], np.int64)
        is_spread = np.array([m.kind == Kind.ENERGY_REG or m.period_s > world.slot_s for m in meters], np.bool_)
        spreads = np.zeros(len(scope_no), np.bool_)
        spreads[world.member_scope[is_spread[world.member_meter]]] = True
        spreads[world.heard_scope[is_spread[world.heard_meter]]] = True
        return Office(
            stored.version,
            world,
            AlertViews(world),
            scope_no,
            meter_no,
            spreads,
            np.array([o.valid_from for o in world.orders], np.int64),
            np.array([o.valid_to for o in world.orders], np.int64),
            begin_slot,
            (stored.frozen_before_s or 0) // world.slot_s,
            *_aside(world),
            np.argsort(scope_no),
            np.argsort(meter_no),
        )

    def scope_rows(self, numbers: I64) -> I64:
        """Row of each scope number, -1 where the registry has none."""
        return _rows(self.scope_no, self._scope_order, numbers)

    def with_rows(self, readings: ReadingColumns) -> ReadingColumns:
        """Readings as the database numbers their meters, with rows in place of the numbers."""
        return replace(readings, meter=self.meter_rows(readings.meter.astype(np.int64)).astype(np.int32))

    def meter_rows(self, numbers: I64) -> I64:
        """Row of each meter number, -1 where the registry has none."""
        return _rows(self.meter_no, self._meter_order, numbers)


def _aside(world: World) -> tuple[I64, I64, I64]:
    """Meters that no scope sums at all times, with the row of their plant's scope, sorted by it, and when one does."""
    summed = world.member_sign != 0
    always = summed & (world.member_from == ALWAYS) & (world.member_to == FOREVER)
    meters = np.setdiff1d(np.arange(len(world.registry.meters)), world.member_meter[always])
    scopes = np.array([world.scope_row.get(world.registry.meters[m].plant_id, -1) for m in meters], np.int64)
    order = np.argsort(scopes, kind="stable")[np.count_nonzero(scopes < 0) :]
    times = np.tile(np.array([FOREVER, ALWAYS], np.int64), (len(world.registry.meters), 1))
    by_length = np.flatnonzero(summed)[np.argsort((world.member_to - world.member_from)[summed], kind="stable")]
    times[world.member_meter[by_length]] = np.stack([world.member_from, world.member_to], axis=1)[by_length]
    return scopes[order], meters[order], times[meters[order]]


def _rows(known: I64, order: I64, numbers: I64) -> I64:
    if len(known) == 0:
        return np.full(len(numbers), -1, np.int64)
    at = np.minimum(np.searchsorted(known, numbers, sorter=order), len(known) - 1)
    row = order[at]
    return np.where(known[row] == numbers, row, -1)
