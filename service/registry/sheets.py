"""Files of the office -> rows of cells: one XLSX workbook, or one folder of CSV files (UTF-8, GB 18030 or UTF-16)."""

import csv
import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from detectors.errors import InputError
from service.db.registry_errors import Problem
from service.registry.cells import is_empty
from service.registry.columns import Table, plain_header
from service.registry.tables import TABLES

#: Sheets of explanation: ignored without a word.
NOTES = {plain_header(name) for name in ("说明", "填表说明", "README", "notes")}
_TABLE_OF = {plain_header(title): table for table in TABLES for title in table.titles()}


@dataclass(slots=True)
class Sheet:
    """One table as the office holds it. rows: (row number as a spreadsheet shows it, cells), without the header."""

    table: Table
    label: str
    header: Sequence[object]
    rows: Iterable[tuple[int, Sequence[object]]]


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
        raise InputError(f"{path}: name the folder that holds the CSV files, not one of them / 请指定CSV所在文件夹")
    else:
        raise InputError(f"{path}: an XLSX workbook or a folder of CSV files is wanted / 应为XLSX文件或CSV文件夹")
    if not book.sheets and not book.errors:
        known = ", ".join(table.name for table in TABLES)
        raise InputError(f"{path}: holds no table of the registry ({known}) / 未找到任何登记表")
    return book


def _gather(parts: Iterable[tuple[str, str, Iterator[Sequence[object]]]]) -> Book:
    """parts: (label, title, rows) of each sheet or file."""
    book = Book([], [], [])
    labels: dict[str, str] = {}
    for label, title, rows in parts:
        plain = plain_header(title)
        table = _TABLE_OF.get(plain)
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
        numbered = ((i, row) for i, row in enumerate(rows, 1) if not all(is_empty(cell) for cell in row))
        header = next(numbered, None)
        if header is None:
            continue
        book.sheets.append(Sheet(table, label, header[1], numbered))
    book.sheets.sort(key=lambda sheet: TABLES.index(sheet.table))
    return book


def _read_folder(folder: Path) -> Book:
    faults: list[Problem] = []

    def parts() -> Iterator[tuple[str, str, Iterator[Sequence[object]]]]:
        for file in sorted(folder.iterdir()):
            if file.suffix.lower() != ".csv" or file.name.startswith((".", "~")):
                continue
            if plain_header(file.stem) not in _TABLE_OF:
                yield file.name, file.stem, iter(())
                continue
            try:
                yield file.name, file.stem, iter(_csv_rows(_decoded(file.read_bytes())))
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
        except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError, SyntaxError) as error:
            raise InputError(f"{path}: cannot be read as a workbook ({error}) / 无法按XLSX读取") from error
        try:
            parts = []
            for sheet in workbook.worksheets:
                sheet.reset_dimensions()
                rows = [] if plain_header(sheet.title) not in _TABLE_OF else list(sheet.iter_rows(values_only=True))
                parts.append((sheet.title, sheet.title, iter(rows)))
        finally:
            workbook.close()
    return _gather(parts)
