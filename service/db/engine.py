"""Engines: one pool per purpose, every time-out set (RELIABILITY §2)."""

from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


def async_url(database_url: str) -> URL:
    """``postgresql://…`` as the asyncpg dialect wants it."""
    return make_url(database_url).set(drivername="postgresql+asyncpg")


def make_engine(
    database_url: str,
    *,
    name: str,
    pool_size: int = 5,
    statement_timeout_s: float = 60.0,
    idle_in_transaction_s: float = 60.0,
) -> AsyncEngine:
    """An engine whose connections cannot hang for ever, nor their sessions: the server gives up a client that does not
    answer within about two minutes, not after the two hours of most systems.

    name: shown in ``pg_stat_activity``. statement_timeout_s: the longest statement; the client gives up 5 s later.
    idle_in_transaction_s: how long a process that froze, or whose machine is gone, may hold what it has locked.
    """
    milliseconds = str(int(statement_timeout_s * 1000))
    return create_async_engine(
        async_url(database_url),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args={
            "timeout": 10,
            "command_timeout": statement_timeout_s + 5,
            "server_settings": {
                "application_name": f"cuofeng-{name}",
                "statement_timeout": milliseconds,
                "lock_timeout": "15000",
                "idle_in_transaction_session_timeout": str(int(idle_in_transaction_s * 1000)),
                "tcp_keepalives_idle": "60",
                "tcp_keepalives_interval": "15",
                "tcp_keepalives_count": "4",
                "timezone": "UTC",
            },
        },
    )
