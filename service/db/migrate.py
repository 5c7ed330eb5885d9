"""Bring a database to the newest schema (``cuofeng migrate``), while the release before goes on working on it.

A revision expands: it adds, and takes its locks for moments. One that drops what a release before still used says so in
``contracts = "0007"``: since that revision nothing uses it any more. It runs only where no older process can be left.
"""

import asyncio
import random
from importlib.resources import files
from time import monotonic

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from detectors.errors import CuofengError, InfrastructureError, InputError

MIGRATION_LOCK = 4_210_210
LOOK_S = 0.2
PATIENCE_S = 600.0
OLDEST_SERVER = 15
#: A statement waits so long for its lock, and whoever comes behind it waits too; then it steps back, and tries again.
LOCK_TIMEOUT = "500ms"
STEP_BACK_S = (0.1, 0.5)
_LOCK_TAKEN = ("55P03", "40P01")
VERSIONS = (str(files("migrations") / "versions"),)


class ContractionError(CuofengError):
    """A revision drops what processes of a release before may still use."""


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration for a connection, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    config.set_main_option("version_locations", "\n".join(VERSIONS))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    """The revision that this code works with."""
    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())


async def current_revision(connection: AsyncConnection) -> str | None:
    """The revision that the database is at; None: never migrated."""
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def migrate(engine: AsyncEngine, revision: str = "head", *, contract: bool = False) -> None:
    """Upgrade to ``revision``, each revision in a transaction of its own; two processes at once take turns.

    contract: nothing older than this release is at work any more, so whatever is in the way may be dropped.

    Raises:
        InputError: PostgreSQL is older than 15.
        ContractionError: the rest has to wait until the processes at work were exchanged; what comes before was done.
        InfrastructureError: another process migrates, or holds a lock, and does not come to an end.
    """
    async with engine.connect() as connection:
        major = int(await connection.scalar(text("SELECT current_setting('server_version_num')::int"))) // 10_000
        if major < OLDEST_SERVER:
            raise InputError(f"the database is PostgreSQL {major}; Cuofeng needs {OLDEST_SERVER} or newer")
        await _take_turn(connection)
        try:
            await connection.execute(text("SELECT set_config('lock_timeout', :wait, false)"), {"wait": LOCK_TIMEOUT})
            current = await current_revision(connection)
            await connection.commit()
            target, waits = (revision, None) if contract else _reachable(current, revision)
            await _upgrade(connection, target)
            if waits is not None:
                raise ContractionError(
                    f"the schema is at {target}; revision {waits} drops what processes of an older release still use:"
                    " exchange all processes and migrate again, or stop them and run: cuofeng migrate --contract"
                )
        finally:
            await connection.rollback()
            await connection.execute(text("RESET lock_timeout"))
            await connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
            await connection.commit()


def _reachable(current: str | None, revision: str) -> tuple[str, str | None]:
    """How far one may go from ``current``, and the revision that has to wait, if any."""
    scripts = ScriptDirectory.from_config(alembic_config())
    if current is None:
        return revision, None
    known = {script.revision for script in scripts.iterate_revisions(current, "base")}
    ahead = [script for script in scripts.iterate_revisions(revision, "base") if script.revision not in known]
    before = current
    for script in reversed(ahead):
        if getattr(script.module, "contracts", current) not in known:
            return before, script.revision
        before = script.revision
    return revision, None


async def _upgrade(connection: AsyncConnection, revision: str) -> None:
    """Go on from wherever a lock was not to be had, until it is."""
    deadline = monotonic() + PATIENCE_S
    while True:
        try:
            await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), revision))
        except DBAPIError as error:
            if str(getattr(error.orig, "sqlstate", "")) not in _LOCK_TAKEN:
                raise
            await connection.rollback()
            if monotonic() > deadline:
                raise InfrastructureError("a table that has to change is locked all the time") from error
            await asyncio.sleep(random.uniform(*STEP_BACK_S))
        else:
            await connection.commit()
            return


async def _take_turn(connection: AsyncConnection) -> None:
    """Wait for the migration lock by asking again and again: a waiting statement would meet the statement time-out."""
    for _ in range(int(PATIENCE_S / LOOK_S)):
        if await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK}):
            await connection.commit()
            return
        await connection.rollback()
        await asyncio.sleep(LOOK_S)
    raise InfrastructureError("another process is migrating this database and does not come to an end")
