"""A batch of records made ready for its transaction: what goes in, what is held or refused, what the account says.

Runs in a thread: it touches no connection and no clock.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from consumers.checks import arrived_of, check, faults_of
from consumers.marks import marks_of
from consumers.ports import RawRecord, Records
from consumers.records import Caches, decode, read_headers
from consumers.rows import Decoded, Rows
from consumers.strict import RecordFault
from detectors.quality import MESSAGE_FAULTS, QUARANTINE_FAULTS, Checked, Fault, Flag, Limits
from detectors.readings import I8, I32, I64, ReadingColumns
from detectors.vocab import code
from service.db.account import Line, Outcome
from service.db.contest import Fate
from service.db.meter_index import NO_KEY, UNKNOWN_SOURCE, MeterIndex
from service.db.quarantine import Entry, State
from service.db.readings import Arrived, Ready, make_ready

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
    ready: Ready | None = None  # the arrived rows, made ready for the store
    marks: tuple[I64, I64, I64] | None = None  # what is to be judged again if none of the ready keys stands already

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
    stamps = Records.of(records).timestamps
    return np.where((stamps <= 0) | (stamps > now_ms + DAY_S * 1000), now_ms, stamps)


def prepare(
    records: Sequence[RawRecord], came: Arrivals, index: MeterIndex, caches: Caches, limits: Limits, slot_s: int
) -> Prepared:
    """Decode and check a batch. Raises nothing for what the records hold. slot_s: width of a slot."""
    records = Records.of(records)
    stamps = stamps_of(records, came.now_s)
    decoded = decode(records, index, caches, stamps)
    rows = decoded.rows
    stamp = stamps[rows.record]
    checked, factor = check(rows, stamp // 1000, index, limits)
    names, source = _sources(decoded, index)

    good = np.flatnonzero(checked.code == Fault.ACCEPTED)
    kept = rows
    if len(good) < len(rows):
        kept, stamp, source_of_kept = rows.take(good), stamp[good], source[good]
    else:
        source_of_kept = source
    part = np.full(len(kept), came.part, np.int32)
    arrived = arrived_of(kept, checked, good, factor, index, part, records.offsets[kept.record])
    ready = make_ready(arrived)
    line_keys, line = _lines(names, source_of_kept, stamp // 3_600_000)

    def origin(record: int) -> tuple[RawRecord, int]:
        return records[record], int(stamps[record])

    entries = [
        _entry(fault, *origin(fault.record), came, _fault_source(fault, decoded, index)) for fault in decoded.faults
    ]
    for fault, place, due_s in faults_of(rows, checked, source, decoded.unknown, limits):
        entries.append(_entry(fault, *origin(fault.record), came, names[place], due_s))
    return Prepared(
        index=index,
        arrived=arrived,
        line_keys=line_keys,
        line=line,
        entries=entries,
        refused=frozenset(f.record for f in decoded.faults if f.code in MESSAGE_FAULTS),
        flags=_count_flags(records, kept, checked, good, index),
        lateness_s=stamp // 1000 - arrived.readings.ts,
        ready=ready,
        marks=marks_of(ready.changed, index, slot_s),
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


def _fault_source(fault: RecordFault, decoded: Decoded, index: MeterIndex) -> str:
    meter = index.rows.get(fault.meter_id or "", -1)
    of_meter = index.sources[index.source[meter]] if meter >= 0 else UNKNOWN_SOURCE
    return decoded.source_of(fault.record) or of_meter


def _sources(decoded: Decoded, index: MeterIndex) -> tuple[list[str], I32]:
    """Source names, and the source of each row: what the header says, else the meter's, else `unknown`."""
    names = list(index.sources)
    meter = decoded.rows.readings.meter
    source = np.full(len(meter), names.index(UNKNOWN_SOURCE), np.int32)
    known = meter >= 0
    source[known] = index.source[meter[known]]
    if decoded.source is not None:
        names += [name for name in decoded.sources if name not in index.sources]
        place = np.array([names.index(name) for name in decoded.sources], np.int32)
        told = decoded.source[decoded.rows.record]
        source = np.where(told >= 0, place[told], source)
    return names, source


def _lines(names: list[str], source: I32, hour: I64) -> tuple[list[tuple[str, int]], I64]:
    """Keys of the account's lines, and the line of each row."""
    if len(source) == 0:
        return [], np.empty(0, np.int64)
    first, last = int(hour.min()), int(hour.max())
    if first == last and source.min() == source.max():
        return [(names[int(source[0])], first * 3600)], np.zeros(len(source), np.int64)
    both = (hour - first) * len(names) + source
    found, line = np.unique(both, return_inverse=True)
    keys = [(names[key % len(names)], (first + key // len(names)) * 3600) for key in found.tolist()]
    return keys, line.astype(np.int64)


def _count_flags(records: Records, kept: Rows, checked: Checked, good: I64, index: MeterIndex) -> dict[Flag, int]:
    flags = checked.flags[good]
    counts = {flag: int(np.count_nonzero(flags & flag)) for flag in (Flag.NEGATIVE, Flag.CLOCK)}
    named = map(index.rows_by_key.get, records.keys, repeat(-1))
    keyed = np.fromiter(named, np.int32, len(records))[kept.record]
    counts[Flag.KEY_MISMATCH] = int(
        np.count_nonzero((kept.position < 0) & (keyed != NO_KEY) & (keyed != kept.readings.meter))
    )
    return counts
