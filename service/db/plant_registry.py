"""The registry rows of one plant that its caps hang on: a question about one plant never reads the others'."""

from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.registry import Registry
from service.db.registry_load import load_part

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
    return await load_part(connection, _PARTS, {"plant_id": plant_id})
