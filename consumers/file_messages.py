"""Rows of readings files as messages of FEED §2, one reading each, in the order in which they were collected.

A row is told as it stands, so that ingest judges it: what cannot be a number goes as a text, and is refused there with
the same code as in a file. What a row leaves out comes from the meter's row in the registry (CONTRACTS §2).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from consumers.file_cells import Parsed, instants, is_empty, moment_ms, number_text
from consumers.file_tables import Batch, BrokenRow, Column, Instants, Words, read_batches
from consumers.files import FUTURE_S
from consumers.wire import IS_REGISTER, KIND_FAMILY, KINDS, UNIT_FAMILY, UNITS
from detectors.quality import Fault
from detectors.readings import I64
from detectors.registry import Meter
from detectors.vocab import Kind, Scale, code

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_USUAL_UNIT = ("kW", "kWh", "V", "A")
#: Fields that say what a value is; rows that agree in them share the text of them.
_HEAD = ("meter_id", "kind", "unit", "scale", "period_s", "q", "rev", "t_factor", "asset_no")
_TEXTS = ("meter_id", "kind", "unit", "scale", "q", "asset_no")


@dataclass(frozen=True, slots=True)
class Message:
    """One record: key, JSON body, Kafka timestamp."""

    key: bytes | None
    body: bytes
    timestamp_ms: int


@dataclass(slots=True)
class FileMessages:
    """The messages of files, by time of collection. ``not_told``: rows that cannot be a message, with their file."""

    not_told: list[tuple[str, BrokenRow]]
    _tellers: "list[_Teller | _Raw]"
    _place: I64  # of each message: index into _tellers
    _row: I64  # of each message: row in its teller
    _stamp_ms: I64

    def __len__(self) -> int:
        return len(self._row)

    @property
    def stamps_ms(self) -> I64:
        """Kafka timestamp of each message, epoch milliseconds, in their order."""
        return self._stamp_ms

    def build(self, first: int, last: int) -> list[Message]:
        """The messages first..last-1."""
        found = []
        for place, row, stamp in zip(
            self._place[first:last].tolist(),
            self._row[first:last].tolist(),
            self._stamp_ms[first:last].tolist(),
            strict=True,
        ):
            key, body = self._tellers[place].tell(row)
            found.append(Message(key, body, stamp))
        return found


def file_messages(
    paths: Sequence[Path], *, zone: ZoneInfo, clock_now_s: float, meters: Mapping[str, Meter] | None = None
) -> FileMessages:
    """Read files and put their rows in the order of coll (absent: ts).

    zone: of local times. clock_now_s: the machine's clock; a row without coll is never sent with a later time than a
    day after it (SEMANTICS §1.3). meters: the registry's, to fill in what rows leave out; without them such a row goes
    in the short form, which ingest fills in. Raises InputError for files that cannot be read.
    """
    tellers: list[_Teller | _Raw] = []
    places: list[I64] = []
    rows: list[I64] = []
    stamps: list[I64] = []
    not_told: list[tuple[str, BrokenRow]] = []
    latest_ms = int((clock_now_s + FUTURE_S - 300) * 1000)
    last_ms = int(clock_now_s * 1000)
    for path in paths:
        for batch in read_batches(path):
            stamp = _stamps(batch, zone, latest_ms, last_ms)
            raw = [b for b in batch.broken if b.raw is not None]
            not_told += [(str(path), b) for b in batch.broken if b.raw is None]
            where = np.searchsorted(batch.rows, [b.row for b in raw]) - 1
            raw_stamp = stamp[np.maximum(where, 0)] if len(stamp) else np.full(len(raw), last_ms, np.int64)
            for teller, row_stamps in ((_Teller(batch, zone, meters), stamp), (_Raw(raw), raw_stamp)):
                places.append(np.full(len(row_stamps), len(tellers), np.int64))
                rows.append(np.arange(len(row_stamps), dtype=np.int64))
                stamps.append(row_stamps)
                tellers.append(teller)
            last_ms = int(stamp[-1]) if len(stamp) else last_ms
    stamp_ms = np.concatenate(stamps) if stamps else np.empty(0, np.int64)
    order = np.argsort(stamp_ms, kind="stable")
    return FileMessages(
        not_told,
        tellers,
        np.concatenate(places)[order] if places else np.empty(0, np.int64),
        np.concatenate(rows)[order] if rows else np.empty(0, np.int64),
        stamp_ms[order],
    )


def _stamps(batch: Batch, zone: ZoneInfo, latest_ms: int, before_ms: int) -> I64:
    """Kafka timestamp of each row: coll, else ts; a row with neither follows the row before it."""
    n = len(batch)
    coll, ts = instants(batch.columns.get("coll"), n, zone), instants(batch.columns.get("ts"), n, zone)

    def stands(parsed: Parsed) -> I64:
        return np.flatnonzero(~parsed.is_empty & (parsed.code == Fault.ACCEPTED) & (parsed.values > 0))

    stamp = np.full(n, -1, np.int64)
    by_ts, by_coll = stands(ts), stands(coll)
    stamp[by_ts] = np.minimum(ts.values[by_ts], latest_ms)
    stamp[by_coll] = coll.values[by_coll]
    known = np.where(stamp >= 0, np.arange(n), -1)
    source = np.maximum.accumulate(known) if n else known
    return np.where(source >= 0, stamp[np.maximum(source, 0)], before_ms)


@dataclass(slots=True)
class _Raw:
    """Lines of an NDJSON file that are no JSON objects: sent as they stand."""

    lines: list[BrokenRow]

    def tell(self, row: int) -> tuple[bytes | None, bytes]:
        """Key and body of a message."""
        return None, self.lines[row].raw or b""


@dataclass(slots=True)
class _Teller:
    """Tells the rows of a batch as JSON."""

    batch: Batch
    zone: ZoneInfo
    meters: Mapping[str, Meter] | None
    _heads: dict[tuple[int, ...], tuple[bytes | None, str, str]] = field(default_factory=dict)
    _times: dict[object, str] = field(default_factory=dict)
    _code_columns: list[Callable[[int], int]] | None = None

    def tell(self, row: int) -> tuple[bytes | None, bytes]:
        """Key and body of a message."""
        columns = self.batch.columns
        if self._code_columns is None:
            self._code_columns = [_coder(columns.get(name)) for name in _HEAD]
        codes = tuple(code_of(row) for code_of in self._code_columns)
        known = self._heads.get(codes)
        if known is None:
            known = self._heads[codes] = self._head(row)
        key, head, value_name = known
        value = columns["value"].cell(row)
        parts = [head, f',"{value_name}":', "null" if is_empty(value) else self._number(value)]
        for name in ("ts", "coll"):
            column = columns.get(name)
            if column is not None:
                cell = column.cell(row)
                if not is_empty(cell):
                    parts += [f',"{name}":', self._time(cell, isinstance(column, Instants))]
        return key, ("".join(parts) + "}").encode()

    def _head(self, row: int) -> tuple[bytes | None, str, str]:
        cells = {n: c.cell(row) for n in _HEAD if (c := self.batch.columns.get(n)) is not None}
        fields = {n: cell for n, cell in cells.items() if not is_empty(cell)}
        meter_id = fields.get("meter_id")
        meter = self.meters.get(meter_id) if self.meters is not None and isinstance(meter_id, str) else None
        is_short = "kind" not in fields and "unit" not in fields and meter is None
        texts = {n: _text(v) if n in _TEXTS else self._number(v) for n, v in fields.items()}
        if meter is not None:
            texts = _defaults(meter, fields) | texts
        head = '{"v":1' + "".join(f',"{n}":{v}' for n, v in texts.items())
        key = meter_id.encode() if isinstance(meter_id, str) else None
        return key, head, "kw" if is_short else "value"

    def _number(self, cell: object) -> str:
        return number_text(cell, is_typed=self.batch.is_typed)

    def _time(self, cell: object, is_epoch_ms: bool) -> str:
        if not isinstance(cell, str | int):
            return _text(cell)
        found = self._times.get(cell)
        if found is None:
            ms = cell if is_epoch_ms and isinstance(cell, int) else moment_ms(cell, self.zone)
            is_good = isinstance(ms, int) and not isinstance(ms, Fault)
            found = _text((_EPOCH + timedelta(milliseconds=ms)).isoformat() if is_good else cell)
            if len(self._times) > 200_000:
                self._times.clear()
            self._times[cell] = found
        return found


def _coder(column: Column | None) -> Callable[[int], int]:
    """A number for the cell of a row: equal numbers mean equal cells."""
    if column is None:
        return lambda _row: -1
    if isinstance(column, Words):
        codes: list[int] = column.codes.tolist()
        return lambda row: codes[row]
    cells: dict[object, int] = {}
    return lambda row: cells.setdefault(column.cell(row), len(cells))


def _text(cell: object) -> str:
    return json.dumps(cell, ensure_ascii=False, default=str)


def _defaults(meter: Meter, fields: Mapping[str, object]) -> dict[str, str]:
    """What the meter's row says where the file does not; the rules of ``consumers.files``."""
    said = fields.get("kind")
    kind = meter.kind if said is None else KINDS.get(said) if isinstance(said, str) else None
    if kind is None:
        return {}
    family = int(KIND_FAMILY[kind])
    unit = meter.unit if UNIT_FAMILY[UNITS[meter.unit]] == family else _USUAL_UNIT[family]
    scale = meter.scale if family < 2 else Scale.PRIMARY
    found = {"kind": _text(code(Kind(kind))), "unit": _text(unit), "scale": _text(code(scale))}
    if not IS_REGISTER[kind]:
        found["period_s"] = str(meter.period_s)
    return found
