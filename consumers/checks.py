"""Decoded rows against the registry: codes, what the store takes, and what it does not."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import numpy as np

from consumers.rows import Rows
from consumers.strict import RecordFault
from consumers.zones import utc_offsets_s
from detectors.quality import Checked, Fault, Limits, check_rows
from detectors.readings import F64, I32, I64, ReadingColumns
from detectors.vocab import Scale
from service.db.meter_index import MeterIndex
from service.db.readings import Arrived, factor_of

_DETAILS = {
    Fault.MISALIGNED: "ts is not the end of a period",
    Fault.SCALE_UNKNOWN: "scale is not said",
    Fault.UNKNOWN_METER: "the registry has no such meter",
    Fault.MULTIPLIER_UNKNOWN: "a secondary value, and the registry has no multiplier at its time",
    Fault.MULTIPLIER_MISMATCH: "the message's multiplier is not the registry's at that time",
    Fault.SCALE_SUSPECT: "too large for a secondary value: primary already?",
    Fault.FUTURE_TS: "ts lies after the record's timestamp",
    Fault.LATE_BEYOND_HORIZON: "too long after its time",
    Fault.PUT_AWAY: "the month of ts was put away (cuofeng maintain)",
}


def check(rows: Rows, now_s: I64, index: MeterIndex, limits: Limits) -> tuple[Checked, F64]:
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
    factor: F64,
    index: MeterIndex,
    part: I32,
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
    return Arrived(readings, factor_of(scale, factor[good]), part, offset)


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
