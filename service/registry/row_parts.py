"""What the builders of rows share."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from detectors.registry import ALWAYS, FOREVER

#: Says that a row is refused: column, reason in English, in Chinese.
Refuse = Callable[[str, str, str], None]
Values = Mapping[str, Any]


class Built(NamedTuple):
    """A typed row, the plant that an order names beside or instead of its scope, and further rows that the same row of
    the file says: (table, row)."""

    row: Any
    order_plant: str | None = None
    more: tuple[tuple[str, Any], ...] = ()


def span(values: Values, refuse: Refuse, *, may_be_empty: bool = False) -> tuple[int, int]:
    """``[from, to)`` in epoch seconds. may_be_empty: ``to`` may equal ``from``, for what is never in force."""
    begin = ALWAYS if values["from"] is None else values["from"]
    end = FOREVER if values["to"] is None else values["to"]
    if end < begin or (end == begin and not may_be_empty):
        refuse("to", "ends before it begins, or at once", "结束时间不晚于开始时间")
    return begin, end


def same(values: Values, *columns: str) -> dict[str, Any]:
    """The values of columns that a row class names as the file does."""
    return {column: values[column] for column in columns}


def scope_of(values: Values, refuse: Refuse) -> str:
    """The scope that a row names, or the default scope of the plant that it names instead."""
    if values["scope_id"] is None and values["plant_id"] is None:
        refuse("scope_id", "names neither a scope nor a plant", "监测范围与企业均为空")
    return values["scope_id"] or values["plant_id"] or ""
