"""Files of the office -> rows of cells: one XLSX workbook, one CSV file, or one folder of them (UTF-8, GB 18030 or
UTF-16)."""

import csv
import io
import warnings
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from detectors.errors import InputError
from service.db.registry_errors import Problem
from service.registry.cells import is_empty
from service.registry.columns import Table, plain_header
from service.registry.heads import Row, find_head, is_footer, matches
from service.registry.merges import fill, merged_ranges
from service.registry.tables import TABLES

#: Sheets of explanation: ignored without a word.
NOTES = {plain_header(name) for name in ("说明", "填表说明", "README", "notes")}
#: Words in the name of a sheet, or in a title above its header, that tell what it holds; the first that fit.
_WORDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("一厂一策",), "plant_plans"),
    (("一企一策",), "plant_plans"),
    (("保民生",), "approvals"),
    (("豁免",), "exemptions"),
    (("轮产",), "rotations"),
    (("计量点",), "meters"),
    (("户号",), "meters"),
    (("错峰", "清单"), "listings"),
    (("错峰", "名单"), "listings"),
)
_TABLE_OF = {plain_header(title): table for table in TABLES for title in table.titles()}


@dataclass(slots=True)
class Sheet:
    """One table as the office holds it. rows: (row number as a spreadsheet shows it, cells), without titles, header,
    empty rows and footers. document: number of a document in a title above the header. filled: (row number,
    column from 0) of cells that are merged with one above or before them."""

    table: Table
    label: str
    header: Sequence[object]
    rows: Iterable[Row]
    document: str | None = None
    filled: Set[tuple[int, int]] = frozenset()


@dataclass(slots=True)
class Book:
    """The sheets that were recognised, and what was wrong with or ignored of the rest."""

    sheets: list[Sheet]
    errors: list[Problem]
    warnings: list[Problem]


def read_book(path: Path) -> Book:
    """All tables of a workbook or a folder. Raises InputError when there is nothing of the kind at ``path``."""
    if path.is_dir():
        book = _read_folder(path)
    elif not path.exists():
        raise InputError(f"{path}: no such file or folder / 文件或文件夹不存在")
    elif path.suffix.lower() in {".xlsx", ".xlsm"}:
        book = _read_workbook(path)
    elif path.suffix.lower() == ".csv":
        book = _read_files([path])
    else:
        raise InputError(f"{path}: an XLSX workbook or CSV files are wanted / 应为XLSX文件、CSV文件或其文件夹")
    if not book.sheets and not book.errors:
        known = ", ".join(table.name for table in TABLES)
        raise InputError(f"{path}: holds no table of the registry ({known}) / 未找到任何登记表")
    return book


#: Label, title, rows and filled cells of a sheet or file.
Part = tuple[str, str, Iterable[Sequence[object]], Set[tuple[int, int]]]


def _gather(parts: Iterable[Part]) -> Book:
    book = Book([], [], [])
    labels: dict[str, str] = {}
    for label, title, cells, filled in parts:
        plain = plain_header(title)
        rows = [(i, row) for i, row in enumerate(cells, 1) if not all(is_empty(cell) for cell in row)]
        table = _TABLE_OF.get(plain) or recognised(title, rows)
        if table is None:
            if plain not in NOTES:
                book.warnings.append(
                    Problem(label, None, None, None, "is no table of the registry: ignored", "不是登记表，已忽略")
                )
            continue
        if table.name in labels:
            first = labels[table.name]
            book.errors.append(
                Problem(label, None, None, None, f"holds {table.name} again, after {first}", f"与{first}重复")
            )
            continue
        labels[table.name] = label
        head = find_head(rows, table)
        if head is None:
            continue
        held = [row for row in rows[head.after :] if not is_footer(row[1])]
        numbered = frozenset((row + 1, column) for row, column in filled)
        book.sheets.append(Sheet(table, label, head.header, held, head.document, numbered))
    book.sheets.sort(key=lambda sheet: TABLES.index(sheet.table))
    return book


def recognised(title: str, rows: Sequence[Row]) -> Table | None:
    """The table that a sheet of another name holds: by words of its name or of the titles above its header, where the
    header fits too."""
    for words, name in _WORDS:
        table = next(table for table in TABLES if table.name == name)
        head = find_head(rows, table)
        if head is None or matches(head, table) < 3:
            continue
        if any(all(word in text for word in words) for text in (title, *head.titles)):
            return table
    return None


def _read_folder(folder: Path) -> Book:
    return _read_files(
        [
            file
            for file in sorted(folder.iterdir())
            if file.suffix.lower() == ".csv" and not file.name.startswith((".", "~"))
        ]
    )


def _read_files(files: Sequence[Path]) -> Book:
    faults: list[Problem] = []

    def parts() -> Iterator[Part]:
        for file in files:
            try:
                yield file.name, file.stem, _csv_rows(_decoded(file.read_bytes())), frozenset()
            except (UnicodeDecodeError, csv.Error) as error:
                faults.append(
                    Problem(
                        file.name,
                        None,
                        None,
                        None,
                        f"cannot be read as CSV: {error}",
                        "无法按CSV读取，请检查编码与引号",
                    )
                )

    book = _gather(parts())
    book.errors += faults
    return book


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def _csv_rows(text: str) -> list[list[object]]:
    first = text.lstrip().partition("\n")[0]
    delimiter = "\t" if "\t" in first and "," not in first else ","
    return [list(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)]


def _read_workbook(path: Path) -> Book:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl names styles and extensions it does not keep
        try:
            workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
            merged = merged_ranges(path)
        except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError, SyntaxError) as error:
            raise InputError(f"{path}: cannot be read as a workbook ({error}) / 无法按XLSX读取") from error
        try:
            parts: list[Part] = []
            for place, sheet in enumerate(workbook.worksheets):
                sheet.reset_dimensions()
                rows: list[list[object]] = [list(row) for row in sheet.iter_rows(values_only=True)]
                filled = fill(rows, merged[place] if place < len(merged) else ())
                parts.append((sheet.title, sheet.title, rows, filled))
        finally:
            workbook.close()
    return _gather(parts)
