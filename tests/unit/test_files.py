"""Readings files: every form gives the same readings, and every bad row its code of FEED §4."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumers.file_account import report_lines
from consumers.files import ReadingsFile, read_readings
from detectors.errors import InputError
from detectors.registry import ALWAYS, FOREVER, Meter, Multiplier, Plant, Registry, Source
from detectors.vocab import Kind, Quality, Role, Scale

NOW = 1_514_764_800  # 2018-01-01
T = 1_510_798_500  # 2017-11-16T10:15:00+08:00
REGISTRY = Registry(
    sources=(Source("default"),),
    plants=(Plant("P1", "一厂", "甲县"), Plant("P2", "二厂", "甲县")),
    meters=(
        Meter("M1", "P1"),
        Meter("M2", "P1", scale=Scale.SECONDARY),
        Meter("M3", "P2", kind=Kind.ENERGY_REG, unit="kWh"),
        Meter("M4", "P2", role=Role.CHECK, unit="MW", period_s=300),
        Meter("M5", "P2", scale=Scale.SECONDARY),
    ),
    multipliers=(Multiplier("M2", ALWAYS, FOREVER, 120.0), Multiplier("M5", ALWAYS, T, 60.0)),
)
HEADER = "meter_id,ts,value,kind,unit,scale,period_s,q,rev,coll"
GOOD = [
    "M1,2017-11-16T10:15:00+08:00,812.5,power_inst,kW,primary,900,M,0,2017-11-16T10:17:21+08:00",
    "M2,2017-11-16 10:15,0.25,,,,,,,",
    "M1,2017-11-16T02:30:00Z,,power_inst,kW,primary,900,N,0,2017-11-17T01:00:00.250+08:00",
    "M3,2017-11-16 10:15:00,123.45,,,,,R,1,",
    "M4,2017-11-16T10:20:00+08:00,1.5,,,,,,,",
    "M1,2017-11-16T10:15:00+08:00,231.5,voltage,V,,,,,",
]

BothWays = pytest.mark.parametrize("may_use_arrow", [True, False], ids=["arrow", "lines"])


def write_csv(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "readings.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def read(path: Path, *, may_use_arrow: bool = True) -> ReadingsFile:
    return read_readings([path], REGISTRY, clock_now_s=NOW, may_use_arrow=may_use_arrow)


def same(one: ReadingsFile, other: ReadingsFile) -> bool:
    names = ("meter", "kind", "ts", "value", "q", "rev", "coll", "scale", "period_s")
    return all(
        np.array_equal(getattr(one.columns, n), getattr(other.columns, n), equal_nan=n == "value") for n in names
    ) and np.array_equal(one.has_coll, other.has_coll)


@BothWays
def test_good_rows_with_the_registrys_defaults(tmp_path: Path, may_use_arrow: bool) -> None:
    found = read(write_csv(tmp_path, *GOOD), may_use_arrow=may_use_arrow)
    columns = found.columns
    assert found.fault_counts == Counter()
    assert found.row_count == 6
    assert columns.meter.tolist() == [0, 1, 0, 2, 3, 0]
    assert columns.kind.tolist() == [
        Kind.POWER_INST,
        Kind.POWER_INST,
        Kind.POWER_INST,
        Kind.ENERGY_REG,
        Kind.POWER_INST,
        Kind.VOLTAGE,
    ]
    assert columns.ts.tolist() == [T, T, T + 900, T, T + 300, T]
    assert columns.value[[0, 1, 3, 4, 5]].tolist() == [812.5, 0.25, 123.45, 1500.0, 231.5]
    assert np.isnan(columns.value[2])
    assert columns.q.tolist() == [Quality.M, Quality.M, Quality.N, Quality.R, Quality.M, Quality.M]
    assert columns.rev.tolist() == [0, 0, 0, 1, 0, 0]
    assert columns.scale.tolist() == [0, 1, 0, 0, 0, 0]
    assert columns.period_s.tolist() == [900, 900, 900, 0, 300, 900]
    assert found.has_coll.tolist() == [True, False, True, False, False, False]
    assert columns.coll.tolist()[:3] == [1_510_798_641_000, T * 1000, 1_510_851_600_250]


BAD_ROWS = {
    ",2017-11-16 10:15,1": "missing_field",
    "M1,,1": "missing_field",
    "MX,2017-11-16 10:15,1": "unknown_meter",
    "M1,2017-11-16T10:15:00,1": "naive_ts",
    "M1,16.11.2017 10:15,1": "bad_ts",
    "M1,2017-13-16 10:15,1": "bad_ts",
    "M1,2017-11-16 10:17,1": "misaligned",
    "M1,2099-01-01 00:00,1": "future_ts",
    "M1,2017-11-16 10:15,NaN": "bad_number",
    "M1,2017-11-16 10:15,1e999": "bad_number",
    "M1,2017-11-16 10:15,-inf": "bad_number",
    "M1,2017-11-16 10:15,abc": "bad_type",
    "M1,2017-11-16 10:15,1_000": "bad_type",
    "M5,2017-11-16 10:15,0.5": "multiplier_unknown",
    "M2,2017-11-16 10:15,812": "scale_suspect",
    "M1,2017-11-16 10:15": "bad_schema",
    "M1,2017-11-16 10:15,1,2": "bad_schema",
}
BAD_FIELDS = {
    "kind=power": "bad_kind",
    "unit=kWh": "bad_unit",
    "unit=kVA": "bad_unit",
    "scale=tertiary": "scale_unknown",
    "q=X": "bad_type",
    "q=N": "bad_number",
    "rev=-1": "bad_number",
    "rev=1.5": "bad_number",
    "period_s=0": "bad_number",
    "period_s=soon": "bad_type",
    "coll=2017-11-16T10:16:00": "naive_ts",
    "coll=2018-02-16T10:16:00+08:00": "late_beyond_horizon",
    "coll=2017-11-16T10:00:00+08:00": "future_ts",
    "t_factor=7": "multiplier_mismatch",
    "t_factor=0": "bad_number",
}


@BothWays
@pytest.mark.parametrize("row,code", BAD_ROWS.items())
def test_a_bad_row_has_its_code_and_does_not_stop_the_others(
    tmp_path: Path, row: str, code: str, may_use_arrow: bool
) -> None:
    path = write_csv(tmp_path, "M1,2017-11-16 10:00,1", row, "M1,2017-11-16 10:30,2", header="meter_id,ts,value")
    found = read(path, may_use_arrow=may_use_arrow)
    assert found.fault_counts == Counter({code: 1})
    assert found.faults[0].row == 3
    assert found.columns.value.tolist() == [1.0, 2.0]
    assert found.row_count == 3


@BothWays
@pytest.mark.parametrize("field,code", BAD_FIELDS.items())
def test_a_bad_field_has_its_code(tmp_path: Path, field: str, code: str, may_use_arrow: bool) -> None:
    name, value = field.split("=")
    meter = "M2" if name == "t_factor" else "M1"
    path = write_csv(tmp_path, f"{meter},2017-11-16 10:15,1,{value}", header=f"meter_id,ts,value,{name}")
    found = read(path, may_use_arrow=may_use_arrow)
    assert found.fault_counts == Counter({code: 1})
    assert len(found.columns) == 0


def test_a_time_without_coll_may_be_up_to_a_day_after_the_machines_clock(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "M1,2018-01-02T00:00:00Z,1", "M1,2018-01-02T00:15:00Z,1", header="meter_id,ts,value")
    found = read(path)
    assert found.columns.ts.tolist() == [NOW + 86400]
    assert found.fault_counts == Counter(future_ts=1)


def test_a_row_without_coll_is_never_late(tmp_path: Path) -> None:
    found = read(write_csv(tmp_path, "M1,2010-01-01 00:00,1", header="meter_id,ts,value"))
    assert found.fault_counts == Counter()


def test_near_misses_of_the_period_are_snapped(tmp_path: Path) -> None:
    found = read(
        write_csv(tmp_path, "M1,2017-11-16 10:15:29,1", "M1,2017-11-16 10:14:31,1", header="meter_id,ts,value")
    )
    assert found.columns.ts.tolist() == [T, T]


def test_local_times_of_a_zone_with_summer_time(tmp_path: Path) -> None:
    registry = Registry(zone="Europe/Berlin", sources=REGISTRY.sources, plants=REGISTRY.plants, meters=REGISTRY.meters)
    path = write_csv(
        tmp_path, "M1,2017-03-26 02:15,1", "M1,2017-10-29 02:15,1", "M1,2017-07-01 12:00,1", header="meter_id,ts,value"
    )
    found = read_readings([path], registry, clock_now_s=NOW)
    assert found.fault_counts == Counter(bad_ts=1)  # skipped by the clock
    assert found.columns.ts.tolist() == [1_509_236_100, 1_498_903_200]  # the first of the doubled hour


def as_json(row: str) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, cell in zip(HEADER.split(","), row.split(","), strict=True):
        if cell:
            cells[name] = float(cell) if name in ("value", "rev", "period_s") else cell
    return cells


def to_ndjson(folder: Path) -> Path:
    path = folder / "readings.ndjson"
    path.write_text("\n".join(json.dumps(as_json(row)) for row in GOOD) + "\n", encoding="utf-8")
    return path


def to_csv_gz(folder: Path) -> Path:
    path = folder / "readings.csv.gz"
    path.write_bytes(gzip.compress(write_csv(folder, *GOOD).read_bytes()))
    return path


def to_ndjson_gz(folder: Path) -> Path:
    path = folder / "readings.jsonl.gz"
    path.write_bytes(gzip.compress(to_ndjson(folder).read_bytes()))
    return path


def to_parquet_of_texts(folder: Path) -> Path:
    path = folder / "texts.parquet"
    rows = [as_json(row) for row in GOOD]
    pq.write_table(pa.table({name: [r.get(name) for r in rows] for name in HEADER.split(",")}), path)
    return path


def to_parquet_of_instants(folder: Path) -> Path:
    path = folder / "instants.parquet"
    rows = [as_json(row) for row in GOOD]
    good = read(write_csv(folder, *GOOD))
    stamp = pa.timestamp("us", "UTC")
    table = {name: pa.array([r.get(name) for r in rows]) for name in HEADER.split(",")}
    table["meter_id"] = table["meter_id"].dictionary_encode()
    table["ts"] = pa.array([int(t) * 1_000_000 for t in good.columns.ts], stamp)
    table["coll"] = pa.array(
        [int(c) * 1000 if said else None for c, said in zip(good.columns.coll, good.has_coll, strict=True)], stamp
    )
    pq.write_table(pa.table(table), path)
    return path


@pytest.mark.parametrize("write", [to_ndjson, to_csv_gz, to_ndjson_gz, to_parquet_of_texts, to_parquet_of_instants])
def test_every_form_gives_the_same_readings(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    found = read(write(tmp_path))
    assert found.fault_counts == Counter()
    assert same(found, read(write_csv(tmp_path, *GOOD)))


@BothWays
def test_gzip_without_pyarrow_too(tmp_path: Path, may_use_arrow: bool) -> None:
    assert same(read(to_csv_gz(tmp_path), may_use_arrow=may_use_arrow), read(write_csv(tmp_path, *GOOD)))


def test_bad_lines_of_json(tmp_path: Path) -> None:
    lines = [
        '{"meter_id":"M1","ts":"2017-11-16T10:15:00+08:00","value":1}',
        '{"meter_id":"M1","ts":"2017-11-16T10:30:00+08:00","val',
        "[1,2]",
        '{"meter_id":"M1","ts":"2017-11-16T10:45:00+08:00","value":"12.3"}',
        '{"meter_id":"M1","ts":"2017-11-16T10:45:00+08:00","value":true}',
        '{"meter_id":"M1","ts":"2017-11-16T10:45:00+08:00","value":NaN}',
        '{"meter_id":"M1","ts":"2017-11-16T10:45:00+08:00","value":1e999}',
        '{"meter_id":4101000000000000000001,"ts":"2017-11-16T10:45:00+08:00","value":1}',
        '{"meter_id":"M1","ts":["2017-11-16T10:45:00+08:00"],"value":1}',
        '{"meter_id":"M1","ts":"2017-11-16T10:45:00+08:00","value":1,"v":2}',
        "",
    ]
    path = tmp_path / "readings.ndjson"
    path.write_text("\n".join(lines), encoding="utf-8")
    found = read(path)
    expected = Counter(bad_json=1, bad_schema=1, bad_type=4, bad_number=2, unsupported_version=1)
    assert found.fault_counts == expected
    assert len(found.columns) == 1
    assert {f.row for f in found.faults} == set(range(2, 11))


@BothWays
def test_ids_of_22_digits_survive(tmp_path: Path, may_use_arrow: bool) -> None:
    meter_id = "4101000000000000000001"
    registry = Registry(sources=(Source("default"),), plants=(Plant("P", "厂", "县"),), meters=(Meter(meter_id, "P"),))
    path = write_csv(tmp_path, f"{meter_id},2017-11-16 10:15,1", header="meter_id,ts,value")
    found = read_readings([path], registry, clock_now_s=NOW, may_use_arrow=may_use_arrow)
    assert found.columns.meter.tolist() == [0]


@BothWays
@pytest.mark.parametrize(
    "content,said",
    [
        (b"meter_id,ts\nM1,2017-11-16 10:15\n", "no column value"),
        (b"", "no column meter_id, ts, value"),
        (b"meter_id,ts,value,ts\n", "ts stands twice"),
        (b"meter_id,ts,value\nM1,2017-11-16 10:15,\xff\xfe\n", "cannot be read"),
    ],
)
def test_a_broken_file_is_refused_with_its_name(tmp_path: Path, content: bytes, said: str, may_use_arrow: bool) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"broken.csv: .*{said}"):
        read(path, may_use_arrow=may_use_arrow)


@pytest.mark.parametrize(
    "name,content",
    [
        ("absent.csv", None),
        ("half.csv.gz", gzip.compress(b"meter_id,ts,value\n" * 999)[:-12]),
        ("a.txt", b""),
        ("a.parquet", b"no parquet at all"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=name):
        read(path)


@BothWays
def test_a_byte_order_mark_and_unknown_columns_do_no_harm(tmp_path: Path, may_use_arrow: bool) -> None:
    path = tmp_path / "readings.csv"
    path.write_text("\ufeffmeter_id,备注,ts,value\nM1,好,2017-11-16 10:15,1\n", encoding="utf-8")
    assert len(read(path, may_use_arrow=may_use_arrow).columns) == 1


def test_many_bad_rows_are_all_counted_and_the_first_are_kept(tmp_path: Path) -> None:
    rows = [f"X{i},2017-11-16 10:15,1" for i in range(1000)] + ["M1,2017-11-16 10:15,x"] * 50
    found = read(write_csv(tmp_path, *rows, header="meter_id,ts,value"))
    assert found.fault_counts == Counter(unknown_meter=1000, bad_type=50)
    assert len(found.faults) == 40
    lines = list(report_lines(found.faults, found.fault_counts))
    assert lines[0] == "bad_type: 50 rows"
    assert any("row 2, meter_id 'X0'" in line for line in lines)


def test_several_files_are_read_as_one(tmp_path: Path) -> None:
    first = write_csv(tmp_path, *GOOD)
    found = read_readings([first, to_ndjson(tmp_path)], REGISTRY, clock_now_s=NOW)
    assert found.row_count == 12
    assert len(found.columns) == 12


def test_no_rows_at_all(tmp_path: Path) -> None:
    for may_use_arrow in (True, False):
        found = read(write_csv(tmp_path), may_use_arrow=may_use_arrow)
        assert len(found.columns) == 0


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InputError, match=r"extra `arrow`"):
        read(to_parquet_of_texts_free(tmp_path))


def to_parquet_of_texts_free(folder: Path) -> Path:
    path = folder / "any.parquet"
    path.write_bytes(b"PAR1")
    return path
