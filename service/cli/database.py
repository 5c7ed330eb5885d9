"""``cuofeng migrate``."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from detectors.errors import InputError
from service.clock import SystemClock
from service.db.engine import make_engine
from service.db.migrate import migrate
from service.db.partitions import ensure_partitions
from service.settings import Settings

AHEAD = timedelta(days=62)


def required_database_url(settings: Settings) -> str:
    """The database's address, or a clear refusal: a command that works on stored data needs a stored database."""
    if settings.database_url is None:
        raise InputError("CUOFENG_DATABASE_URL is not set: name the database, postgresql://user@host/name")
    return settings.database_url.get_secret_value()


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("migrate")
    def migrate_command(
        revision: Annotated[str, typer.Option(help="Schema revision to reach.")] = "head",
    ) -> None:
        """Bring the database to the newest schema and make the next months' partitions."""

        async def run() -> None:
            engine = make_engine(required_database_url(Settings()), name="migrate", pool_size=1)
            try:
                await migrate(engine, revision)
                if revision != "head":
                    return
                today = datetime.fromtimestamp(SystemClock().now(), UTC).date()
                async with engine.begin() as connection:
                    await ensure_partitions(connection, today - AHEAD, today + AHEAD)
            finally:
                await engine.dispose()

        asyncio.run(run())
