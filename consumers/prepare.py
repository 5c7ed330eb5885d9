"""A batch of records made ready for its transaction: what goes in, what is held or refused, what the account says.

Runs in a thread: it touches no connection and no clock.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from consumers.checks import arrived_of, check, faults_of
from consumers.ports import RawRecord
from consumers.records import Caches, decode, read_headers
from consumers.rows import Rows
from consumers.strict import RecordFault
from detectors.quality import MESSAGE_FAULTS, QUARANTINE_FAULTS, Checked, Fault, Flag, Limits
from detectors.readings import I8, I32, I64, ReadingColumns
from detectors.vocab import code
from service.db.account import Line, Outcome
from service.db.contest import Fate
from service.db.meter_index import UNKNOWN_SOURCE, MeterIndex
from service.db.quarantine import Entry, State
from service.db.readings import Arrived

DAY_S = 86400
_OUTCOME = {
    Fate.ACCEPTED: Outcome.ACCEPTED,
    Fate.DUPLICATE: Outcome.DUPLICATE,
    Fate.SUPERSEDED: Outcome.SUPERSEDED,
}


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Where the records of a batch came from. now_s: the clock, for what is held and for timestamps that cannot be."""

    topic: str
    part: int
    now_s: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that only needs its transaction."""

    index: MeterIndex
    arrived: Arrived
    line_keys: list[tuple[str, int]]  # (source, hour) of the account
    line: I64  # of each arrived row: index into line_keys
    entries: list[Entry]
    refused: frozenset[int]  # numbers of the records that were refused as a whole message
    flags: Mapping[Flag, int]
    lateness_s: I64  # of each arrived row

    def lines(self, fate: I8 | None = None) -> Counter[Line]:
        """The account of the batch, given what became of the arrived rows."""
        lines: Counter[Line] = Counter()
        for entry in self.entries:
            lines[line_of(entry)] += entry.row_count
        if fate is not None and len(fate):
            both, counts = np.unique(self.line * len(Fate) + fate, return_counts=True)
            for key, count in zip(both.tolist(), counts.tolist(), strict=True):
                source, hour_s = self.line_keys[key // len(Fate)]
                lines[Line(source, hour_s, _OUTCOME[Fate(key % len(Fate))])] += count
        return lines


def line_of(entry: Entry) -> Line:
    """The account's line that an entry is counted in."""
    outcome = Outcome.QUARANTINED if entry.state is State.HELD else Outcome.REJECTED
    return Line(entry.source, hour_of(entry.record_ms), outcome, entry.code)


def hour_of(epoch_ms: int) -> int:
    """Epoch seconds of the hour."""
    return epoch_ms // 3_600_000 * 3600


def stamps_of(records: Sequence[RawRecord], now_s: float) -> I64:
    """Record timestamps in epoch ms; the clock where there is none, or one more than a day ahead of the clock."""
    now_ms = int(now_s * 1000)
    stamps = np.array([r.timestamp for r in records], np.int64)
    return np.where((stamps <= 0) | (stamps > now_ms + DAY_S * 1000), now_ms, stamps)


def prepare(
    records: Sequence[RawRecord], came: Arrivals, index: MeterIndex, caches: Caches, limits: Limits
) -> Prepared:
    """Decode and check a batch. Raises nothing for what the records hold."""
    stamps = stamps_of(records, came.now_s)
    decoded = decode(records, index, caches, stamps)
    rows = decoded.rows
    checked, factor = check(rows, stamps[rows.record] // 1000, index, limits)
    names, source = _sources(rows, decoded.sources, index)

    good = np.flatnonzero(checked.code == Fault.ACCEPTED)
    kept = rows.take(good)
    part = np.full(len(kept), came.part, np.int32)
    offset = np.array([r.offset for r in records], np.int64)[kept.record]
    arrived = arrived_of(kept, checked, good, factor, index, part, offset)
    hours = stamps[kept.record] // 3_600_000
    line_pairs, line = np.unique(np.stack([source[good], hours]), axis=1, return_inverse=True)
    line_keys = [(names[s], int(h) * 3600) for s, h in line_pairs.T.tolist()]

    def origin(record: int) -> tuple[RawRecord, int]:
        return records[record], int(stamps[record])

    entries = [
        _entry(fault, *origin(fault.record), came, _fault_source(fault, decoded.sources, index))
        for fault in decoded.faults
    ]
    for fault, place, due_s in faults_of(rows, checked, source, decoded.unknown, limits):
        entries.append(_entry(fault, *origin(fault.record), came, names[place], due_s))
    return Prepared(
        index=index,
        arrived=arrived,
        line_keys=line_keys,
        line=line.reshape(-1).astype(np.int64),
        entries=entries,
        refused=frozenset(f.record for f in decoded.faults if f.code in MESSAGE_FAULTS),
        flags=_count_flags(records, kept, checked, good, index),
        lateness_s=stamps[kept.record] // 1000 - arrived.readings.ts,
    )


def refuse(record: RawRecord, came: Arrivals, index: MeterIndex, detail: str) -> Prepared:
    """A batch of one record that the database itself refused."""
    stamp = int(stamps_of([record], came.now_s)[0])
    _form, told = read_headers(record.headers)
    fault = RecordFault(0, Fault.BAD_BATCH, detail)
    nothing = ReadingColumns.empty()
    return Prepared(
        index=index,
        arrived=Arrived(nothing, np.empty(0, np.float64), np.empty(0, np.int32), np.empty(0, np.int64)),
        line_keys=[],
        line=np.empty(0, np.int64),
        entries=[_entry(fault, record, stamp, came, told or UNKNOWN_SOURCE)],
        refused=frozenset({0}),
        flags={},
        lateness_s=np.empty(0, np.int64),
    )


def _entry(
    fault: RecordFault, record: RawRecord, stamp_ms: int, came: Arrivals, source: str, due_s: float | None = None
) -> Entry:
    return Entry(
        source=source,
        topic=came.topic,
        part=came.part,
        offset=record.offset,
        code=code(fault.code),
        detail=fault.detail,
        record_ms=stamp_ms,
        held_s=came.now_s,
        positions=fault.positions,
        meter_id=fault.meter_id,
        due_s=due_s,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
        state=State.HELD if fault.code in QUARANTINE_FAULTS else State.REJECTED,
    )


def _fault_source(fault: RecordFault, told: Sequence[str | None], index: MeterIndex) -> str:
    meter = index.rows.get(fault.meter_id or "", -1)
    return told[fault.record] or (index.sources[index.source[meter]] if meter >= 0 else UNKNOWN_SOURCE)


def _sources(rows: Rows, told: Sequence[str | None], index: MeterIndex) -> tuple[list[str], I32]:
    """Source names, and the source of each row: what the header says, else the meter's, else `unknown`."""
    names = list(index.sources)
    place = {name: i for i, name in enumerate(names)}
    of_record = np.full(len(told), -1, np.int32)
    for number, name in enumerate(told):
        if name is not None:
            if name not in place:
                place[name] = len(names)
                names.append(name)
            of_record[number] = place[name]
    meter = rows.readings.meter
    of_meter = np.full(len(rows), place[UNKNOWN_SOURCE], np.int32)
    of_meter[meter >= 0] = index.source[meter[meter >= 0]]
    said = of_record[rows.record]
    return names, np.where(said >= 0, said, of_meter).astype(np.int32)


def _count_flags(
    records: Sequence[RawRecord], kept: Rows, checked: Checked, good: I64, index: MeterIndex
) -> dict[Flag, int]:
    flags = checked.flags[good]
    of_key: dict[bytes | None, int] = {}
    for record in records:
        if record.key not in of_key:
            key = (record.key or b"").decode("utf-8", "replace")
            of_key[record.key] = -2 if record.key is None else index.rows.get(key, -1)
    keyed = np.array([of_key[record.key] for record in records], np.int32)[kept.record]
    counts = {flag: int(np.count_nonzero(flags & flag)) for flag in (Flag.NEGATIVE, Flag.CLOCK)}
    counts[Flag.KEY_MISMATCH] = int(
        np.count_nonzero((kept.position < 0) & (keyed != -2) & (keyed != kept.readings.meter))
    )
    return counts
