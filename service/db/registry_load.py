"""Reading the stored registry whole: one query a table, always of one version."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.errors import InfrastructureError
from detectors.registry import Registry, with_default_scopes
from service.db.registry_tables import BY_NAME, STORED

_TRIES = 5
_NUMBERS = (
    "SELECT meter_id, meter_no FROM meters",
    "SELECT scope_id, scope_no FROM scopes",
    "SELECT source, source_no FROM sources",
)


@dataclass(frozen=True, slots=True)
class StoredRegistry:
    """The registry as of ``version``, default scopes and their members included, and the numbers of its rows."""

    version: int
    registry: Registry
    meter_no: Mapping[str, int]
    scope_no: Mapping[str, int]
    source_no: Mapping[str, int]
    frozen_before_s: int | None = None  # nothing before this time is judged any more; None: everything may be


async def load_registry(connection: AsyncConnection) -> StoredRegistry:
    """Everything that is stored, of one version, also while an import commits beside it.

    Raises InfrastructureError when imports follow each other faster than it can be read.
    """
    stored = await load_rows(connection)
    return replace(stored, registry=with_default_scopes(stored.registry))


async def load_rows(connection: AsyncConnection) -> StoredRegistry:
    """The same without the members that default scopes have by themselves: the rows as imported."""
    wanted = {table.name: "" for table in STORED}
    version, registry, frozen_s, numbers = await _of_one_version(connection, wanted, {}, _NUMBERS)
    meter_no, scope_no, source_no = numbers
    return StoredRegistry(version, registry, meter_no, scope_no, source_no, frozen_s)


async def load_part(
    connection: AsyncConnection, wanted: Mapping[str, str], given: Mapping[str, object] | None = None
) -> Registry:
    """Some tables, of one version, as imported. wanted: name of a table -> what follows its SELECT (a condition, an
    order), by the parameters ``given``. Raises as ``load_registry``."""
    _, registry, _, _ = await _of_one_version(connection, wanted, given or {}, ())
    return registry


async def load_plants_and_lines(connection: AsyncConnection) -> Registry:
    """Nothing but the plants and lines that are stored: what rows of a file may name in the office's words."""
    return await load_part(connection, {"plants": "", "lines": ""})


async def first_readings(connection: AsyncConnection, meter_nos: Iterable[int]) -> dict[int, int]:
    """meter_no -> ts of its earliest reading, epoch seconds; meters without readings are absent."""
    rows = await connection.execute(
        text(
            "SELECT m.meter_no, min(extract(epoch FROM first.ts)::bigint)"
            " FROM unnest(CAST(:meter_nos AS integer[])) AS m (meter_no)"
            " CROSS JOIN generate_series(0, 7) AS k (kind)"
            " CROSS JOIN LATERAL (SELECT r.ts FROM readings r WHERE r.meter_no = m.meter_no"
            " AND r.kind = k.kind::smallint ORDER BY r.ts LIMIT 1) AS first GROUP BY m.meter_no"
        ),
        {"meter_nos": sorted(meter_nos)},
    )
    return {meter_no: int(ts) for meter_no, ts in rows}


async def _of_one_version(
    connection: AsyncConnection, wanted: Mapping[str, str], given: Mapping[str, object], numbers: Sequence[str]
) -> tuple[int, Registry, int | None, list[dict[str, int]]]:
    """Version, rows, frozen time and numbers; read again where an import committed in between."""
    version, zone, frozen_s = await _state(connection)
    for _ in range(_TRIES):
        tables: dict[str, Any] = {}
        for name, rest in wanted.items():
            table = BY_NAME[name]
            asked = {key: value for key, value in given.items() if f":{key}" in rest}
            rows = await connection.execute(text(f"{table.select()} {rest}"), asked)
            tables[name] = tuple(table.to_python(row) for row in rows)
        numbered = [{row[0]: row[1] for row in await connection.execute(text(query))} for query in numbers]
        read_version = version
        version, zone, frozen_s = await _state(connection)
        if version == read_version:
            return version, replace(Registry(zone=zone), **tables), frozen_s, numbered
    raise InfrastructureError("the registry changes faster than it can be read")


async def _state(connection: AsyncConnection) -> tuple[int, str, int | None]:
    row = (
        await connection.execute(
            text("SELECT version, zone, extract(epoch FROM frozen_before)::bigint FROM registry_state")
        )
    ).one()
    return int(row[0]), str(row[1]), row[2]
