"""The registry rows of one plant that its caps hang on: a question about one plant never reads the others'."""

from dataclasses import replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.errors import InfrastructureError
from detectors.registry import Registry
from service.db.registry_tables import BY_NAME

_TRIES = 5
_BY_PLANT = "WHERE plant_id = :plant_id"
_BY_SCOPE = "WHERE scope_id IN (SELECT scope_id FROM scopes WHERE plant_id = :plant_id)"
#: Tables, which rows of them, and in which order: a registry of the same rows is the same registry.
_PARTS = {
    "plants": f"{_BY_PLANT} ORDER BY plant_id",
    "lines": f"{_BY_PLANT} ORDER BY line_id",
    "meters": f"{_BY_PLANT} ORDER BY meter_id",
    "scopes": f"{_BY_PLANT} ORDER BY scope_id",
    "scope_meters": f"{_BY_SCOPE} ORDER BY scope_id, meter_id, valid_from",
    "orders": f"{_BY_SCOPE} ORDER BY order_id, revision",
    "baselines": f"{_BY_SCOPE} ORDER BY scope_id, valid_from, version, day_type",
    "exemptions": f"{_BY_SCOPE} ORDER BY scope_id, valid_from, order_id",
    "calendar": "ORDER BY day",
}


async def load_plant(connection: AsyncConnection, plant_id: str) -> Registry:
    """Plant, lines, meters, scopes, members, orders, baselines and exemptions of a plant, and the calendar; of one
    version, also while an import commits beside it. An unknown plant has none.

    Multipliers, outages and sources say nothing of a cap and are left out.

    Raises:
        InfrastructureError: imports follow each other faster than it can be read.
    """
    version, zone = await _state(connection)
    for _ in range(_TRIES):
        tables: dict[str, Any] = {}
        for name, rows in _PARTS.items():
            table = BY_NAME[name]
            given = {"plant_id": plant_id} if ":plant_id" in rows else {}
            found = await connection.execute(text(f"{table.select()} {rows}"), given)
            tables[name] = tuple(table.to_python(row) for row in found)
        read_version = version
        version, zone = await _state(connection)
        if version == read_version:
            return replace(Registry(zone=zone), **tables)
    raise InfrastructureError("the registry changes faster than it can be read")


async def _state(connection: AsyncConnection) -> tuple[int, str]:
    row = (await connection.execute(text("SELECT version, zone FROM registry_state"))).one()
    return int(row[0]), str(row[1])
