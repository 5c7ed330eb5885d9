"""``cuofeng replay``."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from consumers.file_messages import FileMessages, file_messages
from consumers.kafka import Producer
from consumers.replay import Replayed, replay
from detectors.errors import InputError
from detectors.registry import Meter
from service.clock import SystemClock
from service.db.engine import make_engine
from service.db.registry_load import load_registry
from service.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("replay")
    def replay_command(
        files: Annotated[list[Path], typer.Argument(help="Readings: CSV, NDJSON (also .gz) or Parquet.")],
        speed: Annotated[
            float, typer.Option(min=0.0, help="Times as fast as the readings were collected; 0: as fast as possible.")
        ] = 0.0,
        topic: Annotated[str | None, typer.Option(help="Topic to send to; default: that of the settings.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
    ) -> None:
        """Send readings files through Kafka, in the order in which they were collected.

        What a row leaves out (kind, unit, scale, period) comes from the registry in the database, where one is set.
        """
        settings = Settings()
        if settings.kafka_bootstrap is None:
            raise InputError("CUOFENG_KAFKA_BOOTSTRAP is not set: name the broker, host:port")
        meters = asyncio.run(_meters(settings))
        messages = file_messages(files, zone=ZoneInfo(settings.zone), clock_now_s=SystemClock().now(), meters=meters)
        counts = asyncio.run(_send(settings.kafka_bootstrap, topic or settings.kafka_topic, messages, speed))
        _print(counts, messages, as_json=as_json)


async def _meters(settings: Settings) -> dict[str, Meter] | None:
    """The registry's meters by id; None where no database is set."""
    if settings.database_url is None:
        return None
    engine = make_engine(settings.database_url.get_secret_value(), name="replay", pool_size=1)
    try:
        async with engine.connect() as connection:
            stored = await load_registry(connection)
    finally:
        await engine.dispose()
    return {m.meter_id: m for m in stored.registry.meters}


async def _send(bootstrap: str, topic: str, messages: FileMessages, speed: float) -> Replayed:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(topic, total=len(messages))
        async with Producer(bootstrap) as producer:
            return await replay(
                producer,
                topic,
                messages,
                speed=speed,
                on_progress=lambda done, _: progress.update(task, completed=done),
            )


def _print(counts: Replayed, messages: FileMessages, *, as_json: bool) -> None:
    not_told = messages.not_told
    if as_json:
        print(json.dumps({**asdict(counts), "not_sent": len(not_told)}))
    else:
        print(f"sent {counts.sent} readings")
        if counts.too_large:
            print(f"too large to send: {counts.too_large}")
    for file, broken in not_told[:5]:
        sys.stderr.write(f"cuofeng: not sent: {file}, row {broken.row}: {broken.detail}\n")
    if len(not_told) > 5:
        sys.stderr.write(f"cuofeng: not sent: {len(not_told)} rows in all\n")
