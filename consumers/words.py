"""Lists of parsed fields as arrays of codes, and the proof that nothing in the bytes was passed over."""

from collections.abc import Callable
from itertools import repeat
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from consumers.timestamps import TimeCache
from consumers.wire import MAX_METER_ID
from detectors.readings import I8, I32, I64, Bool
from service.db.meter_index import MeterIndex

S = TypeVar("S", bound=msgspec.Struct)
_QUOTE, _COLON, _BLANK = ord('"'), ord(":"), ord(" ")


def decode_all(decode: Callable[[bytes], S], bodies: list[bytes], blank: S) -> list[S]:
    """Every body decoded; ``blank`` where that failed. One call of ``extend`` between two failures."""
    parsed: list[S] = []
    rest = iter(bodies)
    while len(parsed) < len(bodies):
        try:
            parsed.extend(map(decode, rest))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            parsed.append(blank)
    return parsed


def codes_of(texts: list[str], table: dict[str, int], absent: int) -> I8:
    """Code of each text; ``absent`` for the empty text, -2 for an unknown one."""
    different = set(texts)
    if len(different) == 1:
        word = different.pop()
        return np.full(len(texts), absent if word == "" else table.get(word, -2), np.int8)
    codes = {**dict.fromkeys(different, -2), **table, "": absent}
    return np.fromiter(map(codes.__getitem__, texts), np.int8, len(texts))


def ints_of(numbers: list[int], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The numbers as an array."""
    different = set(numbers)
    return np.full(len(numbers), different.pop(), dtype) if len(different) == 1 else np.array(numbers, dtype)


def times_of(texts: list[str], times: TimeCache) -> I64:
    """Epoch milliseconds of each text; far below 0 where it is not a time."""
    return np.fromiter(map(times.__getitem__, texts), np.int64, len(texts))


def meters_of(ids: list[str], index: MeterIndex) -> tuple[I32, Bool]:
    """Row of each meter, and which ids cannot be one."""
    meter = np.fromiter(map(index.rows.get, ids, repeat(-1)), np.int32, len(ids))
    strange = np.zeros(len(ids), np.bool_)
    for i in np.flatnonzero(meter < 0):
        strange[i] = not 0 < len(ids[i]) <= MAX_METER_ID or not ids[i].isprintable()
    return meter, strange


def letters_fit(letters: list[str], counts: I64) -> Bool:
    """Whether the quality letters of each record are none, one, or one a value."""
    size = np.array([len(q) for q in letters], np.int64)
    fits: Bool = (size <= 1) | (size == counts)
    return fits


def keys_match(bodies: list[bytes], present: I64) -> Bool:
    """Whether each record has exactly as many keys as fields were found in it (see ``consumers.columns``)."""
    buffer = np.frombuffer(b"".join(bodies), np.uint8)
    is_colon = buffer[1:] == _COLON
    after_quote = is_colon & (buffer[:-1] == _QUOTE)
    after_blank = is_colon & (buffer[:-1] <= _BLANK)
    if np.count_nonzero(after_quote) == present.sum() and not after_blank.any():
        return np.ones(len(bodies), np.bool_)
    ends = np.cumsum([len(b) for b in bodies])
    per_record = np.zeros((2, len(bodies)), np.int64)
    for line, mask in enumerate((after_quote, after_blank)):
        at = np.flatnonzero(mask) + 1
        per_record[line] = np.bincount(np.searchsorted(ends, at, side="right"), minlength=len(bodies))
    matches: Bool = (per_record[0] == present) & (per_record[1] == 0)
    return matches
