"""A season judged from a Parquet file: registry and readings in, days and alerts out, no slot rows."""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow
import pyarrow.parquet

from consumers.backtest import BacktestOptions, run_backtest
from detectors.registry import with_default_scopes
from tests.bench.report import Result
from tests.bench.world import DAY_SLOTS, SLOT_S, World

#: Slots of meters that are not there.
SILENT_SHARE = 0.002


def lines(options: argparse.Namespace) -> Iterator[Result]:
    """The back-test of a season, with baselines given by hand and with fitted ones."""
    size = f"{options.scopes} scopes x {options.days} days x {DAY_SLOTS} slots, Parquet to days and alerts"
    for name, is_fitted in (("backtest_season", False), ("backtest_season_fitted", True)):
        with tempfile.TemporaryDirectory() as folder:
            took_s = season_s(options.scopes, options.days, Path(folder), is_fitted=is_fitted)
        yield Result(name, took_s, "s", f"{size}, {'fitted baselines' if is_fitted else 'baselines given by hand'}")


def season_s(scopes: int, days: int, folder: Path, *, is_fitted: bool = False) -> float:
    """Seconds from file to files, for one meter a scope and a reading a slot."""
    world = World(scopes, days * DAY_SLOTS, is_fitted=is_fitted)
    registry = with_default_scopes(world.registry())
    readings = folder / "readings.parquet"
    _write(readings, world)
    begun = perf_counter()
    report = run_backtest(
        registry, [readings], folder / "out", BacktestOptions(with_slots=False), clock_now_s=float(world.end_s)
    )
    took_s = perf_counter() - begun
    if report.days != scopes * days or not report.alerts or report.faults:
        raise RuntimeError(f"the season was not judged as planned: {report}")
    return took_s


def _write(path: Path, world: World) -> None:
    """A file as an archive hands it over: slot after slot, ids as text, times in UTC."""
    load_kw = np.stack([world.loads_dkw(slot) for slot in range(world.slots)]) / 10
    spoken = np.random.default_rng(210).random(load_kw.shape) >= SILENT_SHARE
    slot, meter = np.nonzero(spoken)
    ids = pyarrow.array(world.meter_ids())
    ends_ms = (world.begin_s + (slot + 1) * SLOT_S) * 1000
    table = pyarrow.table(
        {
            "meter_id": pyarrow.DictionaryArray.from_arrays(pyarrow.array(meter.astype(np.int32)), ids),
            "ts": pyarrow.array(ends_ms, pyarrow.timestamp("ms", tz="UTC")),
            "value": pyarrow.array(load_kw[spoken]),
        }
    )
    pyarrow.parquet.write_table(table, path)
