"""``cuofeng config show`` and ``cuofeng doctor``: what is set, and whether all is well."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import asyncpg
import typer
from pydantic import SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from consumers.kafka import look_at
from consumers.ports import FeedError
from service.cli.doctor import judge_database
from service.cli.doctor_stream import judge_broker
from service.cli.findings import Finding, State
from service.clock import Clock, SystemClock
from service.db.diagnosis import Diagnosis, diagnose
from service.db.engine import make_engine
from service.db.migrate import newest_revision
from service.embedded.broker import answers_metadata
from service.settings import Settings

MASK = "***"
ENGINE_TIMEOUT_S = 10.0
#: What PostgreSQL says to somebody at the door, by SQLSTATE.
_REFUSALS = {
    "28P01": ("the password is wrong", "see the password in CUOFENG_DATABASE_URL"),
    "28000": ("this role may not log in", "see the role in CUOFENG_DATABASE_URL, and pg_hba.conf"),
    "3D000": ("there is no such database", "create it, then run: cuofeng migrate"),
    "53300": ("every connection is used", "end sessions that nobody uses, or raise max_connections"),
    "57P03": ("the server is starting, or ending", "wait for it; see its log"),
}


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
    found, diagnosis = await _examine_database(settings, clock)
    return [*found, *await _examine_broker(settings, diagnosis)]


async def _examine_database(settings: Settings, clock: Clock) -> tuple[list[Finding], Diagnosis | None]:
    if settings.database_url is None:
        return [Finding("database", State.FAIL, "no database is set", "set CUOFENG_DATABASE_URL")], None
    newest = newest_revision()
    try:
        engine = make_engine(
            settings.database_url.get_secret_value(),
            name="doctor",
            pool_size=1,
            statement_timeout_s=ENGINE_TIMEOUT_S,
        )
        try:
            diagnosis = await diagnose(engine, now_s=clock.now(), newest=newest, slot_s=settings.slot_s)
        finally:
            await engine.dispose()
    except (OSError, DBAPIError, ArgumentError, asyncpg.PostgresError) as error:
        return [_not_there(error)], None
    found = judge_database(
        diagnosis,
        now_s=clock.now(),
        newest=newest,
        slot_s=settings.slot_s,
        quarantine_cap=settings.quarantine_cap,
    )
    return found, diagnosis


def _not_there(error: Exception) -> Finding:
    cause = error.orig if isinstance(error, DBAPIError) else error
    detail, advice = _REFUSALS.get(
        str(getattr(cause, "sqlstate", None)),
        (f"not reachable: {type(error).__name__}", "see whether the server runs, and CUOFENG_DATABASE_URL"),
    )
    return Finding("database", State.FAIL, detail, advice)


async def _examine_broker(settings: Settings, diagnosis: Diagnosis | None) -> list[Finding]:
    if settings.kafka_bootstrap is None:
        return [Finding("broker", State.FAIL, "no broker is set", "set CUOFENG_KAFKA_BOOTSTRAP")]
    answering = [
        address for address in settings.kafka_bootstrap.split(",") if await asyncio.to_thread(_answers, address.strip())
    ]
    if not answering:
        advice = "see whether the broker runs, and CUOFENG_KAFKA_BOOTSTRAP"
        return [Finding("broker", State.FAIL, f"no answer from {settings.kafka_bootstrap}", advice)]
    try:
        look = await look_at(
            settings.kafka_bootstrap, settings.kafka_topic, settings.kafka_dlq_topic, settings.kafka_group
        )
    except FeedError as error:
        advice = "see its log, and whether the address that it tells of itself is reachable from here"
        return [Finding("broker", State.FAIL, f"{answering[0]} answers, but {error}", advice)]
    found = judge_broker(
        look,
        None if diagnosis is None else diagnosis.health,
        topic=settings.kafka_topic,
        dead_letter_topic=settings.kafka_dlq_topic,
        group=settings.kafka_group,
        waiting_letters=0 if diagnosis is None else diagnosis.dead_letters[0],
    )
    return [Finding("broker", State.OK, f"{answering[0]} answers"), *found]


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
