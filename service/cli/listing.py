"""Rows on the terminal or in a file: a table for eyes, CSV for spreadsheets, JSON for machines."""

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Row = Mapping[str, Any]

#: A cell that begins so would be run by a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Wide enough that a table in a file or pipe is not cut.
_WIDTH = 4000


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def write_rows(rows: Sequence[Row], columns: Sequence[str], form: Format, out: Path | None = None) -> None:
    """Write rows to a file or standard output. CSV has a byte order mark in a file, and no formulas; JSON keeps every
    key of a row, the others show ``columns``; a column without any value is left out of a table."""
    text = {Format.TABLE: _table, Format.CSV: _csv, Format.JSON: _json}[form](rows, columns)
    if out is None:
        sys.stdout.write(text)
        return
    out.write_text(text, encoding="utf-8-sig" if form is Format.CSV else "utf-8", newline="")


def _table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    table = Table(box=None, pad_edge=False)
    columns = [column for column in columns if any(_cell(row.get(column)) for row in rows)]
    if not columns:
        return ""
    for column in columns:
        table.add_column(column, no_wrap=not sys.stdout.isatty())
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    written = io.StringIO()
    width = None if sys.stdout.isatty() else _WIDTH
    Console(file=written, width=width, markup=False, highlight=False, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines()) + "\n"


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_safe(row.get(column)) for column in columns])
    return written.getvalue()


def _safe(value: Any) -> str:
    cell = _cell(value)
    return f"'{cell}" if isinstance(value, str) and cell.startswith(_FORMULA) else cell


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ";".join(str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _json(rows: Sequence[Row], columns: Sequence[str]) -> str:
    return json.dumps(list(rows), ensure_ascii=False, indent=1) + "\n"
