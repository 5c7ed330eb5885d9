"""One sheet of the office -> rows of typed cells, each with what is wrong with it; rows are not compared yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from service.db.registry_errors import Problem
from service.registry.cells import CellError, is_empty, shown
from service.registry.columns import Column, plain_header, read_cell
from service.registry.heads import IDLE_HEADERS
from service.registry.phones import whose_phone
from service.registry.sheets import Sheet

#: Columns of lists that name a plant; merged cells that a CSV file left empty are taken from the row above.
_NAMING = ("plant_id", "plant_name", "plant_uscc")


@dataclass(slots=True)
class CellRow:
    """One row: its cells as written, the typed value of every column, and what is wrong or worth knowing.

    filled: columns whose cell is merged with one of a row above, which tells already what is wrong with it. hidden:
    faults of such cells. refused: columns with a fault; None: the row as a whole.
    """

    label: str
    number: int
    headers: dict[str, str]
    cells: dict[str, object]
    values: dict[str, Any]
    faults: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    filled: frozenset[str] = frozenset()
    hidden: list[Problem] = field(default_factory=list)
    refused: set[str | None] = field(default_factory=set)

    @property
    def is_refused(self) -> bool:
        """Something is wrong with it: nothing is built of it."""
        return bool(self.refused)

    def cell(self, name: str) -> object:
        """The cell of a column, None where it is empty."""
        cell = self.cells.get(name)
        return None if is_empty(cell) else cell

    def refuse(self, name: str | None, en: str, zh: str) -> None:
        """Note what is wrong, at a column or with the row."""
        self.refused.add(name)
        (self.hidden if name in self.filled else self.faults).append(self._problem(name, en, zh))

    def warn(self, name: str | None, en: str, zh: str) -> None:
        """Note what is worth knowing."""
        if name not in self.filled:
            self.notes.append(self._problem(name, en, zh))

    def _problem(self, name: str | None, en: str, zh: str) -> Problem:
        if name is None:
            return Problem(self.label, self.number, None, None, en, zh)
        cell = self.cell(name)
        value = None if cell is None else shown(cell)
        return Problem(self.label, self.number, self.headers.get(name, name), value, en, zh)


@dataclass(slots=True)
class CellTable:
    """The rows of one sheet. is_whole: no column is missing that every row needs."""

    sheet: Sheet
    headers: dict[str, str]
    is_whole: bool
    rows: list[CellRow]


def read_cells(
    sheet: Sheet, zone: ZoneInfo, slot_s: int, errors: list[Problem], warnings: list[Problem], document: str | None
) -> CellTable:
    """Every row of a sheet, cell by cell. Faults of the header go to ``errors``, those of rows stay with their row.

    zone: of times without offset. slot_s: width of a slot in seconds, for profiles. document: number of the document
    that the file belongs to, where neither a column nor a title says it.
    """
    table = sheet.table
    headers: dict[str, str] = {}
    placed, is_whole = _placed_columns(sheet, headers, errors, warnings, document)
    defaults = {column.name: column.default for column in table.columns}
    if table.document is not None:
        defaults[table.document] = sheet.document or document
    edition = _edition(headers)
    if "industry_edition" in defaults and edition is not None:
        defaults["industry_edition"] = edition
    required = {c.name for c in table.columns if c.required and defaults[c.name] is None}
    rows: list[CellRow] = []
    for number, cells, carried in _without_gaps(sheet, placed):
        row = CellRow(
            sheet.label,
            number,
            headers,
            {column.name: cells[place] if place < len(cells) else None for place, column in placed},
            dict(defaults),
            filled=frozenset(c.name for place, c in placed if place in carried or (number, place) in sheet.filled),
        )
        for _, column in placed:
            cell = row.cell(column.name)
            if cell is None:
                if column.name in required:
                    row.refuse(column.name, "must not be empty", "不能为空")
                continue
            try:
                row.values[column.name] = read_cell(column, cell, zone, slot_s)
            except CellError as error:
                row.refuse(column.name, error.en, error.zh)
        if not all(is_empty(cell) for cell in cells[len(sheet.header) :]):
            en, zh = "has more cells than the header: is a comma not quoted?", "单元格多于表头，是否有逗号未加引号？"
            row.refuse(None, en, zh)
        rows.append(row)
    return CellTable(sheet, headers, is_whole, rows)


def _placed_columns(
    sheet: Sheet, headers: dict[str, str], errors: list[Problem], warnings: list[Problem], document: str | None
) -> tuple[list[tuple[int, Column]], bool]:
    """(position, column) of each header that is known; every missing, doubled or unknown one is told."""
    by_header = {plain_header(header): column for column in sheet.table.columns for header in column.headers()}
    placed: list[tuple[int, Column]] = []

    def tell(problems: list[Problem], column: str | None, en: str, zh: str) -> None:
        problems.append(Problem(sheet.label, None, column, None, en, zh))

    for place, header in enumerate(sheet.header):
        if is_empty(header):
            continue
        name = " ".join(str(header).split())
        column = by_header.get(plain_header(whose_phone(sheet.header, place, sheet.table)))
        if column is None:
            if plain_header(name) not in IDLE_HEADERS:
                tell(warnings, name, "unknown column: ignored", "未知列，已忽略")
        elif column.name in headers:
            other = headers[column.name]
            tell(errors, name, f"means the same as column {other}", f"与列“{other}”重复")
        else:
            headers[column.name] = name
            placed.append((place, column))
    is_whole = True
    for column in sheet.table.columns:
        if not column.required or column.name in headers:
            continue
        if column.name == sheet.table.document:
            if sheet.document or document:
                continue
            tell(
                errors,
                column.zh,
                "no column, title or --document names the document of the plan",
                f"缺少“{column.zh}”列，标题中也没有文号；可用--document指定",
            )
        else:
            tell(errors, column.name, f"required column is missing ({column.zh})", f"缺少必填列“{column.zh}”")
        is_whole = False
    if sheet.table.needs and not any(name in headers for name in sheet.table.needs):
        wanted = [sheet.table.column(name) for name in sheet.table.needs]
        en = "one of these columns is wanted: " + ", ".join(c.name for c in wanted)
        tell(errors, None, en, "至少应有以下一列：" + "、".join(c.zh for c in wanted))
        is_whole = False
    return placed, is_whole


def _edition(headers: dict[str, str]) -> str | None:
    """The edition that a header like ``行业代码（2017）`` names."""
    named = [e for e in ("2011", "2017") for column in ("industry", "trade") if e in headers.get(column, "")]
    return named[0] if len(set(named)) == 1 else None


def _without_gaps(
    sheet: Sheet, placed: list[tuple[int, Column]]
) -> Iterator[tuple[int, Sequence[object], Sequence[int]]]:
    """The rows that hold more than a number in front, each with the columns that it takes from the row above: in
    lists, a row that names no plant and has no number of its own but names a line goes on with the plant above it."""
    naming = [place for place, column in placed if column.name in _NAMING]
    lines = [place for place, column in placed if column.name in ("line", "line_id")]
    idle = [p for p, header in enumerate(sheet.header) if not is_empty(header) and plain_header(header) in IDLE_HEADERS]
    held = [place for place, _ in placed]
    above: Sequence[object] | None = None
    for number, cells in sheet.rows:
        width = len(cells)
        if idle and not any(p < width and not is_empty(cells[p]) for p in held):
            continue
        if naming and lines:
            is_named = any(p < width and not is_empty(cells[p]) for p in naming)
            is_numbered = any(p < width and not is_empty(cells[p]) for p in idle[:1])
            names_line = any(p < width and not is_empty(cells[p]) for p in lines)
            if is_named:
                above = cells
            elif above is not None and names_line and not is_numbered:
                joined = list(cells) + [None] * (len(above) - width)
                for place in naming:
                    joined[place] = above[place] if place < len(above) else None
                yield number, joined, naming
                continue
        yield number, cells, ()
