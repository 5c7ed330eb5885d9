"""A batch of records made ready for its transaction: what goes in, what is held or refused, what the account says.

Runs in a thread: it touches no connection and no clock.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from consumers.ports import RawRecord
from consumers.records import Caches, decode
from consumers.rows import Rows
from consumers.strict import RecordFault
from consumers.zones import utc_offsets_s
from detectors.quality import MESSAGE_FAULTS, QUARANTINE_FAULTS, Checked, Fault, Flag, Limits, check_rows
from detectors.readings import I32, I64, ReadingColumns
from detectors.vocab import Scale, code
from service.db.account import Line, Outcome
from service.db.contest import Fate
from service.db.meter_index import UNKNOWN_SOURCE, MeterIndex
from service.db.quarantine import Entry, State
from service.db.readings import Arrived, factor_of

DAY_S = 86400
_DETAILS = {
    Fault.MISALIGNED: "ts is not the end of a period",
    Fault.SCALE_UNKNOWN: "scale is not said",
    Fault.UNKNOWN_METER: "the registry has no such meter",
    Fault.MULTIPLIER_UNKNOWN: "a secondary value, and the registry has no multiplier at its time",
    Fault.MULTIPLIER_MISMATCH: "the message's multiplier is not the registry's at that time",
    Fault.SCALE_SUSPECT: "too large for a secondary value: primary already?",
    Fault.FUTURE_TS: "ts lies after the record's timestamp",
    Fault.LATE_BEYOND_HORIZON: "too long after its time",
}
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

    def lines(self, fate: "np.ndarray[tuple[int], np.dtype[np.int8]] | None" = None) -> Counter[Line]:
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
    arrived = arrived_of(
        kept, checked, good, factor, index, came.part, np.array([records[i].offset for i in kept.record], np.int64)
    )
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


def check(
    rows: Rows, now_s: I64, index: MeterIndex, limits: Limits
) -> tuple[Checked, "np.ndarray[tuple[int], np.dtype[np.float64]]"]:
    """Codes of decoded rows, and the registry's multiplier of each. now_s: what counts as now for each row."""
    readings = rows.readings
    known = readings.meter >= 0
    factor = index.factor_at(readings.meter, readings.ts)
    has_reverse = np.zeros(len(rows), np.bool_)
    has_reverse[known] = index.has_reverse[readings.meter[known]]
    checked = check_rows(
        ts=readings.ts,
        period_s=readings.period_s,
        kind=readings.kind,
        value=readings.value,
        scale=readings.scale,
        record_ts_s=now_s,
        known=known,
        factor=factor,
        t_factor=rows.t_factor,
        has_reverse=has_reverse,
        coll_ms=readings.coll,
        utc_offset_s=utc_offsets_s(readings.ts, readings.period_s, ZoneInfo(index.zone)),
        limits=limits,
    )
    return checked, factor


def arrived_of(
    kept: Rows,
    checked: Checked,
    good: I64,
    factor: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    index: MeterIndex,
    part: int,
    offset: I64,
) -> Arrived:
    """Accepted rows as the store takes them. good: their numbers among the checked ones."""
    old = kept.readings
    scale = np.where(old.scale < 0, np.int8(Scale.PRIMARY), old.scale)
    readings = ReadingColumns(
        meter=index.meter_no[old.meter] if len(old) else np.empty(0, np.int32),
        kind=old.kind,
        ts=checked.ts[good],
        value=old.value,
        q=old.q,
        rev=old.rev,
        coll=old.coll,
        scale=scale,
        period_s=old.period_s,
        had_evidence=old.had_evidence,
    )
    return Arrived(readings, factor_of(scale, factor[good]), np.full(len(good), part, np.int32), offset)


def faults_of(
    rows: Rows, checked: Checked, source: I32, unknown: Mapping[tuple[int, int], str], limits: Limits
) -> list[tuple[RecordFault, int, float | None]]:
    """Checked rows that were not accepted, one fault a record, code and source: (fault, source, due)."""
    bad = np.flatnonzero(checked.code != Fault.ACCEPTED)
    if len(bad) == 0:
        return []
    record, fault_code, place = rows.record[bad], checked.code[bad], source[bad]
    order = np.lexsort((rows.position[bad], place, fault_code, record))
    bad, record, fault_code, place = bad[order], record[order], fault_code[order], place[order]
    begins = np.ones(len(bad), np.bool_)
    begins[1:] = (record[1:] != record[:-1]) | (fault_code[1:] != fault_code[:-1]) | (place[1:] != place[:-1])
    starts = np.flatnonzero(begins)
    bounds = zip(starts.tolist(), [*starts[1:].tolist(), len(bad)], strict=True)
    position, ts = rows.position[bad], checked.ts[bad]
    found = []
    for start, end in bounds:
        number, fault = int(record[start]), Fault(int(fault_code[start]))
        places = position[start:end].tolist()
        meters = {unknown.get((number, p)) for p in places}
        due_s = float(ts[start:end].min() - limits.future_skew_s) if fault is Fault.FUTURE_TS else None
        found.append(
            (
                RecordFault(
                    number,
                    fault,
                    _DETAILS[fault],
                    () if places[0] < 0 else tuple(places),
                    meters.pop() if len(meters) == 1 else None,
                ),
                int(place[start]),
                due_s,
            )
        )
    return found


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
