"""``cuofeng maintain``: partitions ahead, old months put away, what grows for ever cut; all of it beside the work."""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from detectors.errors import InfrastructureError
from service.cli.database import AHEAD, required_database_url
from service.clock import Clock, SystemClock
from service.db import retention
from service.db.audit import append_audit
from service.db.engine import make_engine
from service.db.partitions import MonthTable, detach, drop, ensure_partitions, month_tables
from service.db.retention import Hold
from service.db.sessions import infrastructure_errors
from service.db.stream_time import stream_time
from service.settings import Settings

#: Answers kept under an Idempotency-Key are repeated for so long (seconds).
KEYS_KEPT_S = 30 * 86_400
DETACH_TRIES = 60
PAUSE_S = 1.0
STATEMENT_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """Months before the current one that stay, by table; 0 = all. drop: detached tables that are more months old go,
    None = none."""

    keep: dict[str, int]
    drop: int | None = None
    is_dry: bool = False


@dataclass(slots=True)
class Report:
    """What was done, or would be. Names of tables; rows removed by table; held: why a month stays that need not."""

    is_dry: bool
    made: list[str] = field(default_factory=list)
    detached: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    removed: dict[str, int] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    frozen_before: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing had to be done."""
        return not (self.made or self.detached or self.dropped or any(self.removed.values()))


async def maintain(engine: AsyncEngine, wishes: Wishes, settings: Settings, clock: Clock) -> Report:
    """Do it; what was interrupted before is finished. Safe to run again, beside everything else, one at a time.

    Raises:
        InfrastructureError: another one is at work, the database is away, or a month is in use all the time.
    """
    report = Report(wishes.is_dry)
    with infrastructure_errors():
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            if not await retention.take_turn(connection):
                raise InfrastructureError("another process maintains this database")
            try:
                await _make_ahead(engine, report, clock)
                going, frozen_slot = await _draw_line(engine, wishes, report, settings, clock)
                for month in going:
                    if not wishes.is_dry:
                        await _detach(connection, month)
                    report.detached.append(month.name)
                await _drop(connection, wishes, report, clock)
                await _prune(engine, report, frozen_slot, clock)
            finally:
                await retention.end_turn(connection)
    return report


async def _make_ahead(engine: AsyncEngine, report: Report, clock: Clock) -> None:
    today = _today(clock)
    async with engine.connect() as connection:
        report.made = await ensure_partitions(connection, today - AHEAD, today + AHEAD)
        await _end(connection, report)


async def _draw_line(
    engine: AsyncEngine, wishes: Wishes, report: Report, settings: Settings, clock: Clock
) -> tuple[list[MonthTable], int | None]:
    """Which months go, those half gone first; from the commit on nothing is taken in or judged before the line."""
    async with engine.connect() as connection:
        line = await retention.take_line(connection)
        months = await month_tables(connection)
        time = await stream_time(connection)
        going = [m for m in months if m.is_half_detached]
        kept: list[date] = []
        if time is not None:
            as_of = int(min(clock.now(), time.watermark_s))
            held = await retention.holds(connection, line, as_of, settings.horizon_days * 86_400, settings.slot_s)
            for table, n in wishes.keep.items():
                first_kept, more = _going(months, table, n, line.zone, as_of, held, report) if n else (None, [])
                going += more
                if more and first_kept is not None:
                    kept.append(first_kept)
        frozen_s = line.frozen_s
        if kept:
            frozen_s = max(frozen_s or 0, retention.frozen_with(line.zone, max(kept)))
            await retention.freeze(connection, frozen_s)
        if frozen_s is not None:
            report.frozen_before = datetime.fromtimestamp(frozen_s, UTC).isoformat()
        await _end(connection, report)
    return going, None if frozen_s is None else frozen_s // settings.slot_s


def _going(
    months: list[MonthTable], table: str, keep: int, zone: str, as_of: int, held: list[Hold], report: Report
) -> tuple[date, list[MonthTable]]:
    """The oldest month of a table that stays, and the attached ones before it."""
    wanted = retention.months_before(datetime.fromtimestamp(as_of, UTC).date(), keep)
    first_kept, hold = retention.oldest_month(zone, wanted, held)
    mine = [m for m in months if m.table == table and m.is_attached and not m.is_half_detached]
    if hold is not None and any(first_kept <= m.month < wanted for m in mine):
        report.held[table] = f"from {first_kept:%Y-%m} on: {hold.reason}"
    return first_kept, [m for m in mine if m.month < first_kept]


async def _detach(connection: AsyncConnection, month: MonthTable) -> None:
    for _ in range(DETACH_TRIES):
        try:
            await detach(connection, month)
        except DBAPIError as error:
            if str(getattr(error.orig, "sqlstate", "")) not in ("55P03", "57014", "40P01"):
                raise
            sys.stderr.write(f"{month.name} is in use: waiting\n")
            await asyncio.sleep(PAUSE_S)
            month = next(m for m in await month_tables(connection) if m.name == month.name)
        else:
            return
    raise InfrastructureError(f"{month.name} is in use all the time: run it again, it goes on from there")


async def _drop(connection: AsyncConnection, wishes: Wishes, report: Report, clock: Clock) -> None:
    if wishes.drop is None:
        return
    before = retention.months_before(_today(clock), wishes.drop)
    going = [m for m in await month_tables(connection) if not m.is_attached and m.month < before]
    for month in going:
        if not report.is_dry:
            await drop(connection, month)
        report.dropped.append(month.name)
    readings = [m.month for m in going if m.table == "readings"]
    if readings and not report.is_dry:
        after = (max(readings) + timedelta(days=32)).replace(day=1)
        report.removed["reading_conflicts"] = await retention.forget_conflicts(connection, after)


async def _prune(engine: AsyncEngine, report: Report, frozen_slot: int | None, clock: Clock) -> None:
    async with engine.connect() as connection:
        report.removed |= await retention.prune(connection, frozen_slot, clock.now() - KEYS_KEPT_S)
        if report.detached or report.dropped:
            at = datetime.fromtimestamp(clock.now(), UTC)
            await append_audit(
                connection, at=at, actor="cuofeng maintain", action="months.put_away", subject="", detail=asdict(report)
            )
        await _end(connection, report)


async def _end(connection: AsyncConnection, report: Report) -> None:
    await (connection.rollback() if report.is_dry else connection.commit())


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("maintain")
    def maintain_command(
        readings_months: Annotated[
            int | None, typer.Option(min=0, help="Months of readings that stay; 0: all. Default: the setting.")
        ] = None,
        days_months: Annotated[
            int | None, typer.Option(min=0, help="Months of judged days that stay; 0: all. Default: the setting.")
        ] = None,
        drop_months: Annotated[
            int | None, typer.Option(min=1, help="Remove the tables of detached months that are more months old.")
        ] = None,
        is_dry: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; do nothing.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="The result as one JSON object.")] = False,
    ) -> None:
        """Make the next months' partitions, put old months away, cut what grows for ever. Nothing has to stop for it.

        A month that is put away stays as a table of its own (readings_2024_10); nothing is taken in or judged there any
        more. What may still be judged again is never put away.
        """
        settings = Settings()
        keep = {
            "readings": settings.keep_readings_months if readings_months is None else readings_months,
            "scope_days": settings.keep_days_months if days_months is None else days_months,
        }

        async def run() -> Report:
            url = required_database_url(settings)
            engine = make_engine(url, name="maintain", pool_size=2, statement_timeout_s=STATEMENT_TIMEOUT_S)
            try:
                return await maintain(engine, Wishes(keep, drop_months, is_dry), settings, SystemClock())
            finally:
                await engine.dispose()

        report = asyncio.run(run())
        if as_json:
            print(json.dumps(asdict(report), ensure_ascii=False))
        else:
            _print(report)


def _print(report: Report) -> None:
    would = "would be " if report.is_dry else ""
    for name in report.made:
        print(f"{name}: {would}made")
    for name in report.detached:
        print(f"{name}: {would}detached")
    for name in report.dropped:
        print(f"{name}: {would}dropped")
    for table, rows in report.removed.items():
        if rows:
            print(f"{table}: {rows} rows {would}removed")
    for table, reason in report.held.items():
        print(f"{table}: kept {reason}")
    if report.frozen_before is not None:
        print(f"nothing before {report.frozen_before} is taken in or judged any more")
    if report.is_empty:
        print("nothing to do")


def _today(clock: Clock) -> date:
    return datetime.fromtimestamp(clock.now(), UTC).date()
