"""The back-test: registry and readings files in, verdicts, days and alerts out, without Kafka or database."""

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from consumers.backtest_baselines import BaselineOptions, FittedBaseline, fit_missing, write_baselines
from consumers.backtest_pictures import Pictures
from consumers.backtest_rows import (
    ALERT_COLUMNS,
    DAY_COLUMNS,
    SLOT_COLUMNS,
    alert_rows,
    day_columns,
    slot_columns,
    touching,
)
from consumers.backtest_write import sink
from consumers.file_account import Account, RowFault
from consumers.files import readings_in
from detectors.errors import InputError
from detectors.history import History
from detectors.judge import DayResult
from detectors.reading_days import ReadingDays
from detectors.readings import Bool, ReadingColumns
from detectors.registry import Registry
from detectors.slots import local_day
from detectors.world import World, compile_world
from service.calendar import office_day_type

#: Scopes that are judged at a time, over all days: the arrays of a day stay in cache; their slots stay in memory.
BLOCK_SCOPES = 1_000
BLOCK_SCOPES_WITH_SLOTS = 250
#: Every file that a back-test may write.
OUTPUTS = tuple(f"{name}.{form}" for name in ("slots", "days", "alerts") for form in ("csv", "parquet"))
OUTPUTS += ("baselines.csv",)
#: Folder of the alerts' pictures.
PICTURES = "evidence"


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """What a back-test is asked for. Times are epoch seconds; None: the default of CONTRACTS §3."""

    as_of: int | None = None
    begin: int | None = None
    end: int | None = None
    with_slots: bool = True
    with_pictures: bool = False
    format: str = "csv"
    slot_s: int = 900
    baselines: BaselineOptions | None = None


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
    baselines: tuple[FittedBaseline, ...] = ()


def run_backtest(
    registry: Registry, readings: Sequence[Path], out: Path, options: BacktestOptions, *, clock_now_s: float
) -> BacktestReport:
    """Judge files and write ``slots``, ``days`` and ``alerts`` into ``out``, and fitted ``baselines``.

    clock_now_s: the machine's clock; only rows without coll are held against it. Raises InputError on bad input; then
    nothing was written.
    """
    world = compile_world(registry, options.slot_s, office_day_type(registry))
    account = Account()
    held = ReadingDays(world)
    accepted = 0
    for columns, has_coll in readings_in(readings, world.registry, account, clock_now_s=clock_now_s):
        if options.as_of is not None:
            columns = visible(columns, has_coll, options.as_of)
        accepted += len(columns)
        held.add(columns)
    as_of = options.as_of if options.as_of is not None else held.last_ts
    if as_of is None:
        raise InputError("no reading could be accepted and no --as-of is given: there is nothing to judge")
    history = History(world, held, as_of)
    fitted: tuple[FittedBaseline, ...] = ()
    if options.baselines is not None:
        registry, fitted = fit_missing(history, registry, options.baselines)
        world = compile_world(registry, options.slot_s, office_day_type(registry))
        history.rebase(world)
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        if options.baselines is not None:
            write_baselines(registry, work)
        n_days, n_alerts = _write(world, history, work, options)
        out.mkdir(parents=True, exist_ok=True)
        for name in OUTPUTS:  # of an earlier run: it would read as a part of this one
            (out / name).unlink(missing_ok=True)
        shutil.rmtree(out / PICTURES, ignore_errors=True)
        for path in sorted(work.iterdir()):
            path.replace(out / path.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return BacktestReport(
        as_of=as_of,
        rows=account.rows,
        accepted=accepted,
        lost=held.lost,
        faults=dict(sorted(account.counts.items())),
        examples=tuple(account.examples),
        days=n_days,
        alerts=n_alerts,
        baselines=fitted,
    )


def visible(columns: ReadingColumns, has_coll: Bool, as_of: int) -> ReadingColumns:
    """The readings that exist at as_of: later ones are hidden, and what was collected after it (SEMANTICS §1.3)."""
    return columns.take((columns.ts <= as_of) & (~has_coll | (columns.coll <= as_of * 1000)))


def _write(world: World, history: History, folder: Path, options: BacktestOptions) -> tuple[int, int]:
    """Judge and write the three files; slots and days run by scope, then time."""
    by_name = sorted(range(len(world.scope_ids)), key=lambda s: world.scope_ids[s])
    n_days = 0
    with ExitStack() as files:
        days = files.enter_context(sink(folder, "days", DAY_COLUMNS, options.format))
        slots = None
        if options.with_slots:
            slots = files.enter_context(sink(folder, "slots", SLOT_COLUMNS, options.format))
        pictures = Pictures(world, history.as_of, folder / PICTURES) if options.with_pictures else None
        with_slots = options.with_slots or pictures is not None
        size = BLOCK_SCOPES_WITH_SLOTS if with_slots else BLOCK_SCOPES
        for at in range(0, len(by_name), size):
            block = by_name[at : at + size]
            scopes = np.array(sorted(block), np.int64)
            places = np.searchsorted(scopes, block).tolist()
            judged: Iterable[DayResult] = history.judge(scopes, with_slots=with_slots)
            if pictures is not None:
                judged = list(judged)
            kept = [r for r in judged if _is_asked_for(world, r, history.as_of, options)]
            if not kept:
                continue
            days.write(day_columns(world, kept, scopes, places))
            n_days += len(kept) * len(block)
            if slots is not None:
                for s, place in zip(block, places, strict=True):
                    for columns in slot_columns(world, kept, s, place, options.begin, options.end):
                        slots.write(columns)
            if pictures is not None:
                of_block = {world.scope_ids[s]: place for s, place in zip(block, places, strict=True)}
                shown = touching(history.alerts.values(), world.slot_s, options.begin, options.end)
                pictures.write([a for a in shown if a.scope_id in of_block], of_block, list(judged))
    rows = alert_rows(world, history.alerts.values(), history.as_of, options.begin, options.end)
    with sink(folder, "alerts", ALERT_COLUMNS, options.format) as alerts:
        alerts.write([list(c) for c in zip(*rows, strict=True)] if rows else [[] for _ in ALERT_COLUMNS])
    return n_days, len(rows)


def _is_asked_for(world: World, result: DayResult, as_of: int, options: BacktestOptions) -> bool:
    """Whether the judged slots of a day touch ``[begin, end)``."""
    end_slot = min(local_day(world.zone, result.day, world.slot_s).end_slot, as_of // world.slot_s)
    is_later = options.end is not None and result.first_slot * world.slot_s >= options.end
    return not is_later and (options.begin is None or end_slot * world.slot_s > options.begin)
