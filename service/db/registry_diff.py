"""What an import changes: rows added, rows changed, rows that stay. Absence from a file never deletes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from detectors.registry import Registry, Scope, Source
from service.db.registry_tables import STORED


@dataclass(slots=True)
class TableChanges:
    """Changes of one table. changed: (row before, row after)."""

    added: list[Any] = field(default_factory=list)
    changed: list[tuple[Any, Any]] = field(default_factory=list)
    unchanged: int = 0

    def pairs(self) -> list[tuple[Any | None, Any]]:
        """(row before or None, row after) of everything that is not as it was."""
        return [(None, row) for row in self.added] + list(self.changed)


def difference(new: Registry, stored: Registry) -> Mapping[str, TableChanges]:
    """The changes of every table that make ``stored`` hold the rows of ``new``."""
    result: dict[str, TableChanges] = {}
    for table in STORED:
        changes = result[table.name] = TableChanges()
        before = {table.key_of(row): row for row in getattr(stored, table.name)}
        for row in getattr(new, table.name):
            old = before.get(table.key_of(row))
            if old is None:
                changes.added.append(row)
            elif old != row:
                changes.changed.append((old, row))
            else:
                changes.unchanged += 1
    return result


def completed(new: Registry, stored: Registry) -> Registry:
    """``new`` with the rows that follow from it: sources that only meters name, and the default scope of each plant,
    whose name follows the plant's until the office gives it another."""
    sources = {source.source for source in (*stored.sources, *new.sources)}
    named = sorted({meter.source for meter in new.meters} - sources)
    scopes_before = {scope.scope_id: scope for scope in stored.scopes}
    plants_before = {plant.plant_id: plant for plant in stored.plants}
    given = {scope.scope_id for scope in new.scopes}
    scopes = []
    for plant in new.plants:
        scope, old = scopes_before.get(plant.plant_id), plants_before.get(plant.plant_id)
        if plant.plant_id in given:
            continue
        if scope is None or (old is not None and scope.name == old.name != plant.name):
            scopes.append(
                replace(scope, name=plant.name) if scope else Scope(plant.plant_id, plant.plant_id, plant.name)
            )
    return replace(
        new, sources=new.sources + tuple(Source(source) for source in named), scopes=new.scopes + tuple(scopes)
    )


def overlaid(stored: Registry, new: Registry) -> Registry:
    """What is stored once the rows of ``new`` are written."""
    tables: dict[str, Any] = {}
    for table in STORED:
        rows = {table.key_of(row): row for row in getattr(stored, table.name)}
        rows.update((table.key_of(row), row) for row in getattr(new, table.name))
        tables[table.name] = tuple(rows.values())
    return replace(new, **tables)
