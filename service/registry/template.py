"""Empty files for the office to fill in: one XLSX workbook or a folder of CSV files, with Chinese headers."""

import csv
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from detectors.errors import InputError
from service.registry.columns import Column, Form, Table
from service.registry.tables import TABLES

LAST_ROW = 1_048_576
_HEADER_FILL = PatternFill("solid", fgColor="DDE6F0")
_REQUIRED_FILL = PatternFill("solid", fgColor="FBE3C8")
_FORMATS = {
    Form.ID: "@",
    Form.IDS: "@",
    Form.USCC: "@",
    Form.INDUSTRY: "@",
    Form.TEXT: "@",
    Form.ATTRIBUTES: "@",
    Form.PROFILE: "@",
    Form.CHOICE: "@",
    Form.TIME: "yyyy-mm-dd hh:mm",
    Form.DATE: "yyyy-mm-dd",
    Form.CLOCK: "hh:mm",
    Form.INTEGER: "0",
}
_HINTS = (
    "一个工作簿或一个CSV文件夹，每张表一个工作表（文件）。带*的列必填，空白表示未知，切勿填0代替。",
    "编号一律为文本。时间写作 2017-11-15 08:00（北京时间）或带时区；时段含开始、不含结束，结束为空表示长期。",
    "同一行再次导入即整行更新；未列出的行保持不变。任何一处有错则全部不导入。",
    "企业可用编号、统一社会信用代码或全称指明，填一项即可；工信部门现有的清单、一厂一策也可直接导入，不必改表。",
    "停限产令改动须提高版次；基准负荷同一版本不得改动，仅可提前结束。撤销豁免：将允许最大负荷填0。",
)
_NOTE_HEADER = ("表", "列", "英文列名", "必填", "含义", "可填值", "缺省", "示例")


def write_template(path: Path) -> None:
    """Write empty tables to ``path``: a workbook if it ends in .xlsx, else a folder of CSV files. Raises InputError
    rather than overwrite anything."""
    if path.suffix.lower() == ".xlsx":
        if path.exists():
            raise InputError(f"{path}: is there already / 文件已存在")
        _write_workbook(path)
        return
    files = [path / f"{table.name}.csv" for table in TABLES]
    for file in files:
        if file.exists():
            raise InputError(f"{file}: is there already / 文件已存在")
    if path.is_file():
        raise InputError(f"{path}: give a name that ends in .xlsx, or a folder / 应为.xlsx文件名或文件夹")
    path.mkdir(parents=True, exist_ok=True)
    for table, file in zip(TABLES, files, strict=True):
        with file.open("w", encoding="utf-8-sig", newline="") as opened:
            csv.writer(opened).writerow([_header(column) for column in table.columns])


def column_notes(table: Table) -> list[tuple[str, ...]]:
    """What the notes say about each column: header, name, required, meaning, values, default, example; in Chinese."""
    notes: list[tuple[str, ...]] = []
    for column in table.columns:
        default = next((t for t, value in column.choices.items() if value == column.default), column.default)
        notes.append(
            (
                column.zh,
                column.name,
                "是" if column.required else "",
                column.note_zh,
                "、".join(column.codes()),
                "" if default is None else str(default),
                column.example,
            )
        )
    return notes


def _write_workbook(path: Path) -> None:
    book = Workbook()
    del book["Sheet"]
    notes = book.create_sheet("说明")
    for hint in _HINTS:
        notes.append([hint])
    notes.append([])
    notes.append(_NOTE_HEADER)
    header_row = notes.max_row
    for cell in notes[header_row]:
        cell.font, cell.fill = Font(bold=True), _HEADER_FILL
    for table in TABLES:
        for note in column_notes(table):
            notes.append([table.zh, *note])
    for row in notes.iter_rows(min_row=header_row):
        for cell in row:
            cell.number_format = "@"
    notes.freeze_panes = f"A{header_row + 1}"
    _set_widths(
        notes, [[str(cell or "") for cell in row] for row in notes.iter_rows(min_row=header_row, values_only=True)]
    )
    for table in TABLES:
        _add_sheet(book.create_sheet(table.zh), table)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


def _add_sheet(sheet: Worksheet, table: Table) -> None:
    sheet.append([_header(column) for column in table.columns])
    sheet.freeze_panes = "A2"
    for place, column in enumerate(table.columns, 1):
        cell, letter = sheet.cell(1, place), get_column_letter(place)
        cell.font = Font(bold=True)
        cell.alignment = Alignment(horizontal="center")
        cell.fill = _REQUIRED_FILL if column.required else _HEADER_FILL
        sheet.column_dimensions[letter].number_format = _FORMATS.get(column.form, "General")
        validation = _validation(column)
        if validation is not None:
            validation.add(f"{letter}2:{letter}{LAST_ROW}")
            sheet.add_data_validation(validation)
    _set_widths(sheet, [[_header(column), column.example] for column in table.columns], is_by_column=True)


def _validation(column: Column) -> DataValidation | None:
    """The rule of a column's cells, with a message that names it."""
    rule: DataValidation
    if column.form is Form.CHOICE:
        rule = DataValidation(type="list", formula1='"' + ",".join(column.codes()) + '"')
        rule.showErrorMessage = False  # the labels of the office's language are accepted too
        return rule
    if column.form is Form.SHARE:
        rule = DataValidation(type="decimal", operator="between", formula1="0", formula2="1")
    elif column.form in (Form.NUMBER, Form.INTEGER):
        kind: Literal["whole", "decimal"] = "whole" if column.form is Form.INTEGER else "decimal"
        low = column.above if column.above is not None else column.minimum
        if low is not None and column.maximum is not None:
            rule = DataValidation(type=kind, operator="between", formula1=f"{low:g}", formula2=f"{column.maximum:g}")
        elif low is not None:
            rule = DataValidation(type=kind, operator="greaterThanOrEqual", formula1=f"{low:g}")
            if column.above is not None:
                rule.operator = "greaterThan"
        else:
            return None
    else:
        return None
    rule.allowBlank = True
    rule.showErrorMessage = True
    rule.errorTitle, rule.error = column.zh, column.note_zh
    return rule


def _header(column: Column) -> str:
    return column.zh + "*" if column.required else column.zh


def _set_widths(sheet: Worksheet, rows: Sequence[Sequence[str]], *, is_by_column: bool = False) -> None:
    """Wide enough for what is there: a Chinese character takes two columns of a Latin one."""
    columns = rows if is_by_column else list(zip(*rows, strict=True))
    for place, cells in enumerate(columns, 1):
        widest = max(sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in cell) for cell in cells)
        sheet.column_dimensions[get_column_letter(place)].width = min(60, max(8, widest + 3))
