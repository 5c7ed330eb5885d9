"""One LISTEN connection for the whole process: a hint that the feed grew, never the truth."""

import asyncio
from collections.abc import Callable

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.db.feed import CHANNEL
from service.db.sessions import infrastructure_errors, reading


async def head_seq(engine: AsyncEngine) -> int:
    """Seq of the newest event; 0 before the first."""
    async with reading(engine) as connection:
        return int(await connection.scalar(text("SELECT seq FROM feed_head")) or 0)


async def listen(engine: AsyncEngine, on_seq: Callable[[int], None]) -> None:
    """Call ``on_seq`` with every announced seq until the connection ends. Runs until cancelled.

    Raises:
        InfrastructureError: the connection could not be made or was lost.
    """
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    lost = asyncio.Event()
    with infrastructure_errors():
        connection = await asyncpg.connect(
            url, timeout=10, command_timeout=10, server_settings={"application_name": "cuofeng-listen"}
        )
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, lambda _c, _pid, _channel, payload: on_seq(int(payload)))
            await lost.wait()
            raise ConnectionResetError("the listening connection was lost")
        finally:
            await connection.close(timeout=2)
