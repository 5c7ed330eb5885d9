"""The back-test: registry and readings files in, verdicts, days and alerts out, without Kafka or database."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from consumers.backtest_rows import ALERT_COLUMNS, DAY_COLUMNS, SLOT_COLUMNS, alert_rows, day_lines, slot_columns
from consumers.backtest_write import Sink, sink
from consumers.file_account import RowFault
from consumers.files import ReadingsFile, read_readings
from detectors.errors import InputError
from detectors.history import History
from detectors.judge import DayResult
from detectors.readings import ReadingColumns, winners
from detectors.registry import Registry
from detectors.vocab import Scale
from detectors.world import World, compile_world
from service.calendar import office_day_type

#: Every file that a back-test may write.
OUTPUTS = tuple(f"{name}.{form}" for name in ("slots", "days", "alerts") for form in ("csv", "parquet"))


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """What a back-test is asked for. Times are epoch seconds; None: the default of CONTRACTS §3."""

    as_of: int | None = None
    begin: int | None = None
    end: int | None = None
    with_slots: bool = True
    format: str = "csv"
    slot_s: int = 900


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """What was judged, for the console and ``--json``."""

    as_of: int
    rows: int
    accepted: int
    lost: int
    faults: dict[str, int]
    examples: tuple[RowFault, ...]
    days: int
    alerts: int


def run_backtest(
    registry: Registry, readings: Sequence[Path], out: Path, options: BacktestOptions, *, clock_now_s: float
) -> BacktestReport:
    """Judge files and write ``slots``, ``days`` and ``alerts`` into ``out``.

    clock_now_s: the machine's clock; only rows without coll are held against it. Raises InputError on bad input; then
    nothing was written.
    """
    world = compile_world(registry, options.slot_s, office_day_type(registry))
    file = read_readings(readings, world.registry, clock_now_s=clock_now_s)
    as_of = options.as_of if options.as_of is not None else file.last_interval_end_s
    if as_of is None:
        raise InputError("no reading could be accepted and no --as-of is given: there is nothing to judge")
    columns = visible(file, as_of, explicit=options.as_of is not None)
    won, lost = resolve(world, columns)
    history = History(world, won, as_of)
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        n_days, n_alerts = _write(world, history, work, options)
        out.mkdir(parents=True, exist_ok=True)
        for name in OUTPUTS:  # of an earlier run: it would read as a part of this one
            (out / name).unlink(missing_ok=True)
        for path in sorted(work.iterdir()):
            path.replace(out / path.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return BacktestReport(
        as_of=as_of,
        rows=file.row_count,
        accepted=len(columns),
        lost=lost,
        faults=dict(sorted(file.fault_counts.items())),
        examples=tuple(file.faults),
        days=n_days,
        alerts=n_alerts,
    )


def visible(file: ReadingsFile, as_of: int, *, explicit: bool) -> ReadingColumns:
    """The readings that exist at as_of; an explicit one also hides what was collected after it (SEMANTICS §1.3)."""
    mask = file.columns.ts <= as_of
    if explicit:
        mask &= ~file.has_coll | (file.columns.coll <= as_of * 1000)
    return file.columns.take(mask)


def resolve(world: World, columns: ReadingColumns) -> tuple[ReadingColumns, int]:
    """Winners of the readings, and how many lost."""
    secondary = columns.scale == Scale.SECONDARY
    factor = np.ones(len(columns))
    factor[secondary] = world.factors(columns.meter[secondary].astype(np.int64), columns.ts[secondary])
    return winners(columns, np.nan_to_num(factor, nan=1.0))


def _write(world: World, history: History, folder: Path, options: BacktestOptions) -> tuple[int, int]:
    """Write the three files; slots and days run by scope, then time."""
    kept: list[DayResult] = []
    for result in history:
        first, last = result.first_slot, result.first_slot + result.slots.shape[1]
        if options.end is not None and first * world.slot_s >= options.end:
            continue
        if options.begin is not None and last * world.slot_s <= options.begin:
            continue
        kept.append(result)
    by_name = sorted(range(len(world.scope_ids)), key=lambda s: world.scope_ids[s])
    with sink(folder, "days", DAY_COLUMNS, options.format) as days:
        n_days = _write_days(world, kept, by_name, days)
    if options.with_slots:
        with sink(folder, "slots", SLOT_COLUMNS, options.format) as slots:
            for s in by_name:
                for columns in slot_columns(world, kept, s, options.begin, options.end):
                    slots.write(columns)
    rows = alert_rows(world, history.alerts.values(), history.as_of, options.begin, options.end)
    with sink(folder, "alerts", ALERT_COLUMNS, options.format) as alerts:
        alerts.write([list(c) for c in zip(*rows, strict=True)] if rows else [[] for _ in ALERT_COLUMNS])
    return n_days, len(rows)


def _write_days(world: World, kept: Sequence[DayResult], by_name: Sequence[int], days: Sink) -> int:
    count = 0

    def lines() -> Iterator[tuple[Any, ...]]:
        for s in by_name:
            yield from day_lines(world, kept, s)

    batch: list[tuple[Any, ...]] = []
    for line in lines():
        batch.append(line)
        count += 1
        if len(batch) == 20_000:
            days.write([list(c) for c in zip(*batch, strict=True)])
            batch = []
    if batch:
        days.write([list(c) for c in zip(*batch, strict=True)])
    return count
