"""The registry rows of one plant that its caps hang on: a question about one plant never reads the others'."""

from collections.abc import Sequence

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
    "thresholds": _BY_SCOPE.replace("WHERE", "WHERE scope_id IS NULL OR")
    + " ORDER BY scope_id NULLS FIRST, rule, name, valid_from NULLS FIRST",
    "calendar": "ORDER BY day",
}


#: The same of the plants of some scopes, and of all plants of their enterprises: other accounts may be heard.
_ENTERPRISES = (
    "SELECT plant_id FROM plants WHERE plant_id IN (SELECT plant_id FROM scopes WHERE scope_id = ANY(:scope_ids))"
    " OR uscc IN (SELECT uscc FROM plants JOIN scopes USING (plant_id) WHERE scope_id = ANY(:scope_ids))"
)
_PARTS_OF_ENTERPRISES = {
    name: rest.replace("plant_id = :plant_id", f"plant_id IN ({_ENTERPRISES})") for name, rest in _PARTS.items()
}


async def load_enterprises(connection: AsyncConnection, scope_ids: Sequence[str]) -> Registry:
    """What ``load_plant`` loads, of the plants of these scopes and of all plants of their enterprises. Raises as
    ``load_plant``."""
    return await load_part(connection, _PARTS_OF_ENTERPRISES, {"scope_ids": list(scope_ids)})


async def load_plant(connection: AsyncConnection, plant_id: str) -> Registry:
    """Plant, lines, meters, scopes, members, orders, baselines, exemptions and thresholds of a plant, those for all,
    and the calendar; of one version, also while an import commits beside it. An unknown plant has none.

    Multipliers, outages and sources say nothing of a cap and are left out.

    Raises:
        InfrastructureError: imports follow each other faster than it can be read.
    """
    return await load_part(connection, _PARTS, {"plant_id": plant_id})
