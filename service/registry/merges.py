"""Merged cells of a workbook. openpyxl's fast mode does not tell them, and its full mode takes 2.5 times as long."""

import re
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

from openpyxl.utils import column_index_from_string

_SHEET = re.compile(rb"<(?:\w+:)?sheet\s[^>]*>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*ref="\$?([A-Z]+)\$?(\d+):\$?([A-Z]+)\$?(\d+)"')

#: First row, first column, last row, last column of merged cells: from 0, both ends included.
Range = tuple[int, int, int, int]


def merged_ranges(path: Path) -> list[list[Range]]:
    """The merged cells of each worksheet, in the order of the workbook's sheets. Raises KeyError or BadZipFile where it
    is no workbook."""
    with ZipFile(path) as book:
        names = set(book.namelist())
        targets = {
            _attribute(relation, b"Id"): _attribute(relation, b"Target")
            for relation in _RELATION.findall(book.read("xl/_rels/workbook.xml.rels"))
        }
        ranges: list[list[Range]] = []
        for sheet in _SHEET.findall(book.read("xl/workbook.xml")):
            target = targets.get(_attribute(sheet, rb"(?:\w+:)?id"), "")
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            if "worksheets/" in part:  # not a chart sheet
                ranges.append(_ranges_of(book.read(part)) if part in names else [])
    return ranges


def fill(rows: list[list[object]], ranges: Sequence[Range]) -> set[tuple[int, int]]:
    """Write the value of each merged cell into every cell that it covers; rows are changed and made long enough.

    Returns (row, column), from 0, of the cells below or beside the one that holds the value.
    """
    filled: set[tuple[int, int]] = set()
    for first_row, first_column, last_row, last_column in ranges:
        if first_row >= len(rows) or first_column >= len(rows[first_row]):
            continue
        value = rows[first_row][first_column]
        if value is None:
            continue
        columns = range(first_column, last_column + 1)
        for place in range(first_row, min(last_row + 1, len(rows))):
            row = rows[place]
            row += [None] * (last_column + 1 - len(row))
            row[first_column : last_column + 1] = [value] * len(columns)
            filled.update((place, column) for column in columns)
        filled.discard((first_row, first_column))
    return filled


def _ranges_of(sheet: bytes) -> list[Range]:
    tail = sheet[max(0, sheet.rfind(b"sheetData")) :]
    return [
        (
            int(top) - 1,
            column_index_from_string(left.decode()) - 1,
            int(bottom) - 1,
            column_index_from_string(right.decode()) - 1,
        )
        for left, top, right, bottom in _MERGE.findall(tail)
    ]


def _attribute(element: bytes, name: bytes) -> str:
    match = re.search(rb"\s" + name + rb'="([^"]*)"', element)
    return match[1].decode() if match else ""
