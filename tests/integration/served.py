"""The app behind a real server on a free port of this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from service.api.server import make_server


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve while the body runs; the address, such as ``http://127.0.0.1:40123``."""
    server = make_server(app, host="127.0.0.1", port=0)
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if serving.done():
                await serving
            await asyncio.sleep(0.02)
        yield server.address
    finally:
        server.should_exit = True
        await serving
