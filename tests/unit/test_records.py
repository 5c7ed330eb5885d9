"""Decoding: every wire form of FEED §2, every code of FEED §4, and both paths alike."""

import dataclasses
import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from consumers.ports import StoredRecord
from consumers.records import Caches, decode
from consumers.rows import Decoded, Rows
from consumers.strict import StrictRows, read_strictly
from consumers.timestamps import TimeFault, parse_ms
from consumers.wire import Form
from detectors.quality import Fault
from detectors.vocab import Kind, Quality, Scale
from service.db.meter_index import Intervals, MeterIndex

IDS = ["MP1", "MP2", "REG", "0001234567890123456789"]
INDEX = dataclasses.replace(
    MeterIndex.empty(),
    rows={meter_id: i for i, meter_id in enumerate(IDS)},
    meter_no=np.arange(1, 5, dtype=np.int32),
    kind=np.array([Kind.POWER_INST, Kind.POWER_AVG, Kind.ENERGY_REG, Kind.POWER_INST], np.int8),
    scale=np.array([Scale.PRIMARY, Scale.SECONDARY, Scale.SECONDARY, Scale.PRIMARY], np.int8),
    period_s=np.array([900, 300, 900, 900], np.int32),
    source=np.zeros(4, np.int32),
    has_reverse=np.zeros(4, np.bool_),
    multipliers=Intervals.of([], np.float64),
)
STAMP_MS = 1510798641000
TS = 1510798500
SINGLE: dict[str, Any] = {
    "v": 1,
    "meter_id": "MP1",
    "ts": "2017-11-16T10:15:00+08:00",
    "period_s": 900,
    "kind": "power_inst",
    "value": 0.1234,
    "unit": "kW",
    "scale": "secondary",
    "t_factor": 12000,
    "q": "M",
    "rev": 0,
    "coll": "2017-11-16T10:17:21+08:00",
    "asset_no": "A000000000000000000123",
}
FRAME: dict[str, Any] = {
    "v": 1,
    "meter_id": "MP1",
    "kind": "power_inst",
    "unit": "kW",
    "scale": "secondary",
    "t0": "2017-11-16T00:15:00+08:00",
    "step_s": 900,
    "values": [0.1203, 0.1198, None, 0.1211],
    "q": "MMNR",
    "rev": 0,
    "coll": "2017-11-17T01:32:05+08:00",
}
SLOT: dict[str, Any] = {
    "v": 1,
    "ts": "2017-11-16T10:15:00+08:00",
    "period_s": 900,
    "kind": "power_inst",
    "unit": "kW",
    "scale": "primary",
    "meter_id": ["MP1", "MP2"],
    "values": [1480.8, 0.0],
    "q": "MM",
    "coll": "2017-11-16T10:17:21+08:00",
}
SHORT = {"meter_id": "MP1", "ts": "2017-11-16T10:15:00+08:00", "kw": 12.5}


def raw(body: bytes | str | dict[str, Any] | None, content_type: str | None = None, offset: int = 0) -> StoredRecord:
    if isinstance(body, dict):
        body = json.dumps(body)
    headers = (("content-type", content_type.encode()),) if content_type else ()
    return StoredRecord(offset, STAMP_MS, None, body.encode() if isinstance(body, str) else body, headers)


def read(*records: StoredRecord) -> Decoded:
    return decode(records, INDEX, Caches())


def with_(base: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The message with fields replaced; ``...`` removes one."""
    return {name: value for name, value in (base | more).items() if value is not ...}


def as_tuples(rows: Rows) -> list[tuple[Any, ...]]:
    columns: list[np.ndarray[Any, Any]] = [rows.record, rows.position, rows.t_factor]
    columns += [getattr(rows.readings, f.name) for f in dataclasses.fields(rows.readings)]
    return sorted(zip(*(np.nan_to_num(c, nan=-1e300).tolist() for c in columns), strict=True))


def test_one_reading_in_full() -> None:
    rows = read(raw(SINGLE)).rows
    assert as_tuples(rows) == [
        (0, -1, 12000.0, 0, int(Kind.POWER_INST), TS, 0.1234, 0, 0, 1510798641000, int(Scale.SECONDARY), 900, False)
    ]


def test_the_short_form_takes_the_rest_from_the_registry() -> None:
    decoded = read(raw(SHORT), raw(with_(SHORT, meter_id="MP2")))
    assert not decoded.faults
    readings = decoded.rows.readings
    assert readings.kind.tolist() == [Kind.POWER_INST, Kind.POWER_AVG]
    assert readings.scale.tolist() == [Scale.PRIMARY, Scale.SECONDARY]
    assert readings.period_s.tolist() == [900, 300]
    assert readings.coll.tolist() == [STAMP_MS, STAMP_MS]


@pytest.mark.parametrize("content_type", [None, "application/vnd.load.frame.v1+json"])
def test_a_frame(content_type: str | None) -> None:
    decoded = read(raw(FRAME, content_type))
    assert not decoded.faults
    readings = decoded.rows.readings
    assert readings.ts.tolist() == [1510762500 + 900 * i for i in range(4)]
    assert readings.q.tolist() == [Quality.M, Quality.M, Quality.N, Quality.R]
    assert np.isnan(readings.value).tolist() == [False, False, True, False]
    assert decoded.rows.position.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("content_type", [None, "application/vnd.load.slot.v1+json; charset=utf-8"])
def test_a_slot_of_many_meters(content_type: str | None) -> None:
    decoded = read(raw(SLOT, content_type))
    assert not decoded.faults
    assert decoded.rows.readings.meter.tolist() == [0, 1]
    assert decoded.rows.readings.value.tolist() == [1480.8, 0.0]


@pytest.mark.parametrize(
    ("kind", "unit", "value", "expected"),
    [
        ("power_avg", "W", 1500, 1.5),
        ("power_avg", "MW", 1.5, 1500.0),
        ("energy_int", "Wh", 250, 0.25),
        ("energy_int", "MWh", 2, 2000.0),
        ("voltage", "V", 220, 220.0),
        ("current", "A", -0.0, 0.0),
    ],
)
def test_units_become_kw_and_kwh(kind: str, unit: str, value: float, expected: float) -> None:
    found = read(raw(with_(SINGLE, kind=kind, unit=unit, value=value))).rows.readings.value
    assert found.tolist() == [expected]
    assert not np.signbit(found).any()


def test_a_22_digit_id_survives() -> None:
    decoded = read(raw(with_(SINGLE, meter_id="0001234567890123456789")), raw(with_(SINGLE, meter_id="1" * 22)))
    assert decoded.rows.readings.meter.tolist() == [3, -1]
    assert decoded.unknown == {(1, -1): "1" * 22}


def test_a_register_without_period_may_come_at_any_time() -> None:
    rows = read(raw(with_(SINGLE, meter_id="REG", kind="energy_reg", unit="kWh", period_s=...))).rows
    assert rows.readings.period_s.tolist() == [0]


WHOLE: list[tuple[bytes | str | dict[str, Any] | None, str | None, Fault]] = [
    (None, None, Fault.BAD_JSON),
    (b"", None, Fault.BAD_JSON),
    (json.dumps(SINGLE)[:60], None, Fault.BAD_JSON),
    (b"\xef\xbb\xbf" + json.dumps(SINGLE).encode(), None, Fault.BAD_JSON),
    ('{"meter_id":"MP1","ts":"2017-11-16T10:15:00+08:00","kw":1,"kw":1}', None, Fault.BAD_JSON),
    ('{"meter_id":"MP1","ts":"2017-11-16T10:15:00+08:00","kw" :2,"kw":1}', None, Fault.BAD_JSON),
    ('{"meter_id":"MP1","ts":"2017-11-16T10:15:00+08:00","x":1,"x":2,"kw":1}', None, Fault.BAD_JSON),
    ('{"meter_id":"MP1","ts":"2017-11-16T10:15:00+08:00","x":{"a":1,"a":2},"kw":1}', None, Fault.BAD_JSON),
    (json.dumps(SINGLE).encode() + b"\xff", None, Fault.BAD_ENCODING),
    (b'{"meter_id":"MP1","ts":"2017-11-16T10:15:00+08:00","x":"\xff","kw":1}', None, Fault.BAD_ENCODING),
    (b"[1,2]", None, Fault.BAD_SCHEMA),
    (b"42", None, Fault.BAD_SCHEMA),
    (b"{}", None, Fault.BAD_SCHEMA),
    ({"order": 17, "customer": "x"}, None, Fault.BAD_SCHEMA),
    (with_(SINGLE, x=[[[[1]]]]), None, Fault.BAD_SCHEMA),
    ('{"meter_id":"MP1","x":' + "[" * 100_000 + "]" * 100_000 + "}", None, Fault.BAD_SCHEMA),
    (with_(SINGLE, v="1"), None, Fault.BAD_SCHEMA),
    (with_(SINGLE, kw=1.0), None, Fault.BAD_SCHEMA),
    (with_(SINGLE, v=2), None, Fault.UNSUPPORTED_VERSION),
    (SINGLE, "application/xml", Fault.UNSUPPORTED_TYPE),
    (SINGLE, "application/vnd.load.registry.v1+json", Fault.UNSUPPORTED_TYPE),
    (with_(SINGLE, note="x" * (1 << 20)), None, Fault.TOO_LARGE),
    (with_(FRAME, values=[1.0] * 2977, q="M"), None, Fault.TOO_LARGE),
    (with_(FRAME, q="MM"), None, Fault.BAD_SCHEMA),
    (with_(FRAME, values=[], q="M"), None, Fault.BAD_SCHEMA),
    (with_(FRAME, values="1,2"), None, Fault.BAD_SCHEMA),
    (with_(SLOT, meter_id=["MP1"]), None, Fault.BAD_SCHEMA),
]


@pytest.mark.parametrize(("body", "content_type", "fault"), WHOLE)
def test_whole_messages_are_refused_with_the_tabled_code(
    body: bytes | str | dict[str, Any] | None, content_type: str | None, fault: Fault
) -> None:
    decoded = read(raw(SHORT), raw(body, content_type), raw(SHORT))
    assert [(f.record, f.code, f.positions) for f in decoded.faults] == [(1, fault, ())]
    assert sorted(decoded.rows.record.tolist()) == [0, 2]


ROW: list[tuple[str | dict[str, Any], Fault]] = [
    (with_(SINGLE, meter_id=...), Fault.MISSING_FIELD),
    (with_(SINGLE, ts=...), Fault.MISSING_FIELD),
    (with_(SINGLE, value=...), Fault.MISSING_FIELD),
    (with_(SINGLE, kind=...), Fault.MISSING_FIELD),
    (with_(SINGLE, unit=...), Fault.MISSING_FIELD),
    (with_(SINGLE, value="12.3"), Fault.BAD_TYPE),
    (with_(SINGLE, value=True), Fault.BAD_TYPE),
    (with_(SINGLE, value=[1]), Fault.BAD_TYPE),
    (with_(SINGLE, meter_id=1234), Fault.BAD_TYPE),
    (with_(SINGLE, meter_id="MP\x001"), Fault.BAD_TYPE),
    (with_(SINGLE, meter_id=""), Fault.BAD_TYPE),
    (with_(SINGLE, meter_id="9" * 65), Fault.BAD_TYPE),
    (with_(SINGLE, ts=1510798500), Fault.BAD_TYPE),
    (with_(SINGLE, rev=False), Fault.BAD_TYPE),
    (with_(SINGLE, q="X"), Fault.BAD_TYPE),
    (json.dumps(SINGLE).replace("0.1234", "NaN"), Fault.BAD_NUMBER),
    (json.dumps(SINGLE).replace("0.1234", "-Infinity"), Fault.BAD_NUMBER),
    (json.dumps(SINGLE).replace("0.1234", "1e999"), Fault.BAD_NUMBER),
    (json.dumps(SINGLE).replace("0.1234", "9" * 400), Fault.BAD_NUMBER),
    (with_(SINGLE, value=1e307, unit="MW"), Fault.BAD_NUMBER),
    (with_(SINGLE, value=None), Fault.BAD_NUMBER),
    (with_(SINGLE, q="N"), Fault.BAD_NUMBER),
    (with_(SINGLE, rev=-1), Fault.BAD_NUMBER),
    (with_(SINGLE, rev=1.5), Fault.BAD_NUMBER),
    (with_(SINGLE, rev=2**31), Fault.BAD_NUMBER),
    (with_(SINGLE, period_s=0), Fault.BAD_NUMBER),
    (with_(SINGLE, t_factor=0), Fault.BAD_NUMBER),
    (with_(SINGLE, ts="2017-11-16T10:15:00"), Fault.NAIVE_TS),
    (with_(SINGLE, coll="2017-11-16 10:17:21"), Fault.NAIVE_TS),
    (with_(SINGLE, ts="20171116T101500+0800"), Fault.BAD_TS),
    (with_(SINGLE, ts="2017-02-30T10:15:00+08:00"), Fault.BAD_TS),
    (with_(SINGLE, ts="yesterday"), Fault.BAD_TS),
    (with_(SINGLE, unit="kWh"), Fault.BAD_UNIT),
    (with_(SINGLE, unit="kw"), Fault.BAD_UNIT),
    (with_(SINGLE, kind="power"), Fault.BAD_KIND),
    (with_(SHORT, meter_id="REG"), Fault.BAD_KIND),
    (with_(SINGLE, scale="half"), Fault.SCALE_UNKNOWN),
]


@pytest.mark.parametrize(("body", "fault"), ROW)
def test_single_rows_are_refused_with_the_tabled_code(body: str | dict[str, Any], fault: Fault) -> None:
    decoded = read(raw(SHORT), raw(body), raw(SHORT))
    assert [(f.record, f.code, f.row_count) for f in decoded.faults] == [(1, fault, 1)]
    assert sorted(decoded.rows.record.tolist()) == [0, 2]


@pytest.mark.parametrize(
    ("bad", "fault"),
    [("true", Fault.BAD_TYPE), ('"12.3"', Fault.BAD_TYPE), ("NaN", Fault.BAD_NUMBER), ("1e999", Fault.BAD_NUMBER)],
)
def test_95_good_slots_of_96_are_used(bad: str, fault: Fault) -> None:
    body = json.dumps(with_(FRAME, values=[0.5] * 96, q="M")).replace("0.5", bad, 18).replace(bad, "0.5", 17)
    decoded = read(raw(body))
    assert [(f.code, f.positions) for f in decoded.faults] == [(fault, (17,))]
    assert decoded.rows.position.tolist() == [i for i in range(96) if i != 17]


def test_a_fault_that_all_rows_share_refuses_them_all() -> None:
    decoded = read(raw(with_(FRAME, t0="2017-11-16T00:15:00")))
    assert [(f.code, f.positions, f.row_count) for f in decoded.faults] == [(Fault.NAIVE_TS, (0, 1, 2, 3), 4)]


def test_a_null_without_n_is_one_bad_row() -> None:
    decoded = read(raw(with_(FRAME, q="M")))
    assert [(f.code, f.positions) for f in decoded.faults] == [(Fault.BAD_NUMBER, (2,))]
    assert len(decoded.rows) == 3


def test_unknown_fields_are_ignored_and_scale_may_be_missing_until_checked() -> None:
    decoded = read(raw(with_(SINGLE, extra={"a": [1]})), raw(with_(SINGLE, scale=...)))
    assert not decoded.faults
    assert sorted(decoded.rows.readings.scale.tolist()) == [-1, Scale.SECONDARY]


@pytest.mark.parametrize(
    ("base", "more"),
    [
        (SINGLE, {"terminal": "T1", "loss": 0.5, "tags": ["a", {"b": [1]}]}),
        (SINGLE, {"t_factor": None, "rev": None, "q": None, "coll": None, "asset_no": 7}),
        (SHORT, {"terminal": "T1", "note": "", "kind": None}),
        (FRAME, {"terminal": "T1", "rev": None}),
        (SLOT, {"terminal": {"line": "L"}, "coll": None}),
    ],
)
def test_a_sender_that_says_more_is_not_read_word_by_word(
    base: dict[str, Any], more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = StrictRows()
    read_strictly(0, raw(with_(base, **more)).value, STAMP_MS, Form.BY_SHAPE, INDEX, expected)
    monkeypatch.setattr("consumers.records.read_strictly", None)
    assert as_tuples(read(raw(with_(base, **more))).rows) == as_tuples(Rows.of_strict(expected))


def test_a_message_without_keys_does_not_hide_a_key_that_stands_twice() -> None:
    twice = b'{"kw":1,"meter_id":"MP1","ts":"2017-11-16T10:15:00+08:00","kw":2.5}'
    decoded = read(raw(b"5"), raw(b"true"), raw(twice), raw(SINGLE), raw(b"[]"))
    assert {(f.record, f.code) for f in decoded.faults} == {
        (0, Fault.BAD_SCHEMA),
        (1, Fault.BAD_SCHEMA),
        (2, Fault.BAD_JSON),
        (4, Fault.BAD_SCHEMA),
    }


def test_the_source_comes_from_the_header() -> None:
    record = dataclasses.replace(raw(SHORT), headers=(("feed-source", b"henan-yc\x00\xff"),))
    decoded = read(record, raw(SHORT))
    assert [decoded.source_of(0), decoded.source_of(1)] == ["henan-yc\ufffd", None]


def mutations(rng: random.Random, count: int) -> Sequence[StoredRecord]:
    """Messages with things left out, replaced, cut and repeated."""
    odd: list[Any] = [None, True, "x", "12.3", -1, 0, 1e300, [], {}, [1.0], "2017-11-16T10:15:00+08:00", "M", "N", ...]
    records = []
    for offset in range(count):
        base = with_(rng.choice([SINGLE, FRAME, SLOT, SHORT, SINGLE]))
        for _ in range(rng.choice([0, 0, 1, 2])):
            name = rng.choice([*base, "extra", "q", "rev"])
            base = with_(base, **{name: rng.choice(odd)})
        text = json.dumps(base, separators=rng.choice([(",", ":"), (", ", ": "), (" ,", " : ")]))
        if rng.random() < 0.1:
            text = text[: rng.randrange(len(text))]
        if rng.random() < 0.1:
            text = text.replace("{", '{"rev":0,', 1)
        records.append(raw(text, None, offset))
    return records


@pytest.mark.parametrize("seed", range(8))
def test_the_fast_path_and_the_slow_path_say_the_same(seed: int) -> None:
    records = mutations(random.Random(seed), 400)
    decoded = read(*records)
    slow = StrictRows()
    for number, record in enumerate(records):
        read_strictly(number, record.value, record.timestamp, Form.BY_SHAPE, INDEX, slow)
    assert as_tuples(decoded.rows) == as_tuples(Rows.of_strict(slow))
    assert sorted((f.record, f.code, f.positions) for f in decoded.faults) == sorted(
        (f.record, f.code, f.positions) for f in slow.faults
    )
    assert decoded.unknown == slow.unknown
    touched = set(decoded.rows.record.tolist()) | {f.record for f in decoded.faults}
    assert touched == set(range(len(records)))


def test_an_empty_registry_knows_nobody() -> None:
    decoded = decode([raw(SINGLE), raw(SHORT), raw(FRAME), raw(SLOT)], MeterIndex.empty(), Caches())
    assert not decoded.faults
    assert set(decoded.rows.readings.meter.tolist()) == {-1}
    assert len(decoded.unknown) == 1 + 1 + 4 + 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017-11-16T10:15:00+08:00", 1510798500000),
        ("2017-11-16t02:15:00.25z", 1510798500250),
        ("2017-11-16T24:00:00+08:00", TimeFault.BAD),
        ("2017-11-16T10:15:60+08:00", TimeFault.BAD),
        ("2017-11-16T10:15:00+99:00", TimeFault.BAD),
        ("２017-11-16T10:15:00+08:00", TimeFault.BAD),
        ("2017-11-16T10:15:00", TimeFault.NAIVE),
        ("", TimeFault.BAD),
    ],
)
def test_times(text: str, expected: int) -> None:
    assert parse_ms(text) == expected
