"""A message as a JSON object, and its fields as typed values; each refusal has its code of FEED §4."""

import json
from typing import Any

from consumers.timestamps import TimeFault, parse_ms
from consumers.wire import MAX_MESSAGE_BYTES, MAX_METER_ID, MAX_NESTING
from detectors.quality import Fault

Document = dict[str, Any]


class FaultError(Exception):
    """A message or row that is refused. Caught where the rows of a record are put together."""

    def __init__(self, code: Fault, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class _NotFinite:
    """NaN, Infinity or a number too large for a float."""


_NOT_FINITE = _NotFinite()


def _float(digits: str) -> object:
    number = float(digits)
    return _NOT_FINITE if number in (float("inf"), float("-inf")) else number


def _int(digits: str) -> object:
    return int(digits) if len(digits) < 19 else _float(digits)


def _object(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FaultError(Fault.BAD_JSON, "a key stands twice in one object")
    return found


def _depth(value: object) -> int:
    deepest, open_values = 0, [(value, 0)]
    while open_values:
        item, depth = open_values.pop()
        deepest = max(deepest, depth)
        if isinstance(item, dict):
            open_values += [(v, depth + 1) for v in item.values()]
        elif isinstance(item, list):
            open_values += [(v, depth + 1) for v in item if isinstance(v, list | dict)] or [(None, depth + 1)]
    return deepest


def parse(body: bytes | None) -> Document:
    """The message as an object, or ``FaultError`` with a code that refuses the message."""
    if body is None:
        raise FaultError(Fault.BAD_JSON, "the record has no value")
    if len(body) > MAX_MESSAGE_BYTES:
        raise FaultError(Fault.TOO_LARGE, f"{len(body)} bytes, at most {MAX_MESSAGE_BYTES}")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FaultError(Fault.BAD_ENCODING, f"not UTF-8 at byte {error.start}") from error
    try:
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_float,
            parse_int=_int,
            parse_constant=lambda _name: _NOT_FINITE,
        )
    except RecursionError as error:
        raise FaultError(Fault.BAD_SCHEMA, f"nested deeper than {MAX_NESTING}") from error
    except ValueError as error:
        raise FaultError(Fault.BAD_JSON, str(error)) from error
    if not isinstance(document, dict):
        raise FaultError(Fault.BAD_SCHEMA, "not a JSON object")
    if _depth(document) > MAX_NESTING:
        raise FaultError(Fault.BAD_SCHEMA, f"nested deeper than {MAX_NESTING}")
    version = document.get("v", 1)
    if isinstance(version, bool) or not isinstance(version, int):
        raise FaultError(Fault.BAD_SCHEMA, "v is not a whole number")
    if version != 1:
        raise FaultError(Fault.UNSUPPORTED_VERSION, f"v is {version}, this reads 1")
    return document


def required(document: Document, name: str) -> object:
    """The field, or ``missing_field``."""
    value = document.get(name)
    if value is None:
        raise FaultError(Fault.MISSING_FIELD, name)
    return value


def text_of(value: object, name: str) -> str:
    """The value as a text."""
    if not isinstance(value, str):
        raise FaultError(Fault.BAD_TYPE, f"{name} is not a text")
    return value


def meter_id_of(value: object) -> str:
    """The value as a meter id."""
    meter_id = text_of(value, "meter_id")
    if not 0 < len(meter_id) <= MAX_METER_ID or not meter_id.isprintable():
        raise FaultError(Fault.BAD_TYPE, f"meter_id is not 1 to {MAX_METER_ID} printable characters")
    return meter_id


def number_of(value: object, name: str) -> float:
    """The value as a finite number."""
    if value is _NOT_FINITE:
        raise FaultError(Fault.BAD_NUMBER, f"{name} is not finite")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FaultError(Fault.BAD_TYPE, f"{name} is not a number")
    return float(value)


def whole_of(value: object, name: str, low: int, high: int) -> int:
    """The value as a whole number from ``low`` to ``high``."""
    number = number_of(value, name)
    if not number.is_integer() or not low <= number <= high:
        raise FaultError(Fault.BAD_NUMBER, f"{name} is not a whole number from {low} to {high}")
    return int(number)


def time_of(value: object, name: str) -> int:
    """Epoch milliseconds of the value, an RFC 3339 time with offset."""
    moment = parse_ms(text_of(value, name))
    if moment == TimeFault.NAIVE:
        raise FaultError(Fault.NAIVE_TS, f"{name} has no offset")
    if moment == TimeFault.BAD:
        raise FaultError(Fault.BAD_TS, f"{name} is not an RFC 3339 time")
    return moment
