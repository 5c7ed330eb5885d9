"""Reading orders: a filtered list by page, each with its plant, its scope and the exemptions that touch it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.registry import Exemption, Order
from service.db.plants import ScopeRow
from service.db.registry_tables import BY_NAME


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders; None = any. ``at``: in force then by its dates. ``begin``, ``end``: in force at some time of
    ``[begin, end)``. is_every_revision: else the highest revision of each order only, which the other filters ask."""

    county: str | None = None
    plant_id: str | None = None
    scope_id: str | None = None
    control: str | None = None
    clause: str | None = None
    document: str | None = None
    level: str | None = None
    rulebook: str | None = None
    at: datetime | None = None
    begin: datetime | None = None
    end: datetime | None = None
    is_every_revision: bool = False


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order with what it applies to. is_latest: no higher revision replaces it. exemptions: all of its scope."""

    order: Order
    is_latest: bool
    plant_name: str
    scope: ScopeRow
    exemptions: Sequence[Exemption]


_SAME = ("scope_id", "control", "clause", "document", "level", "rulebook")
_HIGHEST = "NOT EXISTS (SELECT 1 FROM orders AS n WHERE n.order_id = o.order_id AND n.revision > o.revision)"


async def read_orders(
    connection: AsyncConnection, wanted: OrderFilter, *, limit: int, after: tuple[str, int] | None = None
) -> Sequence[OrderRow]:
    """Orders by order_id and revision; ``after``: the last ones seen."""
    conditions, given = _conditions(wanted)
    given["n"] = limit
    if after is not None:
        conditions.append("(order_id, revision) > (:after_id, :after_revision)")
        given |= {"after_id": after[0], "after_revision": after[1]}
    where = f" AS o WHERE {' AND '.join(conditions)}" if conditions else " AS o"
    table = BY_NAME["orders"]
    rows = await connection.execute(text(f"{table.select()}{where} ORDER BY order_id, revision LIMIT :n"), given)
    orders: list[Order] = [table.to_python(row) for row in rows]
    scope_ids = sorted({o.scope_id for o in orders})
    scopes, names = await _scopes(connection, scope_ids)
    exemptions = await _exemptions(connection, scope_ids)
    latest = await _highest_revisions(connection, sorted({o.order_id for o in orders}))
    return [
        OrderRow(o, latest[o.order_id] == o.revision, names[o.scope_id], scopes[o.scope_id], exemptions[o.scope_id])
        for o in orders
    ]


def _conditions(wanted: OrderFilter) -> tuple[list[str], dict[str, object]]:
    conditions = [] if wanted.is_every_revision else [_HIGHEST]
    given: dict[str, object] = {}
    for name in _SAME:
        if (value := getattr(wanted, name)) is not None:
            conditions.append(f"{name} = :{name}")
            given[name] = value
    if wanted.plant_id is not None:
        conditions.append("scope_id IN (SELECT scope_id FROM scopes WHERE plant_id = :plant_id)")
        given["plant_id"] = wanted.plant_id
    if wanted.county is not None:
        conditions.append(
            "scope_id IN (SELECT scope_id FROM scopes JOIN plants USING (plant_id) WHERE county = :county)"
        )
        given["county"] = wanted.county
    if wanted.at is not None:
        conditions.append("valid_from <= :at AND (valid_to IS NULL OR valid_to > :at)")
        given["at"] = wanted.at
    # A withdrawn order ends where it begins: it is in force at no time of any span.
    if wanted.begin is not None:
        conditions.append("(valid_to IS NULL OR (valid_to > :begin AND valid_to > valid_from))")
        given["begin"] = wanted.begin
    if wanted.end is not None:
        conditions.append("valid_from < :end AND (valid_to IS NULL OR valid_to > valid_from)")
        given["end"] = wanted.end
    return conditions, given


async def _scopes(connection: AsyncConnection, scope_ids: Sequence[str]) -> tuple[dict[str, ScopeRow], dict[str, str]]:
    """The scopes, and the names of their plants, by scope_id."""
    rows = await connection.execute(
        text(
            "SELECT s.scope_id, s.plant_id, s.name, s.kind, p.county, p.name AS plant_name FROM scopes s"
            " JOIN plants p USING (plant_id) WHERE s.scope_id = ANY(:ids)"
        ),
        {"ids": scope_ids},
    )
    found = {row.scope_id: (ScopeRow(*row[:5]), str(row.plant_name)) for row in rows}
    return {key: scope for key, (scope, _) in found.items()}, {key: name for key, (_, name) in found.items()}


async def _exemptions(connection: AsyncConnection, scope_ids: Sequence[str]) -> dict[str, list[Exemption]]:
    table = BY_NAME["exemptions"]
    rows = await connection.execute(
        text(f"{table.select()} WHERE scope_id = ANY(:ids) ORDER BY valid_from, order_id"), {"ids": scope_ids}
    )
    found: dict[str, list[Exemption]] = defaultdict(list)
    for row in rows:
        exemption: Exemption = table.to_python(row)
        found[exemption.scope_id].append(exemption)
    return found


async def _highest_revisions(connection: AsyncConnection, order_ids: Sequence[str]) -> dict[str, int]:
    rows = await connection.execute(
        text("SELECT order_id, max(revision) FROM orders WHERE order_id = ANY(:ids) GROUP BY order_id"),
        {"ids": order_ids},
    )
    return {row[0]: row[1] for row in rows}
