"""A workbook or a folder of the office -> a typed registry, or every fault in it at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from detectors.registry import Registry, Source
from service.db.registry_checks import check
from service.db.registry_errors import Origins, Problem, RegistryErrors
from service.registry.cells import CellError, is_empty, shown
from service.registry.columns import Column, plain_header, read_cell
from service.registry.rows import build
from service.registry.sheets import Sheet, read_book

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
class Parsed:
    """What a file holds before it meets other rows. ``registry`` lacks the rows that ``errors`` name."""

    registry: Registry
    origins: Origins
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def parse_registry(path: Path, *, zone: str = "Asia/Shanghai", slot_s: int = 900) -> Parsed:
    """Read an XLSX workbook or a folder of CSV files cell by cell (CONTRACTS §1); rows are not compared yet.

    zone: of times without offset. slot_s: width of a slot in seconds, for profiles. Raises InputError where there is
    nothing to read at ``path``; faults of rows are collected, not raised.
    """
    book = read_book(path)
    errors, warnings = list(book.errors), list(book.warnings)
    origins = Origins()
    tables: dict[str, Any] = {}
    for sheet in book.sheets:
        rows = _read_sheet(sheet, ZoneInfo(zone), slot_s, origins, errors, warnings)
        tables[sheet.table.name] = tuple(rows)
    return Parsed(replace(Registry(zone=zone), **tables), origins, tuple(errors), tuple(warnings))


def read_registry(path: Path, *, zone: str = "Asia/Shanghai", slot_s: int = 900) -> Registry:
    """The registry that a workbook or folder holds by itself, checked; sources that only meters name are added.

    Raises RegistryErrors with every fault, InputError where there is nothing to read.
    """
    parsed = parse_registry(path, zone=zone, slot_s=slot_s)
    found = check(parsed.registry, Registry(zone=zone), parsed.origins)
    if parsed.errors or found.errors:
        raise RegistryErrors([*parsed.errors, *found.errors])
    registry = parsed.registry
    named = {source.source for source in registry.sources}
    missing = sorted({meter.source for meter in registry.meters} - named)
    return replace(registry, sources=registry.sources + tuple(Source(source) for source in missing))


class _Row:
    """One row while it is read: its cells and what is wrong with them."""

    def __init__(self, sheet: Sheet, columns: list[tuple[int, Column]], number: int, cells: Sequence[object]) -> None:
        self.faults: list[Problem] = []
        self._label = sheet.label
        self._number = number
        self._cells = {column.name: cells[place] if place < len(cells) else None for place, column in columns}
        self._headers = {column.name: str(sheet.header[place]).strip() for place, column in columns}

    def cell(self, name: str) -> object:
        """The cell of a column, None where it is empty."""
        cell = self._cells.get(name)
        return None if is_empty(cell) else cell

    def refuse(self, name: str | None, en: str, zh: str) -> None:
        """Note what is wrong, at a column or with the row."""
        if name is None:
            self.faults.append(Problem(self._label, self._number, None, None, en, zh))
            return
        cell = self.cell(name)
        value = None if cell is None else shown(cell)
        self.faults.append(Problem(self._label, self._number, self._headers.get(name, name), value, en, zh))


def _read_sheet(
    sheet: Sheet, zone: ZoneInfo, slot_s: int, origins: Origins, errors: list[Problem], warnings: list[Problem]
) -> list[object]:
    table = sheet.table
    columns = _placed_columns(sheet, origins, errors, warnings)
    origins.labels[table.name] = sheet.label
    defaults = {column.name: column.default for column in table.columns}
    is_whole = all(column.name in origins.headers[table.name] for column in table.columns if column.required)
    mentioned = origins.mentioned.setdefault(table.name, set())
    rows: list[object] = []
    for number, cells in sheet.rows:
        row = _Row(sheet, columns, number, cells)
        values = dict(defaults)
        for _, column in columns:
            cell = row.cell(column.name)
            if cell is None:
                if column.required:
                    row.refuse(column.name, "must not be empty", "不能为空")
                continue
            try:
                values[column.name] = read_cell(column, cell, zone, slot_s)
            except CellError as error:
                row.refuse(column.name, error.en, error.zh)
        if not all(is_empty(cell) for cell in cells[len(sheet.header) :]):
            row.refuse(
                None, "has more cells than the header: is a comma not quoted?", "单元格多于表头，是否有逗号未加引号？"
            )
        if is_whole and not row.faults:
            built = build(table.name, values, row.refuse)
            if not row.faults:
                origins.rows[table.name, len(rows)] = number
                if built.order_plant is not None:
                    origins.order_plants[len(rows)] = built.order_plant
                rows.append(built.row)
                continue
        errors += row.faults
        key = values.get(_ID_OF.get(table.name, ""))
        if isinstance(key, str):
            mentioned.add(key)
    return rows


def _placed_columns(
    sheet: Sheet, origins: Origins, errors: list[Problem], warnings: list[Problem]
) -> list[tuple[int, Column]]:
    """(position, column) of each header that is known; every missing, doubled or unknown one is told."""
    by_header = {plain_header(header): column for column in sheet.table.columns for header in column.headers()}
    written = origins.headers.setdefault(sheet.table.name, {})
    placed: list[tuple[int, Column]] = []
    for place, header in enumerate(sheet.header):
        if is_empty(header):
            continue
        column = by_header.get(plain_header(header))
        name = str(header).strip()
        if column is None:
            warnings.append(Problem(sheet.label, None, name, None, "unknown column: ignored", "未知列，已忽略"))
        elif column.name in written:
            other = written[column.name]
            errors.append(
                Problem(sheet.label, None, name, None, f"means the same as column {other}", f"与列“{other}”重复")
            )
        else:
            written[column.name] = name
            placed.append((place, column))
    errors += [
        Problem(
            sheet.label,
            None,
            column.name,
            None,
            f"required column is missing ({column.zh})",
            f"缺少必填列“{column.zh}”",
        )
        for column in sheet.table.columns
        if column.required and column.name not in written
    ]
    return placed
