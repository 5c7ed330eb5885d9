"""``cuofeng consume``: the processes that take readings in and judge them."""

import asyncio
import json
from typing import Annotated

import typer

from consumers.roles import ConsumerRole, consume
from detectors.errors import InputError
from service.cli.database import required_database_url
from service.clock import SystemClock
from service.db import cursors
from service.db.engine import make_engine
from service.db.sessions import writing
from service.observability.ingest_metrics import IngestMetrics
from service.observability.logs import configure_logs
from service.settings import Settings


def required_bootstrap(settings: Settings) -> str:
    """The broker's address, or a clear refusal."""
    if settings.kafka_bootstrap is None:
        raise InputError("CUOFENG_KAFKA_BOOTSTRAP is not set: name the broker, host:port")
    return settings.kafka_bootstrap


async def resume_partition(settings: Settings, part: int, from_offset: int | None) -> cursors.Claim:
    """Let a stopped partition go on. Raises ``InputError`` where it is not stopped."""
    engine = make_engine(required_database_url(settings), name="resume", pool_size=1)
    try:
        async with writing(engine) as connection:
            found = await cursors.resume(connection, settings.kafka_topic, part, from_offset)
    finally:
        await engine.dispose()
    if found is None:
        raise InputError(f"partition {part} of {settings.kafka_topic} is not stopped")
    return found


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("consume")
    def consume_command(
        role: Annotated[ConsumerRole, typer.Option(help="Take readings in, judge them, or both.")] = ConsumerRole.ALL,
        metrics_port: Annotated[
            int | None,
            typer.Option(min=1, max=65535, help="Serve this process's own metrics on this port of 127.0.0.1."),
        ] = None,
        resume: Annotated[
            int | None, typer.Option("--resume-partition", help="Let this stopped partition go on, and end.")
        ] = None,
        from_offset: Annotated[
            int | None, typer.Option(help="With --resume-partition: where to go on; else at its cursor.")
        ] = None,
    ) -> None:
        """Read the stream into the database and judge it, until SIGTERM."""
        settings = Settings()
        if resume is not None:
            found = asyncio.run(resume_partition(settings, resume, from_offset))
            typer.echo(json.dumps({"partition": resume, "next_offset": found.next_offset}))
            return
        if from_offset is not None:
            raise InputError("--from-offset goes with --resume-partition")
        configure_logs()
        asyncio.run(
            consume(
                role,
                settings=settings,
                clock=SystemClock(),
                database_url=required_database_url(settings),
                bootstrap=required_bootstrap(settings),
                metrics=IngestMetrics(),
                metrics_port=metrics_port,
            )
        )
