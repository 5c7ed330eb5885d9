"""The back-test of the demo's story: the same bytes whatever the order, what options hide, what bad input does."""

import csv
import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet
import pytest

from consumers.backtest import BacktestOptions, BacktestReport, run_backtest
from detectors.errors import InputError
from detectors.registry import Registry, with_default_scopes
from service.demo.season import END_S, START_S
from service.demo.story import READINGS_FILE, REGISTRY_DIR, build
from service.registry.read import read_registry

ZONE = "Asia/Shanghai"
NOW_S = float(END_S + 86_400)
NAMES = ("alerts.csv", "days.csv", "slots.csv")
NOON_S = START_S + 2 * 86_400 + 12 * 3600
NOON = "2017-11-16T12:00:00+08:00"
COMMAND = "from service.cli import main; main()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The story as files, written once."""
    folder = tmp_path_factory.mktemp("story")
    build().write(folder)
    return folder


@pytest.fixture(scope="module")
def registry(folder: Path) -> Registry:
    return with_default_scopes(read_registry(folder / REGISTRY_DIR, zone=ZONE, slot_s=900))


@pytest.fixture(scope="module")
def whole(folder: Path, registry: Registry) -> Path:
    """The back-test of the whole story."""
    out = folder / "whole"
    run(registry, folder / READINGS_FILE, out)
    return out


def run(registry: Registry, readings: Path, out: Path, options: BacktestOptions | None = None) -> BacktestReport:
    return run_backtest(registry, [readings], out, options or BacktestOptions(), clock_now_s=NOW_S)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def same_bytes(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in NAMES)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``cuofeng`` as it is typed, away from any database and broker."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith("CUOFENG_")}
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**outside, "PYTHONPATH": root},
    )


def backtest(folder: Path, readings: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    told = ("--registry", str(folder / REGISTRY_DIR), "--readings", str(readings), "--out", str(out))
    return command("backtest", *told, *options)


def test_the_same_input_gives_the_same_bytes(folder: Path, registry: Registry, whole: Path, tmp_path: Path) -> None:
    report = run(registry, folder / READINGS_FILE, tmp_path / "again")
    assert same_bytes(whole, tmp_path / "again")
    assert report.alerts == len(rows(whole / "alerts.csv")) > 10
    assert report.days == len(rows(whole / "days.csv")) == len(registry.scopes) * 7
    assert report.faults == {}


def test_order_and_duplicates_do_not_show(folder: Path, registry: Registry, whole: Path, tmp_path: Path) -> None:
    header, *lines = (folder / READINGS_FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    shuffled = lines + lines[::5]
    random.Random(4).shuffle(shuffled)
    cut = len(shuffled) // 3
    parts = [tmp_path / "one.csv", tmp_path / "two.csv"]
    parts[0].write_text("".join([header, *shuffled[:cut]]), encoding="utf-8")
    parts[1].write_text("".join([header, *shuffled[cut:]]), encoding="utf-8")
    report = run_backtest(registry, parts, tmp_path / "out", BacktestOptions(), clock_now_s=NOW_S)
    assert same_bytes(whole, tmp_path / "out")
    assert report.rows == len(shuffled)


def test_as_of_hides_what_was_collected_later(folder: Path, registry: Registry, tmp_path: Path) -> None:
    known = tmp_path / "known.csv"
    later = 0
    with (folder / READINGS_FILE).open(encoding="utf-8", newline="") as whole_file, known.open("w", newline="") as file:
        reader = csv.DictReader(whole_file)
        writer = csv.DictWriter(file, reader.fieldnames or (), lineterminator="\n")
        writer.writeheader()
        for row in reader:
            if row["coll"] <= NOON:  # one zone: text order is time order
                writer.writerow(row)
            else:
                later += row["ts"] <= NOON
    assert later > 20
    options = BacktestOptions(as_of=NOON_S)
    run(registry, folder / READINGS_FILE, tmp_path / "hidden", options)
    run(registry, known, tmp_path / "known", options)
    assert same_bytes(tmp_path / "hidden", tmp_path / "known")
    assert max(r["slot_end"] for r in rows(tmp_path / "hidden" / "slots.csv")) == NOON
    without = run(registry, folder / READINGS_FILE, tmp_path / "all")
    assert without.as_of == END_S
    assert without.accepted == without.rows


def test_from_and_to_filter_the_output_only(folder: Path, registry: Registry, whole: Path, tmp_path: Path) -> None:
    begin, end = START_S + 2 * 86_400, START_S + 3 * 86_400
    run(registry, folder / READINGS_FILE, tmp_path / "day", BacktestOptions(begin=begin, end=end))
    first, last = "2017-11-16T00:15:00+08:00", "2017-11-17T00:00:00+08:00"
    expected = [r for r in rows(whole / "slots.csv") if first <= r["slot_end"] <= last]
    assert rows(tmp_path / "day" / "slots.csv") == expected
    assert rows(tmp_path / "day" / "days.csv") == [r for r in rows(whole / "days.csv") if r["date"] == "2017-11-16"]
    touching = [r for r in rows(whole / "alerts.csv") if r["last_slot_end"] >= first and r["first_slot_end"] <= last]
    assert rows(tmp_path / "day" / "alerts.csv") == touching
    assert 0 < len(touching) < len(rows(whole / "alerts.csv"))


def test_without_slots(folder: Path, registry: Registry, whole: Path, tmp_path: Path) -> None:
    run(registry, folder / READINGS_FILE, tmp_path / "out", BacktestOptions(with_slots=False))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["alerts.csv", "days.csv"]
    assert (tmp_path / "out" / "days.csv").read_bytes() == (whole / "days.csv").read_bytes()


def test_parquet_holds_the_same_rows(folder: Path, registry: Registry, whole: Path, tmp_path: Path) -> None:
    run(registry, folder / READINGS_FILE, tmp_path / "out", BacktestOptions(format="parquet"))
    for name in ("alerts", "days", "slots"):
        table = pyarrow.parquet.read_table(tmp_path / "out" / f"{name}.parquet").to_pylist()
        twins = rows(whole / f"{name}.csv")
        assert len(table) == len(twins)
        for row, twin in zip(table, twins, strict=True):
            assert list(row) == list(twin)
            for column, text in twin.items():
                value = row[column]
                assert ("" if value is None else value) == (float(text) if isinstance(value, float) else text)


def test_alerts_say_nothing_of_work_and_none_is_retracted_or_pending(whole: Path) -> None:
    conditions = {r["condition"] for r in rows(whole / "alerts.csv")}
    assert conditions <= {"firing", "recovering", "closed"}
    assert {r["evidence"] for r in rows(whole / "alerts.csv")} == {"provisional", "final"}


def test_slots_are_sorted_and_complete_for_silent_scopes_too(registry: Registry, whole: Path) -> None:
    slots = rows(whole / "slots.csv")
    keys = [(r["scope_id"], r["slot_end"]) for r in slots]
    assert keys == sorted(set(keys))
    counts = {s.scope_id: 0 for s in registry.scopes}
    for scope_id, _ in keys:
        counts[scope_id] += 1
    assert set(counts.values()) == {7 * 96}
    assert all(r["load_kw"] == "" for r in slots if r["coverage"] != "1.000" and r["verdict"] != "violating")


def test_bad_rows_are_counted_and_named_and_the_others_used(
    folder: Path, registry: Registry, whole: Path, tmp_path: Path
) -> None:
    text = (folder / READINGS_FILE).read_text(encoding="utf-8")
    good = text.splitlines()[1].split(",")
    columns = text.splitlines()[0].split(",")

    def bad(**changes: str) -> str:
        return ",".join(changes.get(c, v) for c, v in zip(columns, good, strict=True))

    faults = [
        bad(meter_id="nobody"),
        bad(value="much"),
        bad(ts="yesterday"),
        bad(unit="furlong"),
        bad(ts="2017-11-14T00:07:00+08:00"),
    ]
    spoilt = tmp_path / "spoilt.csv"
    spoilt.write_text(text + "\n".join(faults) + "\n", encoding="utf-8")
    report = run(registry, spoilt, tmp_path / "out")
    assert same_bytes(whole, tmp_path / "out")
    assert sum(report.faults.values()) == len(faults)
    assert report.rows == report.accepted + len(faults)
    assert {"unknown_meter", "bad_type", "bad_ts", "bad_unit", "misaligned"} == set(report.faults)
    told = {(example.row, example.column) for example in report.examples}
    assert len(told) == len(faults)
    assert all(str(spoilt) in example.file for example in report.examples)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("meter_id,value\nx,1\n", "ts"),
        ("", "readings.csv"),
        ("meter_id,ts,value\nnobody,2017-11-14T00:15:00+08:00,1\n", "no reading"),
    ],
    ids=["a column is missing", "empty", "no row is good"],
)
def test_bad_input_is_refused_and_nothing_is_written(registry: Registry, tmp_path: Path, text: str, names: str) -> None:
    readings = tmp_path / "readings.csv"
    readings.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=names):
        run(registry, readings, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["readings.csv"]


def test_what_fails_while_writing_leaves_the_last_result_alone(
    folder: Path, registry: Registry, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(registry, folder / READINGS_FILE, out, BacktestOptions(with_slots=False))
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    with pytest.raises(InputError, match="csv or parquet"):
        run(registry, folder / READINGS_FILE, out, replace(BacktestOptions(), format="stone"))
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_files_of_an_earlier_run_do_not_stay(folder: Path, registry: Registry, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "slots.csv").write_text("of an earlier run\n", encoding="utf-8")
    (out / "notes.txt").write_text("the office's own\n", encoding="utf-8")
    run(registry, folder / READINGS_FILE, out, BacktestOptions(with_slots=False))
    assert sorted(p.name for p in out.iterdir()) == ["alerts.csv", "days.csv", "notes.txt"]


def test_command_judges_and_reports(folder: Path, whole: Path, tmp_path: Path) -> None:
    done = backtest(folder, folder / READINGS_FILE, tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["as_of"] == END_S
    assert report["alerts"] == len(rows(whole / "alerts.csv"))
    assert same_bytes(whole, tmp_path / "out")


def test_command_names_bad_rows_on_standard_error(folder: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.csv"
    text = (folder / READINGS_FILE).read_text(encoding="utf-8")
    spoilt.write_text(f"{text}nobody,2017-11-14T00:15:00+08:00,1,,,,,,,\n", encoding="utf-8")
    done = backtest(folder, spoilt, tmp_path / "out", "--no-slots", "--from", NOON, "--to", "2017-11-17T00:00:00+08:00")
    assert done.returncode == 0, done.stderr
    assert "unknown_meter: 1 row\n" in done.stderr
    assert f"spoilt.csv, row {text.count(chr(10)) + 1}, meter_id 'nobody'" in done.stderr
    assert "alerts ->" in done.stdout
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["alerts.csv", "days.csv"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--as-of", "noon"), "--as-of"),
        (("--format", "stone"), "--format"),
        (("--readings", "nowhere.csv"), "nowhere.csv"),
        (("--registry", "nowhere"), "nowhere"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_command_refuses_bad_usage_with_2_and_writes_nothing(
    folder: Path, tmp_path: Path, options: tuple[str, str], names: str
) -> None:
    done = backtest(folder, folder / READINGS_FILE, tmp_path / "out", *options)
    assert done.returncode == 2
    assert names in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
