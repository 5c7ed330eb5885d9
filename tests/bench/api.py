"""The HTTP service beside an office, and the leanest client: what is measured is the service, not its reader."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from service.db.keys import AccessRole, create_key
from service.embedded.process import free_port
from service.settings import Settings
from tests.bench.office import LOOK_S, Office
from tests.bench.processes import Process

START_S = 60.0
SERVE = "from service.cli import main; main()"


class Client:
    """One kept connection to the service. ``async with`` opens and closes it."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    async def get(self, path: str) -> bytes:
        """The body of a 200 answer. Raises RuntimeError for any other."""
        ask = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self._key}\r\n\r\n"
        self._writer.write(ask.encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next(int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:"))
        body = await self._reader.readexactly(length)
        if " 200 " not in head.split("\r\n", 1)[0]:
            raise RuntimeError(f"{path} answered {head.splitlines()[0]}: {body[:500]!r}")
        return body

    async def page(self, after: str | None, *, limit: int = 1000, wait_s: int = 0) -> dict[str, Any]:
        """A page of the change feed behind a cursor; with ``wait_s`` as soon as there is an event."""
        query: dict[str, object] = {"limit": limit, "wait": wait_s} | ({} if after is None else {"after": after})
        found: dict[str, Any] = json.loads(await self.get(f"/v1/alert-events?{urlencode(query)}"))
        return found


@asynccontextmanager
async def serving(found: Office) -> AsyncIterator[tuple[int, str]]:
    """``cuofeng serve`` on the office's database; port, and a key that may read everything."""
    pepper = Settings.model_fields["key_pepper"].default.get_secret_value()
    async with found.engine.begin() as connection:
        key = await create_key(connection, role=AccessRole.OPERATOR, name="bench", pepper=pepper)
    port = free_port()
    process = Process("serve", [sys.executable, "-c", SERVE, "serve", "--port", str(port)], found.settings)
    found.processes["serve"] = [process]
    try:
        with process:
            async with asyncio.timeout(START_S):
                while not await _is_live(port, key):
                    process.must_run()
                    await asyncio.sleep(LOOK_S)
            yield port, key
    finally:
        del found.processes["serve"]


async def _is_live(port: int, key: str) -> bool:
    try:
        async with Client(port, key) as client:
            await client.get("/livez")
    except OSError:
        return False
    return True
