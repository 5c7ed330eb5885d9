"""A migrated database for what needs no world."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from service.db.engine import make_engine
from service.db.migrate import migrate
from service.db.scratch import create_database, drop_database


@asynccontextmanager
async def scratch_engine(server_url: str, name: str, pool_size: int = 5) -> AsyncIterator[AsyncEngine]:
    """A migrated database of a run of its own; dropped at the end."""
    database = f"cuofeng_{name}_{uuid.uuid4().hex[:8]}"
    administrator = make_engine(server_url, name=f"harness-{name}-admin", pool_size=1)
    try:
        await create_database(administrator, database)
        url = make_url(server_url).set(database=database).render_as_string(hide_password=False)
        engine = make_engine(url, name=f"harness-{name}", pool_size=pool_size)
        try:
            await migrate(engine)
            yield engine
        finally:
            await engine.dispose()
            await drop_database(administrator, database)
    finally:
        await administrator.dispose()
