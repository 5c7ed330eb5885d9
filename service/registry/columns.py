"""How a table of the registry is described: once, for reading CSV and XLSX, for templates and for the page of docs."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import ZoneInfo

from service.registry import cells, codes
from service.registry.cells import CellError


class Form(StrEnum):
    """What a cell of a column holds."""

    ID = "id"
    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    SHARE = "share"
    TIME = "time"
    DATE = "date"
    CLOCK = "clock"
    CHOICE = "choice"
    IDS = "ids"
    USCC = "social credit code"
    INDUSTRY = "industry code"
    ATTRIBUTES = "attributes"
    PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of CONTRACTS §1.

    zh: its header in the office's files; aliases: other headers seen there. choices: accepted text -> value; the first
    text of a value is its code. minimum, maximum: bounds of a number, included; above: a bound that is not.
    """

    name: str
    zh: str
    form: Form
    en: str
    note_zh: str
    required: bool = False
    aliases: tuple[str, ...] = ()
    default: object = None
    choices: Mapping[str, object] = field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    example: str = ""
    units: tuple[str, ...] = ()

    def codes(self) -> list[str]:
        """The code of each allowed value, in the order of the description."""
        first: dict[object, str] = {}
        for text, value in self.choices.items():
            first.setdefault(value, text)
        return list(first.values())

    def headers(self) -> tuple[str, ...]:
        """Every header that names this column."""
        return (self.name, self.zh, *self.aliases)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of CONTRACTS §1: a sheet or a file. needs: columns of which a sheet must have one at least. document:
    a number of a document that stands above the header, or is given with the file, fills the column of that name."""

    name: str
    zh: str
    columns: tuple[Column, ...]
    en: str
    note_zh: str
    aliases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    document: str | None = None

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(c for c in self.columns if c.name == name)

    def titles(self) -> tuple[str, ...]:
        """Every sheet or file name that means this table."""
        return (self.name, self.zh, *self.aliases)


def plain_header(header: object) -> str:
    """A header or sheet name without what does not tell names apart: width, case, spaces, `*`, units in brackets."""
    name = unicodedata.normalize("NFKC", str(header)).strip().strip("*").casefold()
    name = re.sub(r"[(\[【〔][^)\]】〕]*[)\]】〕]\s*\*?$", "", name)
    return re.sub(r"[\s_\-*\u200b\ufeff]+", "", name)


def read_cell(column: Column, cell: object, zone: ZoneInfo, slot_s: int) -> object:
    """The typed value of a cell that is not empty.

    zone: of times without offset. slot_s: width of a slot in seconds, for profiles. Raises CellError.
    """
    match column.form:
        case Form.ID:
            return cells.identity(cell)
        case Form.IDS:
            return _ids(cell)
        case Form.USCC:
            return codes.uscc(cell)
        case Form.INDUSTRY:
            return codes.industry(cell)
        case Form.TEXT:
            return cells.text(cell)
        case Form.NUMBER:
            return _within(column, cells.number(_without_unit(column, cell)))
        case Form.INTEGER:
            return int(_within(column, cells.integer(_without_unit(column, cell))))
        case Form.SHARE:
            return cells.share(cell)
        case Form.TIME:
            return cells.moment_s(cell, zone)
        case Form.DATE:
            return cells.day(cell)
        case Form.CLOCK:
            return cells.clock_s(cell)
        case Form.CHOICE:
            return _choice(column, cell)
        case Form.ATTRIBUTES:
            return _attributes(cell)
        case Form.PROFILE:
            return _profile(cell, slot_s)


def _within(column: Column, value: float) -> float:
    if column.above is not None and value <= column.above:
        raise CellError(
            f"must be greater than {column.above:g}; leave it empty if unknown", f"应大于{column.above:g}，未知请留空"
        )
    if column.minimum is not None and value < column.minimum:
        raise CellError(f"must not be less than {column.minimum:g}", f"不应小于{column.minimum:g}")
    if column.maximum is not None and value > column.maximum:
        raise CellError(f"must not be greater than {column.maximum:g}", f"不应大于{column.maximum:g}")
    return value


def _without_unit(column: Column, cell: object) -> object:
    """``120千瓦`` in a column of kW is 120."""
    if not column.units or not isinstance(cell, str):
        return cell
    plain = unicodedata.normalize("NFKC", cell).strip().casefold()
    unit = next((u for u in column.units if plain.endswith(u)), "")
    return plain.removesuffix(unit)


def _choice(column: Column, cell: object) -> object:
    wanted = _plain_choice(cells.text(cell))
    for text, value in column.choices.items():
        if _plain_choice(text) == wanted:
            return value
    allowed = ", ".join(column.codes())
    raise CellError(f"must be one of: {allowed}", f"应为以下之一：{allowed}")


def _plain_choice(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text).casefold())


def _ids(cell: object) -> tuple[str, ...]:
    """Ids in one cell, each once."""
    parts = re.split(r"[;；、,，\r\n]", cell) if isinstance(cell, str) else [cell]
    return tuple(dict.fromkeys(cells.identity(part) for part in parts if not cells.is_empty(part)))


def _attributes(cell: object) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in re.split(r"[;；]", cells.text(cell)):
        if cells.is_empty(part):
            continue
        name, mark, value = part.replace("＝", "=").partition("=")
        name, value = name.strip(), value.strip()
        if not mark or not name or not value:
            raise CellError("attributes are written fuel=coal;process=clinker", "属性应写作 fuel=coal;process=clinker")
        if name in pairs:
            raise CellError(f"attribute {name} is there twice", f"属性{name}重复")
        pairs[name] = value
    return pairs


def _profile(cell: object, slot_s: int) -> tuple[float, ...]:
    values = tuple(cells.number(part) for part in re.split(r"[;；]", str(cell).strip(" ;；")))
    wanted = 86400 // slot_s
    if len(values) != wanted:
        raise CellError(
            f"must hold {wanted} values, one for each slot of a day; it holds {len(values)}",
            f"应为{wanted}个值（每时段一个），现有{len(values)}个",
        )
    if min(values) < 0:
        raise CellError("must not be negative", "不应为负")
    return values
