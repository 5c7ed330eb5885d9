"""Two settings over the same files: what the second one would have changed (``cuofeng backtest --against``)."""

import csv
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from consumers.backtest import BLOCK_SCOPES, BacktestOptions, visible
from consumers.backtest_rows import touching
from consumers.file_account import Account
from consumers.files import readings_in
from detectors.alerts import Alert
from detectors.comparison import JudgedDays, compare
from detectors.errors import InputError
from detectors.history import History
from detectors.reading_days import ReadingDays
from detectors.registry import Registry
from detectors.world import World, compile_world
from service.calendar import office_day_type
from service.whatif.document import COLUMNS, document, rows

#: What is written.
FILE = "against.csv"


@dataclass(frozen=True, slots=True)
class _Judged:
    """One setting's side."""

    world: World
    as_of: int
    alerts: list[Alert]
    days: JudgedDays
    account: Account


def run_against(
    before: Registry,
    after: Registry,
    readings: Sequence[Path],
    out: Path,
    options: BacktestOptions,
    *,
    clock_now_s: float,
) -> tuple[dict[str, Any], Counter[str]]:
    """Judge the files by both registries as of the same instant and write ``against.csv`` into ``out``; the document,
    and the faults of the rows as the first registry found them.

    clock_now_s as ``run_backtest`` takes it. Raises InputError on bad input; then nothing was written.
    """
    one = _judged(before, readings, options, clock_now_s)
    other = _judged(after, readings, options, clock_now_s, one.as_of)
    found = compare(one.alerts, other.alerts, one.days, other.days)
    plant_of = {s.scope_id: s.plant_id for side in (other, one) for s in side.world.registry.scopes}
    world = one.world
    told = document(found, plant_of, as_of=one.as_of, zone=world.zone, slot_s=world.slot_s)
    _write(out, rows(told))
    return told, one.account.counts


def _judged(
    registry: Registry,
    readings: Sequence[Path],
    options: BacktestOptions,
    clock_now_s: float,
    default_as_of: int | None = None,
) -> _Judged:
    """One side. default_as_of: where none is asked for; it hides what was measured later, and no late collection."""
    world = compile_world(registry, options.slot_s, office_day_type(registry))
    account, held = Account(), ReadingDays(world)
    for columns, has_coll in readings_in(readings, world.registry, account, clock_now_s=clock_now_s):
        if options.as_of is not None:
            columns = visible(columns, has_coll, options.as_of)
        elif default_as_of is not None:
            columns = columns.take(columns.ts <= default_as_of)
        held.add(columns)
    as_of = next((t for t in (options.as_of, default_as_of, held.last_ts) if t is not None), None)
    if as_of is None:
        raise InputError("no reading could be accepted and no --as-of is given: there is nothing to judge")
    history = History(world, held, as_of)
    names = sorted(range(len(world.scope_ids)), key=lambda s: world.scope_ids[s])
    within = np.array([_is_asked_for(world, d.first_slot, d.end_slot, options) for d in history.days], np.bool_)
    parts = []
    for at in range(0, len(names), BLOCK_SCOPES):
        block = names[at : at + BLOCK_SCOPES]
        scopes = np.array(sorted(block), np.int64)
        verdicts = [result.rows.verdict for result in history.judge(scopes, with_slots=False)]
        if verdicts:
            parts.append(np.stack(verdicts, axis=1)[np.searchsorted(scopes, block)][:, within])
    days = tuple(d.day for d, is_in in zip(history.days, within.tolist(), strict=True) if is_in)
    verdict = np.concatenate(parts) if parts else np.zeros((len(names), len(days)), np.uint8)
    judged = JudgedDays(tuple(world.scope_ids[s] for s in names), days, verdict.astype(np.uint8))
    alerts = touching(history.alerts.values(), world.slot_s, options.begin, options.end)
    return _Judged(world, as_of, alerts, judged, account)


def _is_asked_for(world: World, first_slot: int, end_slot: int, options: BacktestOptions) -> bool:
    """Whether a local day touches ``[begin, end)``."""
    is_later = options.end is not None and first_slot * world.slot_s >= options.end
    return not is_later and (options.begin is None or end_slot * world.slot_s > options.begin)


def _write(out: Path, lines: list[list[str]]) -> None:
    """Whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{FILE}-", dir=out)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(lines)
        Path(name).replace(out / FILE)
    finally:
        Path(name).unlink(missing_ok=True)
