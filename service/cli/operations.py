"""``cuofeng config show`` and ``cuofeng doctor``: what is set, and whether all is well."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from pydantic import SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from service.cli.doctor import Finding, State, judge_database
from service.clock import Clock, SystemClock
from service.db.diagnosis import diagnose
from service.db.engine import make_engine
from service.db.migrate import newest_revision
from service.embedded.broker import answers_metadata
from service.settings import Settings

MASK = "***"
ENGINE_TIMEOUT_S = 10.0


def shown(name: str, value: object) -> object:
    """A setting's value as it may be shown: of a database's address all but the password, of another secret nothing."""
    if isinstance(value, SecretStr):
        if name != "database_url":
            return MASK
        try:
            return make_url(value.get_secret_value()).set(query={}).render_as_string(hide_password=True)
        except ArgumentError:
            return MASK
    return value if value is None or isinstance(value, bool | int | float) else str(value)


async def examine(settings: Settings, clock: Clock) -> list[Finding]:
    """All findings, database first."""
    return [*await _examine_database(settings, clock), await _examine_broker(settings)]


async def _examine_database(settings: Settings, clock: Clock) -> list[Finding]:
    if settings.database_url is None:
        return [Finding("database", State.FAIL, "no database is set", "set CUOFENG_DATABASE_URL")]
    newest = newest_revision()
    try:
        engine = make_engine(
            settings.database_url.get_secret_value(),
            name="doctor",
            pool_size=1,
            statement_timeout_s=ENGINE_TIMEOUT_S,
        )
        try:
            async with engine.connect() as connection:
                diagnosis = await diagnose(connection, now_s=clock.now(), newest=newest, slot_s=settings.slot_s)
                now_s = clock.now()
        finally:
            await engine.dispose()
    except (OSError, DBAPIError, ArgumentError) as error:
        advice = "see whether the server runs, and CUOFENG_DATABASE_URL"
        return [Finding("database", State.FAIL, f"not reachable: {type(error).__name__}", advice)]
    return judge_database(diagnosis, now_s=now_s, newest=newest, quarantine_cap=settings.quarantine_cap)


async def _examine_broker(settings: Settings) -> Finding:
    if settings.kafka_bootstrap is None:
        return Finding("broker", State.FAIL, "no broker is set", "set CUOFENG_KAFKA_BOOTSTRAP")
    answering = [
        address for address in settings.kafka_bootstrap.split(",") if await asyncio.to_thread(_answers, address.strip())
    ]
    if answering:
        return Finding("broker", State.OK, f"{answering[0]} answers")
    advice = "see whether the broker runs, and CUOFENG_KAFKA_BOOTSTRAP"
    return Finding("broker", State.FAIL, f"no answer from {settings.kafka_bootstrap}", advice)


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    return port.isdigit() and answers_metadata(host.strip("[]"), int(port))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    config = typer.Typer(help="The configuration.", no_args_is_help=True)
    app.add_typer(config, name="config")

    @config.command("show")
    def show(as_json: Annotated[bool, typer.Option("--json", help="Machine output.")] = False) -> None:
        """Show every setting, secrets masked."""
        settings = Settings()
        values = {name: shown(name, getattr(settings, name)) for name in Settings.model_fields}
        if as_json:
            typer.echo(json.dumps(values, ensure_ascii=False, indent=2))
            return
        for name, value in values.items():
            origin = "set" if name in settings.model_fields_set else "default"
            typer.echo(f"{f'CUOFENG_{name.upper()}':30} {'-' if value is None else value}  ({origin})")

    @app.command("doctor")
    def doctor(as_json: Annotated[bool, typer.Option("--json", help="Machine output.")] = False) -> None:
        """Look at database, broker, stream, clock and calendar; say what to do. Ends with 1 when something fails."""
        findings = asyncio.run(examine(Settings(), SystemClock()))
        if as_json:
            typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2))
        else:
            for finding in findings:
                advice = f" -> {finding.advice}" if finding.advice else ""
                typer.echo(f"{finding.state:5} {finding.check:11} {finding.detail}{advice}")
        if any(finding.state is State.FAIL for finding in findings):
            raise typer.Exit(1)
