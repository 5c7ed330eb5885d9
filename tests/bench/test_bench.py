"""The benchmark runs and writes what CONTRACTS §5 says; how fast it is, is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_a_small_run_measures_every_path_and_names_its_size(tmp_path: Path) -> None:
    out = tmp_path / "build" / "bench.json"
    small = ("--messages", "4000", "--meters", "40", "--scopes", "12", "--days", "2", "--kernel-s", "0.05")
    done = bench(*small, "--out", str(out))
    assert done.returncode == 0, done.stderr
    written = json.loads(out.read_text(encoding="utf-8"))
    results = {r["name"]: r for r in written["results"]}
    units = {name: r["unit"] for name, r in results.items()}
    assert units == {
        "drain": "readings/s",
        "ingest": "readings/s",
        "ingest_judge": "readings/s",
        "kernel": "scope-slots/s",
        "backtest_season": "s",
        "rss": "MiB",
    }
    assert all(r["value"] > 0 for r in results.values())
    for name in ("ingest", "ingest_judge"):
        assert results[name]["ratio_to"] == "drain"
        assert results[name]["ratio"] == pytest.approx(results[name]["value"] / results["drain"]["value"], rel=0.01)
    assert results["ingest"]["size"] == "4000 single readings, 40 meters"
    assert results["backtest_season"]["size"].startswith("12 scopes x 2 days x 96 slots")
    assert all(name in done.stdout and results[name]["size"] in done.stdout for name in results)


@pytest.mark.parametrize("arguments", [("--messages", "3000001"), ("--messages", "10"), ("--days", "0")])
def test_sizes_that_make_no_sense_are_refused(arguments: tuple[str, str], tmp_path: Path) -> None:
    done = bench(*arguments, "--out", str(tmp_path / "bench.json"))
    assert done.returncode == 2
    assert "usage: python -m tests.bench" in done.stderr
    assert list(tmp_path.iterdir()) == []
