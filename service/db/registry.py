"""Changing the stored registry: one import at a time, all of it or nothing, and what it touches is judged again."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.registry import ALWAYS, BEFORE_ORDER_S, Registry, with_default_scopes
from service.db.registry_checks import check
from service.db.registry_diff import TableChanges, completed, difference, overlaid
from service.db.registry_errors import Origins, Problem, RegistryErrors
from service.db.registry_load import StoredRegistry, first_readings, load_registry, load_rows
from service.db.registry_losses import loosenings, violating_slots_touched
from service.db.registry_marks import Mark, Touched, marks_of, touched_spans
from service.db.registry_tables import STORED

__all__ = ["ChangeSet", "StoredRegistry", "apply_registry", "load_registry", "plan_registry", "take_turn"]

IMPORT_LOCK = 4_210_211
#: Rows in one statement.
CHUNK = 20_000
#: Tables that say nothing of which meters a source has, and which of them speak.
SPEAK_AS_BEFORE = {"orders", "exemptions", "baselines", "calendar"}


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What an import changes, or would change. version: of the registry after it."""

    version: int
    tables: Mapping[str, TableChanges]
    marks: tuple[Mark, ...]
    warnings: tuple[Problem, ...]

    @property
    def is_empty(self) -> bool:
        """Nothing is added or changed."""
        return not any(changes.added or changes.changed for changes in self.tables.values())


async def apply_registry(
    connection: AsyncConnection,
    registry: Registry,
    now: float,
    *,
    slot_s: int = 900,
    origins: Origins | None = None,
    errors: Sequence[Problem] = (),
    stored: StoredRegistry | None = None,
) -> ChangeSet:
    """Store the rows of ``registry`` in the caller's transaction, which commits or rolls back all of them.

    A row replaces the stored row of its key; a row that is not given stays. What the change touches up to ``now``
    (epoch seconds) is marked dirty. Imports take turns. errors: faults found before, raised together with those found
    here. origins: where the rows came from, for the words of errors. stored: what ``load_rows`` read after
    ``take_turn``, where the caller has it. Raises RegistryErrors.
    """
    await take_turn(connection)
    changes = await plan_registry(
        connection, registry, now, slot_s=slot_s, origins=origins, errors=errors, stored=stored
    )
    if changes.is_empty:
        return changes
    for table in STORED:
        await _write(connection, table.insert(), [table.to_json(row) for row in changes.tables[table.name].added])
        await _write(connection, table.update(), [table.to_json(row) for _, row in changes.tables[table.name].changed])
    await connection.execute(
        text("UPDATE registry_state SET version = :version, zone = :zone"),
        {"version": changes.version, "zone": registry.zone},
    )
    recounts = any(changes.tables[name].pairs() for name in changes.tables.keys() - SPEAK_AS_BEFORE)
    await _write(
        connection,
        "INSERT INTO dirty_scopes (scope_no, first_slot, last_slot, recounts)"
        " SELECT s.scope_no, given.first_slot, given.last_slot, given.recounts"
        " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given"
        " (scope_id text, first_slot bigint, last_slot bigint, recounts boolean) JOIN scopes s USING (scope_id)",
        [
            {"scope_id": m.scope_id, "first_slot": m.first_slot, "last_slot": m.last_slot, "recounts": recounts}
            for m in changes.marks
        ],
    )
    return changes


async def take_turn(connection: AsyncConnection) -> None:
    """Wait until no other transaction imports; none does until the caller's ends. Taken again, it changes nothing."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": IMPORT_LOCK})


async def plan_registry(
    connection: AsyncConnection,
    registry: Registry,
    now: float,
    *,
    slot_s: int = 900,
    origins: Origins | None = None,
    errors: Sequence[Problem] = (),
    stored: StoredRegistry | None = None,
) -> ChangeSet:
    """What ``apply_registry`` would do with the same arguments; only reads. Raises RegistryErrors."""
    now_s = int(now)
    stored = stored or await load_rows(connection)
    before = stored.registry
    found = check(registry, before, origins)
    faults = [*errors, *found.errors]
    if stored.version and registry.zone != before.zone:
        en, zh = f"the stored registry keeps its days in {before.zone}", f"登记库按时区{before.zone}划分日期"
        faults.append(Problem("registry", None, "zone", registry.zone, en, zh))
    if faults:
        raise RegistryErrors(faults)
    new = completed(registry, before)
    tables = difference(new, before)
    after = overlaid(before, new)
    touched = touched_spans(tables, before, after, now_s, slot_s)
    earliest = await _earliest(connection, touched, before, after, stored.meter_no)
    lost = await violating_slots_touched(connection, loosenings(tables, before, after), stored.scope_no, before.zone)
    marks = tuple(marks_of(touched, earliest, now_s, slot_s))
    changes = ChangeSet(stored.version + 1, tables, marks, (*found.warnings, *lost))
    return ChangeSet(stored.version, tables, (), found.warnings) if changes.is_empty else changes


async def _earliest(
    connection: AsyncConnection, touched: Touched, before: Registry, after: Registry, meter_no: Mapping[str, int]
) -> dict[str, int]:
    """The earliest second of each touched scope at which there can be anything to judge: its first reading, or six
    hours before its first order. Readings are looked up only where an order does not already decide."""
    earliest: dict[str, int] = {}
    for order in (*before.orders, *after.orders):
        if order.scope_id in touched:
            begin = max(ALWAYS, order.valid_from - BEFORE_ORDER_S)
            earliest[order.scope_id] = min(begin, earliest.get(order.scope_id, begin))
    open_scopes = {s for s, spans in touched.items() if spans and (s not in earliest or spans[0][0] < earliest[s])}
    scopes_of_meter: dict[int, set[str]] = defaultdict(set)
    for registry in (before, after) if open_scopes else ():
        for member in with_default_scopes(registry).scope_meters:
            if member.scope_id in open_scopes and member.meter_id in meter_no:
                scopes_of_meter[meter_no[member.meter_id]].add(member.scope_id)
    if scopes_of_meter:
        for number, ts in (await first_readings(connection, scopes_of_meter)).items():
            for scope_id in scopes_of_meter[number]:
                earliest[scope_id] = min(ts - 1, earliest.get(scope_id, ts - 1))
    return earliest


async def _write(connection: AsyncConnection, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
    for start in range(0, len(rows), CHUNK):
        given = json.dumps(rows[start : start + CHUNK], ensure_ascii=False)
        await connection.execute(text(statement), {"rows": given})
