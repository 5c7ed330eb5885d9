"""Bring a database to the newest schema (``cuofeng migrate``)."""

import asyncio
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from detectors.errors import InfrastructureError, InputError

MIGRATION_LOCK = 4_210_210
LOOK_S = 0.2
PATIENCE_S = 600.0
OLDEST_SERVER = 15


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration for a connection, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    """The revision that this code works with."""
    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())


async def current_revision(connection: AsyncConnection) -> str | None:
    """The revision that the database is at; None: never migrated."""
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def migrate(engine: AsyncEngine, revision: str = "head") -> None:
    """Upgrade to ``revision``; two processes at once take turns. Commits. Raises InputError below PostgreSQL 15."""
    async with engine.connect() as connection:
        major = int(await connection.scalar(text("SELECT current_setting('server_version_num')::int"))) // 10_000
        if major < OLDEST_SERVER:
            raise InputError(f"the database is PostgreSQL {major}; Cuofeng needs {OLDEST_SERVER} or newer")
        await _take_turn(connection)
        try:
            await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), revision))
            await connection.commit()
        finally:
            await connection.rollback()
            await connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
            await connection.commit()


async def _take_turn(connection: AsyncConnection) -> None:
    """Wait for the migration lock by asking again and again: a waiting statement would meet the statement time-out."""
    for _ in range(int(PATIENCE_S / LOOK_S)):
        if await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK}):
            await connection.commit()
            return
        await connection.rollback()
        await asyncio.sleep(LOOK_S)
    raise InfrastructureError("another process is migrating this database and does not come to an end")
