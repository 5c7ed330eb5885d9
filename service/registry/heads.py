"""Where the table begins in a sheet of an office: below titles, under a header of one or two lines, above a footer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.registry import cells
from service.registry.cells import is_empty
from service.registry.columns import Table, plain_header
from service.registry.phones import PHONES

#: Rows from the top in which a header is looked for.
SEARCHED = 15
#: Columns that offices number and comment their rows in: nothing of the registry, and nothing to warn about.
IDLE_HEADERS = frozenset(plain_header(name) for name in ("序号", "编号序号", "备注", "No.", "№"))
_SUM = re.compile(r"(合计|总计|小计|共计)([:：].*)?")
_FOOTER = re.compile(
    r"(填表人|填报人|填表单位|填报单位|填表日期|填报日期|填表时间|填报时间|制表人|制表|审核人|审核|审批人|复核人|负责人|单位负责人"
    r"|联系人|联系电话|备注|说明|注|填表说明)[:：].*",
    re.DOTALL,
)
_DOCUMENT = re.compile(r"[\u4e00-\u9fff]{2,12}[〔\[［【(（]\d{4}[〕\]］】)）]\s*\d{1,5}\s*号")

Row = tuple[int, Sequence[object]]


@dataclass(frozen=True, slots=True)
class Head:
    """header: texts by position. after: how many rows of those given stand before the first row of data. titles: texts
    above the header."""

    header: tuple[object, ...]
    after: int
    titles: tuple[str, ...]

    @property
    def document(self) -> str | None:
        """The document number in a title, e.g. 郑政文〔2017〕210号."""
        found = (_DOCUMENT.search(cells.text(title)) for title in self.titles)
        return next((re.sub(r"\s+", "", match[0]) for match in found if match), None)


def known_headers(table: Table) -> frozenset[str]:
    """Every plain header that names a column of the table."""
    named = frozenset(plain_header(header) for column in table.columns for header in column.headers())
    return named | PHONES if any(column.name == "office_phone" for column in table.columns) else named


def find_head(rows: Sequence[Row], table: Table) -> Head | None:
    """The header among the first rows that are not empty: the row, or two rows one below the other, with the most known
    headers; where none is known, the first row. None: there is no row."""
    if not rows:
        return None
    known = known_headers(table)
    best, best_score, best_lines = 0, 0, 1
    for place in range(min(len(rows), SEARCHED)):
        upper = rows[place][1]
        score, lines = len(_named(upper, known)), 1
        if score and place + 1 < len(rows):
            both = _joined(upper, rows[place + 1][1], known)
            if both is not None and len(_named(both, known)) >= score:
                score, lines = len(_named(both, known)), 2
        if score > best_score:
            best, best_score, best_lines = place, score, lines
    header: Sequence[object] | None = rows[best][1]
    if best_lines == 2:
        header = _joined(rows[best][1], rows[best + 1][1], known)
    titles = tuple(str(cell) for _, row in rows[:best] for cell in dict.fromkeys(row) if not is_empty(cell))
    return Head(tuple(header or ()), best + best_lines, titles)


def matches(head: Head, table: Table) -> int:
    """How many headers of the table a header names."""
    return len(_named(head.header, known_headers(table)))


def is_footer(row: Sequence[object]) -> bool:
    """Whether a row sums up, or says who filled the table in."""
    first = next((cell for cell in row if not is_empty(cell)), None)
    if not isinstance(first, str):
        return False
    plain = re.sub(r"\s+", "", first)
    return _SUM.fullmatch(plain) is not None or _FOOTER.fullmatch(plain) is not None


def _named(row: Sequence[object], known: frozenset[str]) -> set[str]:
    return {plain for cell in row if isinstance(cell, str) and (plain := plain_header(cell)) in known}


def _joined(upper: Sequence[object], lower: Sequence[object], known: frozenset[str]) -> list[object] | None:
    """One header of two lines: what both say together, else the lower, else the upper line, whichever is known. None:
    the lower row is no header, for it does not name columns in half of its cells at least."""
    header: list[object] = []
    group: object = None
    written, named = 0, 0
    for place in range(max(len(upper), len(lower))):
        above = upper[place] if place < len(upper) else None
        below = lower[place] if place < len(lower) else None
        group = group if is_empty(above) else above
        if is_empty(below) or above == below:
            header.append(above)
            continue
        if not isinstance(below, str):
            return None
        options = (f"{'' if is_empty(group) else group}{below}", below)
        found = next((text for text in options if plain_header(text) in known), None)
        written += 1
        named += found is not None or plain_header(below) in IDLE_HEADERS
        header.append(found or below)
    return header if 0 < written <= 2 * named else None
