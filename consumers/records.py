"""Records of one partition as rows: every form of FEED §2, a code of FEED §4 for all that is not a reading."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from consumers import columns
from consumers.ports import Headers, RawRecord
from consumers.rows import Decoded, Rows
from consumers.strict import StrictRows, read_strictly
from consumers.timestamps import TimeCache
from consumers.wire import CONTENT_TYPES, MAX_MESSAGE_BYTES, Form
from detectors.readings import I64
from service.db.meter_index import MeterIndex

MAX_SOURCE = 64
_VALUES = b'"values"'
_READERS: dict[Form, Callable[[Sequence[int], list[bytes], I64, MeterIndex, TimeCache], columns.Block]] = {
    Form.SINGLE: columns.singles,
    Form.FRAME: columns.frames,
    Form.SLOT: columns.slots,
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
    if not records:
        return Decoded(Rows.of_strict(StrictRows()), [], {}, [])
    bodies = [r.value for r in records]
    if stamps is None:
        stamps = np.array([r.timestamp for r in records], np.int64)
    told = [caches.headers[tuple(r.headers)] for r in records]
    by_form: dict[Form, list[int]] = {Form.SINGLE: [], Form.FRAME: [], Form.SLOT: []}
    hard: list[int] = []
    for number, (form, _source) in enumerate(told):
        body = bodies[number]
        if body is None or form is Form.UNSUPPORTED or len(body) > MAX_MESSAGE_BYTES:
            hard.append(number)
        else:
            by_form[form or Form.SINGLE].append(number)
    parts: list[Rows] = []
    unknown: dict[tuple[int, int], str] = {}
    for form, reader in _READERS.items():
        if by_form[form]:
            block = reader(
                by_form[form], [bodies[n] or b"" for n in by_form[form]], stamps[by_form[form]], index, caches.times
            )
            parts.append(block.rows)
            unknown |= block.unknown
            for number in block.left_over:
                by_shape = form is Form.SINGLE and told[number][0] is Form.BY_SHAPE
                _guess(number, bodies[number] or b"", by_shape, by_form, hard)
    strict = StrictRows()
    for number in hard:
        read_strictly(number, bodies[number], int(stamps[number]), told[number][0], index, strict)
    parts.append(Rows.of_strict(strict))
    return Decoded(Rows.concat(parts), strict.faults, unknown | strict.unknown, [source for _form, source in told])


def _guess(number: int, body: bytes, by_shape: bool, by_form: dict[Form, list[int]], hard: list[int]) -> None:
    """A record that is not one reading and names no type: a frame or a slot, or a case for the slow path."""
    if by_shape and _VALUES in body:
        at_meter = body.find(b'"meter_id"')
        is_slot = body[at_meter + 10 : at_meter + 14].lstrip(b": \t\r\n")[:1] == b"["
        by_form[Form.SLOT if is_slot else Form.FRAME].append(number)
    else:
        hard.append(number)
