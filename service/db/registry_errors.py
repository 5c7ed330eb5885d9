"""What is wrong with a registry, row by row, as the office sees its own file."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from detectors.errors import InputError

#: Problems printed in full; the rest is counted.
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (or, as a warning, worth knowing) at one place of a file.

    table: sheet or file as named by the office. row: as a spreadsheet numbers it, the header being row 1; None: the
    table as a whole. column: the header as written in the file.
    """

    table: str
    row: int | None
    column: str | None
    value: str | None
    en: str
    zh: str

    def __str__(self) -> str:
        place = self.table
        if self.row is not None:
            place += f" row {self.row} (第{self.row}行)"
        if self.column is not None:
            place += f", column {self.column}"
        if self.value is not None:
            place += f" = {self.value!r}"
        return f"{place}: {self.en} / {self.zh}"


class RegistryErrors(InputError):  # noqa: N818 - plural on purpose: it carries every error of an import
    """An import that is refused as a whole. ``problems`` holds every one; the text shows the first 50."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        shown = [f"  {problem}" for problem in self.problems[:SHOWN]]
        hidden = len(self.problems) - len(shown)
        if hidden:
            shown.append(f"  … and {hidden} more / 另有{hidden}处")
        count = len(self.problems)
        super().__init__(
            f"{count} error(s), nothing was imported / 共{count}处错误，未导入任何数据\n" + "\n".join(shown)
        )


@dataclass(slots=True)
class Origins:
    """Where the rows of a registry came from, so that a fault found later is told in the words of the file.

    rows: (table, index in the registry) -> row number. labels: table -> sheet or file name. headers: table ->
    {column: header as written}. mentioned: table -> ids of rows that are there but were refused themselves, so that
    what refers to them is not refused as well. order_plants: index of an order -> the plant_id it names. made_by: rows
    that another table's sheet says -> that table.
    """

    rows: dict[tuple[str, int], int] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    mentioned: dict[str, set[str]] = field(default_factory=dict)
    order_plants: dict[int, str] = field(default_factory=dict)
    made_by: dict[tuple[str, int], str] = field(default_factory=dict)

    def problem(self, table: str, index: int, column: str | None, value: object, en: str, zh: str) -> Problem:
        """A problem of the row ``index`` of ``table``. Rows that no file holds are numbered from 1, in order."""
        sheet = self.made_by.get((table, index), table)
        header = self.headers.get(sheet, {}).get(column, column) if column is not None else None
        shown = None if value is None else str(value)
        return Problem(self.labels.get(sheet, sheet), self.rows.get((table, index), index + 1), header, shown, en, zh)
