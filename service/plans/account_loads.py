"""Loads of groups of meters that are no scope, judged by the same core as any other load. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from detectors.days import load_kw
from detectors.history import History
from detectors.reading_days import ReadingDays
from detectors.readings import ReadingColumns
from detectors.registry import Meter, Plant, Registry
from detectors.world import compile_world

Account = tuple[str, str]


def account_meters(accounts: Mapping[Account, Sequence[Meter]]) -> list[str]:
    """Their meters, in the order in which ``account_loads`` numbers them."""
    return [meter.meter_id for meters in accounts.values() for meter in meters]


def account_loads(
    registry: Registry, accounts: Mapping[Account, Sequence[Meter]], readings: ReadingColumns, as_of: int, slot_s: int
) -> dict[Account, list[npt.NDArray[np.float64]]]:
    """Load of each account on each local day of the readings: [slots] in kW, NaN where not known.

    readings: standing ones; ``meter`` is the place in ``account_meters``. as_of: epoch seconds.
    """
    names = list(accounts)
    kept = set(account_meters(accounts))
    world = compile_world(
        replace(
            Registry(zone=registry.zone, sources=registry.sources, calendar=registry.calendar),
            plants=tuple(Plant(str(i), account, "") for i, (_, account) in enumerate(names)),
            meters=tuple(
                replace(meter, plant_id=str(i)) for i, meters in enumerate(accounts.values()) for meter in meters
            ),
            multipliers=tuple(row for row in registry.multipliers if row.meter_id in kept),
        ),
        slot_s,
    )
    history = History(world, ReadingDays.of(world, readings.take(readings.ts <= as_of)), as_of)
    found: dict[Account, list[npt.NDArray[np.float64]]] = {name: [] for name in names}
    for result in history:
        loads = load_kw(result.slots, slot_s)
        for row, scope_id in enumerate(world.scope_ids):
            found[names[int(scope_id)]].append(loads[row])
    return found
