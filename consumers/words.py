"""Lists of parsed fields as arrays of codes, and the proof that nothing in the bytes was passed over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from consumers.second_look import only_says_more
from consumers.timestamps import TimeCache
from consumers.wire import MAX_METER_ID
from detectors.readings import F64, I8, I32, I64, Bool
from service.db.meter_index import MeterIndex

S = TypeVar("S", bound=msgspec.Struct)
_QUOTE, _COLON, _NO_BLANK = ord('"'), ord(":"), ord("!")
_PIECE = 1000


@dataclass(frozen=True, slots=True)
class Taken(Generic[S]):
    """N messages of one form as they were parsed."""

    numbers: Sequence[int]  # of the records in their batch
    parsed: Sequence[S]
    stamps: I64  # the records' timestamps, epoch milliseconds
    bodies: list[bytes] | None  # None: it is proved already that no key stands twice
    failed: list[int]  # places of those that could not be parsed: blank ones stand for them
    alien: bytes = b""  # what has this is a message of another form

    def are_whole(self, present: I64) -> Bool:
        """Whether each message has as many keys as fields were found in it (see ``consumers.columns``), or what it has
        besides are unknown fields."""
        if self.bodies is None:
            return np.ones(len(self.parsed), np.bool_)
        if not self.failed and _count_keys(self.bodies) == present.sum():
            return np.ones(len(self.parsed), np.bool_)
        ends = keys_of(self.bodies)
        are_whole: Bool = ends == present
        says_more = ends > present
        are_whole[self.failed] = says_more[self.failed] = False
        for i in np.flatnonzero(says_more).tolist():
            are_whole[i] = only_says_more(self.bodies[i], int(ends[i]), self.alien)
        return are_whole


def take(
    decoder: "msgspec.json.Decoder[S]",
    blank: S,
    numbers: Sequence[int],
    bodies: list[bytes],
    stamps: I64,
    alien: bytes,
) -> Taken[S]:
    """Every body decoded; ``blank`` where that failed."""
    parsed: list[S] = []
    failed: list[int] = []
    rest = iter(bodies)
    while len(parsed) < len(bodies):
        try:
            parsed.extend(map(decoder.decode, rest))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            failed.append(len(parsed))
            parsed.append(blank)
    return Taken(numbers, parsed, stamps, bodies, failed, alien)


def codes_of(texts: list[str], table: dict[str, int], absent: int) -> I8:
    """Code of each text; ``absent`` for the empty text, -2 for an unknown one."""
    word = texts[0]
    if texts.count(word) == len(texts):
        return np.full(len(texts), absent if word == "" else table.get(word, -2), np.int8)
    codes = {**dict.fromkeys(texts, -2), **table, "": absent}
    return np.fromiter(map(codes.__getitem__, texts), np.int8, len(texts))


def ints_of(numbers: list[int], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The numbers as an array."""
    if numbers.count(numbers[0]) == len(numbers):
        return np.full(len(numbers), numbers[0], dtype)
    return np.fromiter(numbers, dtype, len(numbers))


def floats_of(numbers: "list[float | None]") -> F64:
    """The numbers as an array, NaN for None."""
    return np.array(numbers, np.float64)


def are_said(texts: list[str]) -> Bool:
    """Which texts are not empty."""
    silent = texts.count("")
    if silent in (0, len(texts)):
        return np.full(len(texts), silent == 0)
    return np.array([text != "" for text in texts], np.bool_)


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


# A key ends in a quote, then perhaps blanks, then a colon. What else looks so stands in texts and only adds to the
# count: a message with as many as it has fields has no other key, and none twice.


def _pieces(bodies: list[bytes]) -> Iterator[list[bytes]]:
    """Some bodies at a time: what is made of them stays near the processor."""
    return (bodies[at : at + _PIECE] for at in range(0, len(bodies), _PIECE))


def _count_keys(bodies: list[bytes]) -> int:
    """Places in all bodies together where a key may end."""
    count = 0
    for piece in _pieces(bodies):
        text = b"".join(piece)
        for pairs in (text, text[1:]):  # pairs of bytes that begin at even and at odd places, little-endian
            distance = np.frombuffer(pairs, "<u2", len(pairs) // 2) - np.uint16(_COLON << 8)
            count += int(np.count_nonzero(distance <= _QUOTE)) - int(np.count_nonzero(distance == _NO_BLANK))
    return count


def keys_of(bodies: list[bytes]) -> I64:
    """Places in each body where a key may end."""
    found = []
    for piece in _pieces(bodies):
        after_quote = [body.count(b'":') for body in piece]
        if sum(after_quote) == _count_keys(piece):
            found.append(np.array(after_quote, np.int64))
            continue
        text = np.frombuffer(b"".join((b" ", *piece)), np.uint8)
        before = text[:-1]
        ends_key = (text[1:] == _COLON) & (before <= _QUOTE) & (before != _NO_BLANK)
        ends = np.cumsum([len(b) for b in piece])
        found.append(np.bincount(np.searchsorted(ends, np.flatnonzero(ends_key), side="right"), minlength=len(piece)))
    return np.concatenate(found)
