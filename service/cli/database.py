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
#: Of one statement: filling a column or making an index may take its time, it waits for no lock in it.
LONGEST_S = 3600.0


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
        contract: Annotated[
            bool, typer.Option("--contract", help="No process of an older release runs: drop also what those used.")
        ] = False,
    ) -> None:
        """Bring the database to the newest schema and make the next months' partitions. What runs may go on running."""

        async def run() -> None:
            engine = make_engine(
                required_database_url(Settings()), name="migrate", pool_size=1, statement_timeout_s=LONGEST_S
            )
            try:
                await migrate(engine, revision, contract=contract)
                if revision != "head":
                    return
                today = datetime.fromtimestamp(SystemClock().now(), UTC).date()
                async with engine.begin() as connection:
                    await ensure_partitions(connection, today - AHEAD, today + AHEAD)
            finally:
                await engine.dispose()

        asyncio.run(run())
