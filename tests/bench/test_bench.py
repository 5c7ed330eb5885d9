"""The benchmark runs and writes what CONTRACTS §5 says; how fast it is, is not judged here."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.growth import cases
from tests.bench.latency import Course
from tests.bench.messages import Form, count, encode
from tests.bench.world import DAY_SLOTS, SLOT_S, World

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_a_small_run_measures_with_real_processes_and_names_its_size(tmp_path: Path) -> None:
    out = tmp_path / "build" / "bench.json"
    small = (
        "--only",
        "ingest_judge,kernel,season",
        "--broker",
        "embedded",
        "--readings",
        "4000",
        "--meters",
        "40",
        "--scopes",
        "42",
        "--days",
        "2",
    )
    done = bench(*small, "--kernel-s", "0.05", "--out", str(out))
    assert done.returncode == 0, done.stderr
    written = json.loads(out.read_text(encoding="utf-8"))
    results = {r["name"]: r for r in written["results"]}
    rules = [
        *("stop_run", "limit_slot", "cap_abs", "units_over", "limit_day", "stop_day", "hours_over", "limit_pace"),
        *("night_run", "step_up", "over_capacity"),
    ]
    assert {name: r["unit"] for name, r in results.items()} == {
        "drain": "readings/s",
        "ingest_judge": "readings/s",
        **{f"kernel.{rule}": "scope-slots/s" for rule in rules},
        "kernel_sequences": "scope-slots/s",
        "kernel": "scope-slots/s",
        "backtest_season": "s",
        "backtest_season_fitted": "s",
    }
    assert all(r["value"] > 0 for r in results.values())
    judged = results["ingest_judge"]
    assert judged["ratio_to"] == "drain"
    assert judged["ratio"] == pytest.approx(judged["value"] / results["drain"]["value"], rel=0.01)
    assert judged["size"].startswith("4000 readings, 40 meters; CPU us a reading: evaluate ")
    assert results["backtest_season"]["size"].startswith("42 scopes x 2 days x 96 slots")
    assert all(name in done.stdout and results[name]["size"] in done.stdout for name in results)
    assert set(written["machine"]) == {"cpus", "memory_gib", "python"}


@pytest.mark.java
def test_kafka_streams_runs_beside_it_on_apache_kafka(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    small = ("--only", "ingest_judge,kafka_streams", "--readings", "4000", "--meters", "40", "--broker", "apache")
    done = bench(*small, "--out", str(out))
    assert done.returncode == 0, done.stderr
    results = {r["name"]: r for r in json.loads(out.read_text(encoding="utf-8"))["results"]}
    judged = results.pop("ingest_judge.apache")
    assert set(judged["ratios"]) == {"drain.apache", "kafka_streams.apache"}
    assert set(results) == {"drain.apache", "kafka_streams.apache", "kafka_streams_unlogged.apache"}


@pytest.mark.parametrize("arguments", [("--readings", "3000001"), ("--readings", "10"), ("--only", "nothing")])
def test_sizes_that_make_no_sense_are_refused(arguments: tuple[str, str], tmp_path: Path) -> None:
    done = bench(*arguments, "--out", str(tmp_path / "bench.json"))
    assert done.returncode == 2
    assert "usage: python -m tests.bench" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "slots, runs", [(18, 0), (19, 1), (48, 1), (96, 1), (114, 1), (115, 2)], ids=lambda value: str(value)
)
def test_a_world_knows_how_many_runs_it_holds(slots: int, runs: int) -> None:
    world = World(41, slots)  # of 41 plants only number 1 is stopped and breaks its order
    assert world.stop_runs() == runs
    over = [bool(world.loads_dkw(slot)[1] > 1_000) for slot in range(slots)]
    begins = [s for s in range(len(over) - 2) if all(over[s : s + 3]) and not (s and over[s - 1])]
    assert len(begins) == runs


@pytest.mark.parametrize("form", list(Form))
def test_every_form_of_the_messages_holds_the_same_readings(form: Form) -> None:
    world = World(4, DAY_SLOTS)
    messages = list(encode(world, form))
    assert len(messages) == count(world, form)
    loads: dict[tuple[str, int], float] = {}
    for part, stamp_ms, key, value, _headers in messages:
        body = json.loads(value)
        assert body["meter_id"] == key.decode()
        assert part == int(key[2:]) % 4
        first = datetime.fromisoformat(body["t0"] if form is Form.FRAME else body["ts"])
        if form is Form.FRAME:
            values = body["values"]
        else:
            values = [body["kw"] if form is Form.SHORT else body["value"] * body["t_factor"]]
        for step, kw in enumerate(values):
            loads[(body["meter_id"], int(first.timestamp()) + step * SLOT_S)] = kw
        assert stamp_ms // 1000 > int(first.timestamp()) + (len(values) - 1) * SLOT_S
    for slot in range(world.slots):
        for meter, dkw in zip(world.meter_ids(), world.loads_dkw(slot).tolist(), strict=True):
            assert loads[(meter, world.begin_s + (slot + 1) * SLOT_S)] == pytest.approx(dkw / 10)


def test_the_block_of_the_page_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    begin, end = "<!-- bench: begin -->", "<!-- bench: end -->"
    page.write_text(f"before\n\n{begin}\nold\n{end}\n\nafter\n", encoding="utf-8")
    lines = report.table([report.Result("drain", 1234.5, "readings/s", "few", {"x": 0.5})])
    report.write_block("bench", "make bench", lines, page)
    written = page.read_text(encoding="utf-8")
    assert written.startswith(f"before\n\n{begin}\n`make bench` on ")
    assert "| `drain` | 1,234 | readings/s | 0.500 of x | few |" in written
    assert "old" not in written
    assert written.endswith(f"{end}\n\nafter\n")
    with pytest.raises(ValueError, match="has not one"):
        report.write_block("growth", "make bench", lines, page)


@pytest.mark.parametrize("block", ["bench", "growth"])
def test_the_page_has_a_place_for_the_last_run(block: str) -> None:
    page = report.DOCS.read_text(encoding="utf-8")
    assert page.count(f"<!-- {block}: begin -->") == page.count(f"<!-- {block}: end -->") == 1


def test_growth_varies_size_and_history_with_one_process_and_then_the_processes() -> None:
    sizes = [(c.meters, c.days, c.processes) for c in cases([10, 20], [1, 5], [1, 2], whole=False)]
    assert sizes == [(10, 1, 1), (20, 1, 1), (10, 5, 1), (20, 5, 1), (20, 1, 2)]
    assert len(set(cases([10, 20], [1, 5], [1, 2], whole=True))) == 8


def test_every_stopped_plant_opens_one_alert_in_a_course_of_latency() -> None:
    course, world = Course(plants=10, seconds=15), World(20, 15)
    loads = [course.loads_dkw(world, second) for second in range(course.seconds)]
    opening = [course.opening(second) for second in range(course.seconds)]
    assert sorted(meter for meters in opening for meter in meters) == [f"MP{i:08d}" for i in range(1, 10, 2)]
    for second, meters in enumerate(opening):
        for i in (int(meter[2:]) for meter in meters):
            over = [bool(load[i] > 1_000) for load in loads]
            assert over == [second - 2 <= s <= second for s in range(course.seconds)]
    assert all((load[::2] < 4_667).all() for load in loads)
