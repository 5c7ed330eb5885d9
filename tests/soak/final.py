"""After the run: nothing lost, nothing twice, and days and alerts are those of a back-test of the same records."""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.backtest import BacktestOptions, run_backtest
from detectors.vocab import Verdict, code, reason_codes
from service.db.registry_load import load_registry
from service.db.settled import read_unsettled
from tests.integration.streamed import Stream
from tests.soak.office import SLOT_S

SHOWN = 5
#: Files have three decimals.
NEAR = 0.000501
TIMES = ("first_slot_end", "opened_at_slot_end", "last_slot_end", "closed_slot_end")
NUMBERS = ("peak_kw", "cap_kw", "energy_over_kwh", "coverage")
TEXTS = ("scope_id", "plant_id", "rule", "grade", "order_id", "condition")
Fields = dict[str, Any]


async def problems(engine: AsyncEngine, readings: Path, sent: int, as_of: int, work: Path) -> list[str]:
    """What is wrong, in words; judges everything up to ``as_of`` first. readings: the file of all rows sent."""
    found = [*await _account(engine, readings, sent)]
    await _judge_all(engine, as_of)
    async with engine.connect() as connection:
        registry = (await load_registry(connection)).registry
    options = BacktestOptions(as_of=as_of, with_slots=False, slot_s=SLOT_S)
    report = run_backtest(registry, [readings], work / "backtest", options, clock_now_s=float(as_of))
    if report.faults or report.rows != sent:
        found.append(f"the back-test read {report.rows} rows of {sent}, faults {report.faults}")
    if not report.alerts:
        found.append("the back-test found no alert: the run proves nothing")
    for name in ("alerts", "days"):
        stored = await (_alerts if name == "alerts" else _days)(engine)
        tested = dict(_tested(work / "backtest" / f"{name}.csv", name))
        if name == "days":  # what lies before the history may have a row, and says nothing in it
            begin = min(day for _, day in tested)
            stored = {k: v for k, v in stored.items() if k[1] >= begin or v["verdict"] != "no_order"}
        found += _differences(name, stored, tested)
    return found


async def _judge_all(engine: AsyncEngine, as_of: int) -> None:
    stream = Stream(engine, SLOT_S, as_of - SLOT_S)
    left = 1
    while left:
        await stream.judge_until(as_of)
        async with engine.connect() as connection:
            left = (await read_unsettled(connection, as_of // SLOT_S)).marks


async def _account(engine: AsyncEngine, readings: Path, sent: int) -> Iterator[str]:
    found: list[str] = []
    async with engine.connect() as connection:
        query = "SELECT outcome, sum(row_count)::bigint FROM ingest_account GROUP BY 1 HAVING sum(row_count) <> 0"
        outcomes = {row[0]: int(row[1]) for row in await connection.execute(text(query))}
        standing = int(await connection.scalar(text("SELECT count(*) FROM readings")) or 0)
    if sum(outcomes.values()) != sent or not outcomes.keys() <= {"accepted", "duplicate", "superseded"}:
        found.append(f"the account says {outcomes} of {sent} rows")
    table = pyarrow.parquet.read_table(readings, columns=["meter_id", "kind", "ts"])
    keys = table.group_by(["meter_id", "kind", "ts"]).aggregate([]).num_rows
    if standing != keys:
        found.append(f"{standing} readings stand, {keys} were sent")
    return iter(found)


async def _alerts(engine: AsyncEngine) -> dict[Any, Fields]:
    async with engine.connect() as connection:
        lives = (await connection.execute(text("SELECT live FROM alerts WHERE condition <> 'retracted'"))).scalars()
        return {view["id"]: _alert(view) for view in lives}


def _alert(view: Fields) -> Fields:
    fields: Fields = {name: "" if view[name] is None else str(view[name]) for name in TEXTS}
    fields |= {name: _epoch(view[name]) for name in TIMES}
    return fields | {name: None if view[name] is None else float(view[name]) for name in NUMBERS}


async def _days(engine: AsyncEngine) -> dict[Any, Fields]:
    query = (
        "SELECT scope_id, day, verdict, reasons, order_id, energy_wh, cap_wh, coverage, violating_slots FROM scope_days"
        " JOIN scopes USING (scope_no)"
    )
    async with engine.connect() as connection:
        return {
            (row.scope_id, row.day.isoformat()): {
                "verdict": code(Verdict(row.verdict)),
                "reasons": ";".join(reason_codes(row.reasons)),
                "order_id": row.order_id or "",
                "energy_kwh": None if row.energy_wh is None else row.energy_wh / 1000,
                "cap_kwh": None if row.cap_wh is None else row.cap_wh / 1000,
                "coverage": row.coverage,
                "violating_hours": row.violating_slots * SLOT_S / 3600,
            }
            for row in await connection.execute(text(query))
        }


def _tested(path: Path, name: str) -> Iterator[tuple[Any, Fields]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if name == "alerts":
                named = {"id": row["alert_id"], "opened_at_slot_end": row["opened_at_slot_end"]}
                yield row["alert_id"], _alert({k: v or None for k, v in (row | named).items()})
            else:
                numbers = ("energy_kwh", "cap_kwh", "coverage", "violating_hours")
                fields: Fields = {k: row[k] for k in ("verdict", "reasons", "order_id")}
                fields |= {k: float(row[k]) if row[k] else None for k in numbers}
                yield (row["scope_id"], row["date"]), fields


def _differences(name: str, stored: dict[Any, Fields], tested: dict[Any, Fields]) -> list[str]:
    lost = [k for k in tested if k not in stored]
    more = [k for k in stored if k not in tested]
    other = [(k, stored[k], v) for k, v in tested.items() if k in stored and not _are_near(stored[k], v)]
    told = {"only in the back-test": lost, "only in the database": more, "different": other}
    return [f"{name} {what}: {len(found)}, such as {found[:SHOWN]}" for what, found in told.items() if found]


def _are_near(one: Fields, other: Fields) -> bool:
    return all(
        abs(a - b) <= NEAR if isinstance(a, float) and isinstance(b, float) else a == b
        for a, b in ((one[k], other[k]) for k in other)
    )


def _epoch(told: str | None) -> float | None:
    return None if not told else datetime.fromisoformat(told).timestamp()
