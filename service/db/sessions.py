"""Reading and writing sessions: the two ways in, and the one place that says "the database is away"."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from detectors.errors import CuofengError, InfrastructureError

#: SQLSTATE classes that mean "try again": connection, resources, operator's shutdown, locks and serialisation.
_RETRIABLE_CLASSES = ("08", "53", "57", "40", "55", "58")


class ContentionError(InfrastructureError):
    """Another transaction won (40001, 40P01, 55P03): the same work in a fresh transaction may pass."""


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for queries; nothing is committed.

    Raises:
        InfrastructureError: the database is away, or no connection was free in time.
    """
    with infrastructure_errors():
        async with engine.connect() as connection:
            yield connection


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction: committed when the body ends, rolled back when it raises.

    Raises:
        ContentionError: another transaction won; run the whole body again.
        InfrastructureError: the database is away. After a lost COMMIT the outcome is unknown: read before you repeat.
    """
    with infrastructure_errors():
        async with engine.begin() as connection:
            yield connection


@contextmanager
def infrastructure_errors() -> Iterator[None]:
    """Turn what a driver raises when its server is away into ``InfrastructureError``; bugs stay what they are."""
    try:
        yield
    except CuofengError:
        raise
    except DBAPIError as error:
        sqlstate = str(getattr(error.orig, "sqlstate", None) or "")
        if sqlstate in ("40001", "40P01", "55P03"):
            raise ContentionError("another transaction won") from error
        if error.connection_invalidated or sqlstate[:2] in _RETRIABLE_CLASSES or _lost(error.orig):
            raise InfrastructureError("the database is away") from error
        raise
    except (PoolTimeoutError, OSError, asyncpg.PostgresError) as error:
        # A bare asyncpg error comes from connecting: too many connections, shutting down, not accepting.
        raise InfrastructureError("the database is away") from error
    except asyncpg.InterfaceError as error:
        if isinstance(error, ValueError):
            raise
        raise InfrastructureError("the database is away") from error


def _lost(error: BaseException | None) -> bool:
    """Whether the driver's own error behind a translated one speaks of the connection, not of the statement."""
    cause = error.__cause__ if error is not None else None
    return isinstance(cause, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError) and not isinstance(
        cause, ValueError
    )
