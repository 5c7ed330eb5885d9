"""Records of one partition as rows: every form of FEED §2, a code of FEED §4 for all that is not a reading."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from consumers import columns
from consumers.ports import Headers, RawRecord, Records
from consumers.rows import Decoded, Rows
from consumers.second_look import look_again
from consumers.strict import StrictRows, read_strictly
from consumers.timestamps import TimeCache
from consumers.wire import CONTENT_TYPES, MAX_MESSAGE_BYTES, Form, Frame, Single, Slot
from consumers.words import Taken, keys_of, take
from detectors.readings import I32, I64
from service.db.meter_index import MeterIndex

MAX_SOURCE = 64
_VALUES = b'"values"'
#: A longer message is looked into before it is taken for one reading. Bytes.
_SURELY_SINGLE = 512
_PIECE = 5000
_READERS: dict[Form, tuple[Any, Any, Any]] = {
    Form.SINGLE: (msgspec.json.Decoder(Single), Single(), columns.singles),
    Form.FRAME: (msgspec.json.Decoder(Frame), Frame(), columns.frames),
    Form.SLOT: (msgspec.json.Decoder(Slot), Slot(), columns.slots),
}


class HeaderCache(dict[tuple[tuple[str, bytes], ...], tuple[Form, str | None]]):
    """Form and source by headers. A feed says the same few headers over and over."""

    def __missing__(self, headers: tuple[tuple[str, bytes], ...]) -> tuple[Form, str | None]:
        if len(self) >= 10_000:
            self.clear()
        self[headers] = found = read_headers(headers)
        return found


@dataclass(frozen=True, slots=True)
class Caches:
    """Texts that come again and again. One set a thread of decoding."""

    times: TimeCache = field(default_factory=TimeCache)
    headers: HeaderCache = field(default_factory=HeaderCache)


def read_headers(headers: Headers) -> tuple[Form, str | None]:
    """What the body is and who sent it; the last of two equal headers counts."""
    told = {name.lower(): (value or b"").decode("utf-8", "replace") for name, value in headers}
    content_type = told.get("content-type", "").partition(";")[0].strip().lower()
    source = "".join(c for c in told.get("feed-source", "") if c.isprintable())[:MAX_SOURCE]
    return CONTENT_TYPES.get(content_type, Form.UNSUPPORTED), source or None


def decode(records: Sequence[RawRecord], index: MeterIndex, caches: Caches, stamps: I64 | None = None) -> Decoded:
    """Rows, faults and sources of a batch. Raises nothing: whatever a record holds has a code.

    stamps: the records' timestamps in epoch milliseconds where they are not to be believed as they are.
    """
    records = Records.of(records)
    if stamps is None:
        stamps = records.timestamps
    reading = _Reading(records, stamps, index, caches)
    return Decoded(Rows.concat(reading.parts), reading.strict.faults, reading.unknown, reading.sources, reading.source)


class _Reading:
    """One batch on its way through the paths: fast, a second look, word by word."""

    def __init__(self, records: Records, stamps: I64, index: MeterIndex, caches: Caches) -> None:
        self._bodies = list(filter(None, records.values))
        self._is_filled = len(self._bodies) == len(records)
        if not self._is_filled:
            self._bodies = [body or b"" for body in records.values]
        self._stamps = stamps
        self._index = index
        self._times = caches.times
        self.parts: list[Rows] = []
        self.unknown: dict[tuple[int, int], str] = {}
        self.strict = StrictRows()
        self.sources: list[str] = []
        self.source: I32 | None = None
        forms = None if records.headers is None else self._told(records.headers, caches.headers)
        by_form, hard = self._sorted(forms)
        for form in _READERS:  # singles first: what they leave may be one of the others
            left_over = self._read(form, by_form[form]) if by_form[form] else []
            if form is Form.SINGLE and left_over:
                left_over = self._passed_on(left_over, forms, by_form)
            hard += self._look_again(form, left_over) if left_over else []
        for number in hard:
            form = Form.BY_SHAPE if forms is None else forms[number]
            read_strictly(number, records.values[number], int(stamps[number]), form, index, self.strict)
        if hard or not self.parts:
            self.parts.append(Rows.of_strict(self.strict))
            self.unknown |= self.strict.unknown

    def _told(self, headers: Sequence[Headers], cache: HeaderCache) -> list[Form]:
        told = [cache[tuple(h)] for h in headers]
        self.sources = sorted({source for _form, source in told if source is not None})
        if self.sources:
            place: dict[str | None, int] = {None: -1, **{source: i for i, source in enumerate(self.sources)}}
            self.source = np.array([place[source] for _form, source in told], np.int32)
        return [form for form, _source in told]

    def _sorted(self, forms: list[Form] | None) -> tuple[dict[Form, list[int]], list[int]]:
        """Numbers of the records by form, and of those that are none of them."""
        by_form: dict[Form, list[int]] = {Form.SINGLE: [], Form.FRAME: [], Form.SLOT: []}
        bodies = self._bodies
        if forms is None and self._is_filled and max(map(len, bodies), default=0) <= _SURELY_SINGLE:
            return by_form | {Form.SINGLE: list(range(len(bodies)))}, []
        hard: list[int] = []
        for number, body in enumerate(bodies):
            form = Form.BY_SHAPE if forms is None else forms[number]
            if not body or form is Form.UNSUPPORTED or len(body) > MAX_MESSAGE_BYTES:
                hard.append(number)
            elif form is Form.BY_SHAPE and len(body) > _SURELY_SINGLE and _VALUES in body:
                by_form[_guess(body)].append(number)
            else:
                by_form[form or Form.SINGLE].append(number)
        return by_form, hard

    def _read(self, form: Form, numbers: list[int]) -> list[int]:
        """Add what these records hold; the numbers of those that are not understood. Some at a time: what is made of
        them on the way stays near the processor."""
        left_over: list[int] = []
        decoder, blank, columns_of = _READERS[form]
        for at in range(0, len(numbers), _PIECE):
            piece = numbers[at : at + _PIECE]
            is_run = piece[-1] - piece[0] == len(piece) - 1  # ascending, so nothing is left out
            run = slice(piece[0], piece[-1] + 1)
            bodies = self._bodies[run] if is_run else [self._bodies[n] for n in piece]
            stamps = self._stamps[run] if is_run else self._stamps[piece]
            short = columns.shorts(bodies) if form is Form.SINGLE else None
            if short is not None:
                block = columns.short_rows(Taken(piece, short, stamps, bodies, []), self._index, self._times)
            else:
                alien = _VALUES if form is Form.SINGLE else b""
                block = columns_of(take(decoder, blank, piece, bodies, stamps, alien), self._index, self._times)
            self._add(block)
            left_over += block.left_over
        return left_over

    def _passed_on(self, numbers: list[int], forms: list[Form] | None, by_form: dict[Form, list[int]]) -> list[int]:
        """Of records that are not one reading: those that are no frame and no slot either."""
        rest: list[int] = []
        for number in numbers:
            body = self._bodies[number]
            if (forms is None or forms[number] is Form.BY_SHAPE) and _VALUES in body:
                by_form[_guess(body)].append(number)
            else:
                rest.append(number)
        return rest

    def _look_again(self, form: Form, numbers: list[int]) -> list[int]:
        bodies = [self._bodies[n] for n in numbers]
        seen = list(map(look_again, bodies, keys_of(bodies).tolist(), [form] * len(bodies)))
        good = [n for n, message in zip(numbers, seen, strict=True) if message is not None]
        left_over = [n for n, message in zip(numbers, seen, strict=True) if message is None]
        if good:
            taken = Taken(good, [m for m in seen if m is not None], self._stamps[good], None, [])
            block = _READERS[form][2](taken, self._index, self._times)
            self._add(block)
            left_over = sorted(left_over + block.left_over)
        return left_over

    def _add(self, block: columns.Block) -> None:
        self.parts.append(block.rows)
        self.unknown |= block.unknown


def _guess(body: bytes) -> Form:
    """A record that is not one reading and names no type: a frame or a slot of many meters."""
    at_meter = body.find(b'"meter_id"')
    is_slot = body[at_meter + 10 : at_meter + 14].lstrip(b": \t\r\n")[:1] == b"["
    return Form.SLOT if is_slot else Form.FRAME
