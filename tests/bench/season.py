"""A season judged from a Parquet file: registry and readings in, days and alerts out, no slot rows."""

from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt
import pyarrow
import pyarrow.parquet

from consumers.backtest import BacktestOptions, run_backtest
from detectors.registry import with_default_scopes
from tests.bench.stream import BEGIN_S, SLOT_S, Backlog, registry_of

DAY_SLOTS = 96
#: Slots of meters that are not there, and plants that run at night in spite of their order.
SILENT_SHARE = 0.002
BREAKING_SHARE = 0.02


def season_s(scopes: int, days: int, folder: Path) -> float:
    """Seconds from file to files, for one meter a scope and a reading a slot."""
    backlog = Backlog(scopes, days * DAY_SLOTS)
    registry = with_default_scopes(registry_of(backlog))
    readings = folder / "readings.parquet"
    _write(readings, backlog)
    begun = perf_counter()
    report = run_backtest(
        registry, [readings], folder / "out", BacktestOptions(with_slots=False), clock_now_s=float(backlog.end_s)
    )
    took_s = perf_counter() - begun
    if report.days != scopes * days or not report.alerts or report.faults:
        raise RuntimeError(f"the season was not judged as planned: {report}")
    return took_s


def _write(path: Path, backlog: Backlog) -> None:
    """A file as an archive hands it over: slot after slot, ids as text, times in UTC."""
    chance = np.random.default_rng(210)
    load_kw = _loads_kw(backlog, chance)
    spoken = chance.random(load_kw.shape) >= SILENT_SHARE
    slot, meter = np.nonzero(spoken)
    ids = pyarrow.array([f"M{i}" for i in range(backlog.meters)])
    ends_ms = (BEGIN_S + (slot + 1) * SLOT_S) * 1000
    table = pyarrow.table(
        {
            "meter_id": pyarrow.DictionaryArray.from_arrays(pyarrow.array(meter.astype(np.int32)), ids),
            "ts": pyarrow.array(ends_ms, pyarrow.timestamp("ms", tz="UTC")),
            "value": pyarrow.array(load_kw[spoken]),
        }
    )
    pyarrow.parquet.write_table(table, path)


def _loads_kw(backlog: Backlog, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    """[slots, meters]: odd plants are stopped, even ones limited (``registry_of``); a few do not care at night."""
    shape = (backlog.slots, backlog.meters)
    stopped = np.arange(backlog.meters) % 2 == 1
    load = np.where(stopped, chance.uniform(20, 40, shape), chance.uniform(350, 480, shape))
    hours = np.array([datetime.fromtimestamp(BEGIN_S + s * SLOT_S, UTC).hour for s in range(backlog.slots)])
    night = (hours >= 14) & (hours < 22)  # 22:00 to 06:00 in Zhengzhou
    breaking = chance.random(backlog.meters) < BREAKING_SHARE
    breaking[:2] = True
    return np.where(night[:, None] & breaking, 900.0, load)
