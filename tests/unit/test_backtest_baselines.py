"""``cuofeng backtest --baseline-from --baseline-to``: baselines fitted from the files, and read back as a table."""

import csv
import json
import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from detectors.registry import Baseline, Registry
from service.baselines.reference import Period, wanted_scopes
from service.cli import backtest
from service.demo.registry_files import write_registry
from tests.integration.baseline_world import FROM, REGISTRY, SEASON, TO, at, readings, write_readings

VERSION = f"fit-{FROM}/{TO}"
PERIOD = ("--baseline-from", FROM.isoformat(), "--baseline-to", TO.isoformat())
COMMAND = typer.Typer()
backtest.register(COMMAND)
FILES = ("slots.csv", "days.csv", "alerts.csv")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the registry and its readings."""
    folder = tmp_path_factory.mktemp("world")
    write_registry(REGISTRY, folder / "registry")
    write_readings(folder / "readings.csv", readings(date(2017, 11, 18)))
    return folder


def run(world: Path, out: Path, *more: str, registry: str = "registry") -> Result:
    """Run the command."""
    arguments = ["--registry", str(world / registry), "--readings", str(world / "readings.csv"), "--out", str(out)]
    return CliRunner().invoke(COMMAND, [*arguments, *more])


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_scopes_without_a_baseline_get_one_and_its_file_gives_the_same_result(world: Path, tmp_path: Path) -> None:
    done = run(world, tmp_path / "one", *PERIOD, "--json")
    assert done.exit_code == 0, done.output
    told = {b["scope_id"]: b for b in json.loads(done.stdout)["baselines"]}
    assert set(told) == {"A", "B"}
    assert told["B"]["days_dropped"].keys() >= {"order_day", "outage", "coverage", "holiday"}
    assert told["A"]["confidence"] == "high"

    slots = table(tmp_path / "one" / "slots.csv")
    versions = {r["baseline_version"] for r in slots if r["order_id"] == "stop"}
    assert versions == {VERSION}
    assert {r["baseline_version"] for r in slots if r["order_id"] == "early"} == {""}
    assert {r["verdict"] for r in slots if r["order_id"] == "stop"} == {"compliant", "violating"}
    rows = table(tmp_path / "one" / "baselines.csv")
    assert {r["from"] for r in rows} == {f"{TO}T00:00:00+08:00"}

    shutil.copytree(world / "registry", world / "again", dirs_exist_ok=True)
    shutil.copy(tmp_path / "one" / "baselines.csv", world / "again" / "baselines.csv")
    assert run(world, tmp_path / "two", registry="again").exit_code == 0
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    third = run(world, tmp_path / "three", *PERIOD, registry="again")
    assert "no scope that an order asks for is without one" in third.stdout
    assert (tmp_path / "three" / "baselines.csv").read_bytes() == (tmp_path / "one" / "baselines.csv").read_bytes()


def test_without_the_options_nothing_is_fitted_and_no_file_is_left(world: Path, tmp_path: Path) -> None:
    assert run(world, tmp_path / "out", *PERIOD).exit_code == 0
    assert run(world, tmp_path / "out").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    assert {r["baseline_version"] for r in table(tmp_path / "out" / "slots.csv")} == {""}


def test_a_scope_that_cannot_be_fitted_is_told_and_stays_unknown(world: Path, tmp_path: Path) -> None:
    week = ("--baseline-from", "2017-10-02", "--baseline-to", "2017-10-08")
    done = run(world, tmp_path / "out", *week)
    assert done.exit_code == 0
    assert "0 fitted, 2 could not be" in done.stdout
    assert "holiday 6" in done.stdout
    stopped = [r for r in table(tmp_path / "out" / "slots.csv") if r["order_id"] == "stop"]
    assert {(r["verdict"], r["reasons"]) for r in stopped} == {("unknown", "no_baseline")}


def test_days_under_an_order_are_left_out_so_that_nobody_is_judged_by_them(world: Path, tmp_path: Path) -> None:
    beyond = SEASON + timedelta(days=2)
    done = run(
        world, tmp_path / "out", "--baseline-from", FROM.isoformat(), "--baseline-to", beyond.isoformat(), "--json"
    )
    told = {b["scope_id"]: b for b in json.loads(done.stdout)["baselines"]}
    assert told["A"]["days_dropped"]["order_day"] == 2
    stopped = [r for r in table(tmp_path / "out" / "slots.csv") if r["order_id"] == "stop"]
    assert {r["baseline_version"] for r in stopped if r["slot_end"] <= f"{beyond}T00:00:00+08:00"} == {""}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--baseline-from", "2017-10-01"), "--baseline-to is missing"),
        (("--baseline-to", "2017-10-01"), "--baseline-from is missing"),
        (("--baseline-from", "2017-10-01", "--baseline-to", "2017-09-01"), "has no day"),
        (("--baseline-from", "1.10.2017", "--baseline-to", "2017-11-01"), "--baseline-from 1.10.2017: not a date"),
        ((*PERIOD, "--set", "*:stop_run.margin=0.1"), "fit first"),
    ],
)
def test_bad_options_are_refused_and_nothing_is_written(
    world: Path, tmp_path: Path, options: Sequence[str], told: str
) -> None:
    done = run(world, tmp_path / "out", *options)
    assert done.exit_code != 0
    assert told in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_a_scope_is_wanted_where_it_is_ordered_and_nothing_holds() -> None:
    later = Baseline("A", "V", at(SEASON), 5.0)
    over = Baseline("A", "V", 0, 5.0, at(TO))
    nothing = Baseline("A", "V", 0, 0.0)
    wanted = [wanted_scopes(Registry(orders=REGISTRY.orders, baselines=(b,)), at(TO)) for b in (later, over, nothing)]
    assert wanted == [["B"], ["A", "B"], ["A", "B"]]


def test_the_year_before_a_leap_day() -> None:
    assert Period(date(2016, 2, 29), date(2016, 3, 1)).year_before() == Period(date(2015, 2, 28), date(2015, 3, 1))
    assert Period(date(2016, 2, 28), date(2016, 2, 29)).year_before() == Period(date(2015, 2, 28), date(2015, 3, 1))
