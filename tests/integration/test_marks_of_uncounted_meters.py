"""Readings of meters that no scope counts have their plant looked at: they may tell that a source is not down."""

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.marks import marks_of
from detectors.registry import Line, Meter, Plant, Registry, Scope, ScopeMeter, with_default_scopes
from detectors.vocab import Role
from service.db.meter_index import load_meter_index
from service.db.registry import apply_registry
from tests.cases.fast import columns_of
from tests.oracles.rows import Reading

SLOT_S = 900
NOON = int(datetime(2017, 11, 16, 4, tzinfo=UTC).timestamp())
REGISTRY = with_default_scopes(
    Registry(
        plants=(Plant("P", "P", "新密市"),),
        lines=(Line("L", "P", "line"),),
        meters=(
            Meter("supply", "P"),
            Meter("check", "P", role=Role.CHECK),
            Meter("line", "P", role=Role.LINE, line_id="L"),
            Meter("until noon", "P", role=Role.CHECK),
        ),
        scopes=(Scope("process", "P", "process", "process"),),
        scope_meters=(ScopeMeter("process", "until noon", 1, 0, NOON),),
    )
)


@pytest.mark.parametrize("meter_id", ["supply", "check", "line", "until noon"])
async def test_the_plant_is_marked(engine: AsyncEngine, meter_id: str) -> None:
    """The slot of the reading, of the plant's own scope."""
    async with engine.begin() as connection:
        await apply_registry(connection, REGISTRY, NOON, slot_s=SLOT_S)
        index = await load_meter_index(connection)
    readings = columns_of(REGISTRY, [Reading(meter_id, REGISTRY.meters[0].kind, NOON + 2 * SLOT_S, 12.0)])
    readings.meter[:] = index.meter_no[index.rows[meter_id]]
    scope_no, first, last = marks_of(readings, index, SLOT_S)
    slot = NOON // SLOT_S + 1
    assert (first.tolist(), last.tolist()) == ([slot], [slot])
    assert len(np.unique(scope_no)) == 1
