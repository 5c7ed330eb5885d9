"""One transaction of a command on the stored registry."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.errors import InfrastructureError
from service.cli.database import required_database_url
from service.db.engine import make_engine
from service.settings import Settings

#: Of one statement: a city's registry is read and compared in one.
LONGEST_S = 600.0
T = TypeVar("T")


def in_transaction(
    settings: Settings, work: Callable[[AsyncConnection], Awaitable[T]], *, name: str, is_read_only: bool = False
) -> T:
    """Run ``work`` in a transaction of its own and commit. name: shown by the server.

    Raises:
        InputError: no database is named.
        InfrastructureError: it cannot be used.
    """

    async def run() -> T:
        engine = make_engine(required_database_url(settings), name=name, pool_size=1, statement_timeout_s=LONGEST_S)
        used = engine.execution_options(postgresql_readonly=True) if is_read_only else engine
        try:
            async with used.begin() as connection:
                return await work(connection)
        except (OSError, SQLAlchemyError) as error:
            cause = getattr(error, "orig", None) or error
            raise InfrastructureError(f"the database cannot be used: {cause} (is it there, and migrated?)") from error
        finally:
            await engine.dispose()

    return asyncio.run(run())
