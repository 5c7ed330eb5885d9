"""Rows of typed cells -> a registry: plants and lines are found by what the office calls them, rows are built."""

from dataclasses import dataclass, replace
from typing import Any

from detectors.registry import Plant, Registry
from service.db.registry_errors import Origins, Problem
from service.registry.cell_rows import CellRow, CellTable
from service.registry.codes import industry_doubt
from service.registry.directory import Directory, Unclear
from service.registry.listed import Listed
from service.registry.rows import build
from service.registry.tables import TABLES

_NAMING = {"plant_id", "plant_uscc", "plant_name"}
_SETTLED_FIRST = ("plants", "listings", "lines", "plant_plans")
#: The column that other tables refer to.
_ID_OF = {
    "plants": "plant_id",
    "lines": "line_id",
    "meters": "meter_id",
    "scopes": "scope_id",
    "orders": "order_id",
    "sources": "source",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A file, read cell by cell. Its rows may name plants and lines in the office's words."""

    zone: str
    tables: tuple[CellTable, ...]
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def names_plants(self) -> bool:
        """Whether settling it takes the plants and lines that are stored."""
        named = ("plant_name", "plant_uscc", "line", "lines_stopped")
        return any(table.sheet.table.document or any(n in table.headers for n in named) for table in self.tables)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds before it meets other rows. ``registry`` lacks the rows that ``errors`` name."""

    registry: Registry
    origins: Origins
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def settle(opened: Opened, stored: Registry) -> Parsed:
    """The typed rows of a file. stored: plants and lines that rows may name; nothing else of it is looked at."""
    work = _Work(opened, stored)
    work.origins.labels.update((table.sheet.table.name, table.sheet.label) for table in opened.tables)
    work.origins.headers.update((table.sheet.table.name, table.headers) for table in opened.tables)
    tables = {table.sheet.table.name: table for table in opened.tables}
    if "plants" in tables:
        work.build(tables["plants"])
    if "listings" in tables:
        work.find_plants(tables["listings"])
        work.made_plants()
    if "lines" in tables:
        work.find_plants(tables["lines"])
        work.build(tables["lines"])
    for name in ("listings", "plant_plans"):
        if name in tables:
            work.by_line(tables[name])
    work.made_lines()
    for name in (t.name for t in TABLES if t.name in tables and t.name not in _SETTLED_FIRST):
        work.find_plants(tables[name])
        work.build(tables[name])
    return work.parsed(opened)


class _Work:
    def __init__(self, opened: Opened, stored: Registry) -> None:
        self.zone = opened.zone
        self.directory = Directory(stored.plants, stored.lines)
        self.listed = Listed(self.directory)
        self.origins = Origins()
        self.rows: dict[str, list[Any]] = {table.name: [] for table in TABLES}
        self._cell_rows = opened.tables

    def find_plants(self, table: CellTable) -> None:
        """Put the plant_id into rows that name their plant by its code or name. Lists may make plants."""
        name = table.sheet.table.name
        if "plant_name" not in {column.name for column in table.sheet.table.columns} or not table.is_whole:
            return
        for row in table.rows:
            values = row.values
            named = (values["plant_id"], values["plant_uscc"], values["plant_name"])
            if row.refused & _NAMING:
                continue
            try:
                values["plant_id"] = self.directory.plant_id(*named)
            except Unclear as unclear:
                row.refuse(unclear.column, unclear.en, unclear.zh)
                continue
            if values["plant_id"] in self.origins.mentioned.get("plants", ()):
                continue
            if name == "listings":
                if not any(named):
                    row.refuse("plant_name", "names no plant", "未填企业")
                else:
                    self.listed.plant(row)
            elif values["plant_id"] is None and any(named):
                column = "plant_uscc" if values["plant_uscc"] is not None else "plant_name"
                row.refuse(column, "no such plant is known", "未登记该企业，请核对或填企业编号")
            elif values["plant_id"] is None and "scope_id" not in values:
                row.refuse("plant_id", "names no plant", "未填企业")

    def build(self, table: CellTable) -> None:
        """Build every row of a table that has no fault so far."""
        name = table.sheet.table.name
        for row in table.rows:
            if table.is_whole and not row.is_refused:
                self._take(name, row)
            self._mention(name, row)

    def made_plants(self) -> None:
        """Plants that lists made or changed: rows of their own, or in place of the file's own row."""
        places = {plant.plant_id: place for place, plant in enumerate(self.rows["plants"])}
        for plant_id, row in self.listed.plants.items():
            plant = self.directory.plants[plant_id]
            if plant_id in places:
                self.rows["plants"][places[plant_id]] = plant
            else:
                self._add("plants", plant, row.number, made_by="listings")

    def by_line(self, table: CellTable) -> None:
        """Build one row a line that a row of a list or plan names; the lines to stop are found by name."""
        name = table.sheet.table.name
        if name != "listings":
            self.find_plants(table)
        for row in table.rows:
            if not table.is_whole or row.is_refused:
                self._mention(name, row)
                continue
            if name == "plant_plans":
                row.values["lines_stopped"] = self._stopped(row)
            for line_id in self.listed.lines_of(row) if not row.is_refused else ():
                row.values["line_id"] = line_id
                self._take(name, row)

    def made_lines(self) -> None:
        """Lines that lists name and nobody knew."""
        made_in = {id(row): table.sheet.table.name for table in self._cell_rows for row in table.rows}
        for line_id, row in self.listed.lines.items():
            self._add("lines", self.directory.lines[line_id], row.number, made_by=made_in[id(row)])

    def parsed(self, opened: Opened) -> Parsed:
        """Everything, faults in the order of the tables and rows."""
        rows = [row for table in opened.tables for row in table.rows]
        errors = [*opened.errors, *(fault for row in rows for fault in row.faults)]
        told = {(fault.table, fault.column, fault.value, fault.en) for fault in errors}
        errors += [f for row in rows for f in row.hidden if (f.table, f.column, f.value, f.en) not in told]
        warnings = [*opened.warnings, *(note for row in rows for note in row.notes)]
        tables: dict[str, Any] = {name: tuple(found) for name, found in self.rows.items()}
        registry = replace(Registry(zone=self.zone), **tables)
        return Parsed(registry, self.origins, tuple(errors), tuple(warnings))

    def _stopped(self, row: CellRow) -> tuple[str, ...]:
        found: list[str] = []
        plant_id = row.values["plant_id"]
        for name in row.values["lines_stopped"] or ():
            line_id = self.directory.line_id(plant_id, name)
            known = name in self.directory.lines or name in self.origins.mentioned.get("lines", ())
            if line_id is None and not known:
                names = ", ".join(self.directory.line_names(plant_id)) or "—"
                row.refuse(
                    "lines_stopped",
                    f"{name} is no line of the plant; known: {names}",
                    f"“{name}”不是该企业的生产线，已登记：{names}",
                )
            found.append(line_id or name)
        return tuple(dict.fromkeys(found))

    def _take(self, name: str, row: CellRow) -> None:
        built = build(name, row.values, row.refuse)
        if row.is_refused:
            return
        if built.order_plant is not None:
            self.origins.order_plants[len(self.rows[name])] = built.order_plant
        self._add(name, built.row, row.number)
        for table, more in built.more:
            self._add(table, more, row.number, made_by=name)
        if name == "plants":
            self.directory.put(built.row)
            if built.row.industry is not None:
                doubt = industry_doubt(built.row.industry, built.row.industry_edition)
                if doubt is not None:
                    row.warn("industry", *doubt)
        elif name == "lines":
            self.directory.put_line(built.row)

    def _add(self, table: str, row: Any, number: int, made_by: str | None = None) -> None:
        index = len(self.rows[table])
        self.origins.rows[table, index] = number
        if made_by is not None and made_by != table:
            self.origins.made_by[table, index] = made_by
        self.rows[table].append(row)

    def _mention(self, name: str, row: CellRow) -> None:
        if not row.is_refused:
            return
        key = row.values.get(_ID_OF.get(name, ""))
        if isinstance(key, str):
            self.origins.mentioned.setdefault(name, set()).add(key)
            if name == "plants" and row.values["name"] is not None and key not in self.directory.plants:
                self.directory.put(Plant(key, row.values["name"], row.values["county"] or "", row.values["uscc"]))
        if name == "listings" and isinstance(row.values["plant_id"], str):
            self.origins.mentioned.setdefault("plants", set()).add(row.values["plant_id"])
