"""``cuofeng statement``: the account of a day for a source (对账), as it is returned to the sender."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from detectors.errors import InputError
from service.cli.database import required_database_url
from service.db import account
from service.db.account import Outcome
from service.db.engine import make_engine
from service.db.sessions import reading
from service.settings import Settings


async def day_statement(settings: Settings, source: str, day: str) -> dict[str, Any]:
    """The account of a local day: rows in, by outcome, by reason code, and by hour.

    Raises:
        InputError: the day is no date, or nothing was ever received from such a source.
    """
    zone = ZoneInfo(settings.zone)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        raise InputError(f"--date {day}: not a date, YYYY-MM-DD")
    try:
        first = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=zone)
        last = first + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise InputError(f"--date {day}: {error}") from error
    engine = make_engine(required_database_url(settings), name="statement", pool_size=1)
    try:
        async with reading(engine) as connection:
            lines = await account.statement(connection, source, int(first.timestamp()), int(last.timestamp()))
            known = lines or source in await account.sources(connection)
    finally:
        await engine.dispose()
    if not known:
        raise InputError(f"nothing was ever received from source {source}")
    return summarise(lines, source, day, zone)


def summarise(lines: Sequence[tuple[int, Outcome, str, int]], source: str, day: str, zone: ZoneInfo) -> dict[str, Any]:
    """Lines of an account as one document; ``rows_in`` is the sum of the outcomes, of the day and of each hour."""
    outcomes: Counter[str] = Counter({str(outcome): 0 for outcome in Outcome})
    codes: Counter[str] = Counter()
    hours: dict[int, Counter[str]] = {}
    for hour_s, outcome, code, count in lines:
        outcomes[outcome] += count
        hours.setdefault(hour_s, Counter())[outcome] += count
        if code:
            codes[f"{outcome}: {code}"] += count
    return {
        "source": source,
        "date": day,
        "rows_in": outcomes.total(),
        "outcomes": dict(outcomes),
        "codes": dict(sorted(codes.items())),
        "hours": [
            {"hour": datetime.fromtimestamp(hour_s, zone).isoformat(), "rows_in": by.total(), "outcomes": dict(by)}
            for hour_s, by in sorted(hours.items())
        ],
    }


def render(statement: dict[str, Any]) -> str:
    """The document as a table for people."""
    lines = [f"{statement['source']} {statement['date']}: {statement['rows_in']} rows in"]
    lines += [f"  {outcome:<12}{count:>12}" for outcome, count in statement["outcomes"].items()]
    if statement["codes"]:
        lines += ["reasons:", *(f"  {count:>12}  {code}" for code, count in statement["codes"].items())]
    lines += ["hours:", *(f"  {hour['hour']}{hour['rows_in']:>12}" for hour in statement["hours"])]
    return "\n".join(lines)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("statement")
    def statement_command(
        source: Annotated[str, typer.Option(help="Name of the source.")],
        date: Annotated[str, typer.Option(help="Local day of the records' timestamps, YYYY-MM-DD.")],
        as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    ) -> None:
        """Account of a day for a source: rows in = accepted + duplicate + superseded + rejected + quarantined."""
        statement = asyncio.run(day_statement(Settings(), source, date))
        typer.echo(json.dumps(statement, ensure_ascii=False) if as_json else render(statement))
