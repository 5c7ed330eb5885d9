"""A TCP proxy on loopback: cuts connections, refuses new ones, and may change what the server answers."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

Tamper = Callable[[bytes], bytes]


class Proxy:
    """Between clients and one server. ``tamper`` sees each answer of a server that sends a length before each."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._work: set[asyncio.Task[None]] = set()
        self._is_cut = False
        self.tamper: Tamper | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        self.cut()
        if self._server is not None:
            self._server.close()
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    def cut(self) -> None:
        """End every connection and take no new one."""
        self._is_cut = True
        for writer in list(self._open):
            writer.transport.abort()

    def restore(self) -> None:
        """Take connections again."""
        self._is_cut = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._open |= {writer, there_writer}
        ways = (self._pass(reader, there_writer, False), self._pass(there_reader, writer, self.tamper is not None))
        tasks = {asyncio.create_task(way) for way in ways}
        self._work |= tasks
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, there_writer):
            end.transport.abort()
            self._open.discard(end)
        await asyncio.gather(*tasks, return_exceptions=True)
        self._work -= tasks

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, framed: bool) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                if framed and self.tamper is not None:
                    (size,) = struct.unpack("!i", await reader.readexactly(4))
                    body = self.tamper(await reader.readexactly(size))
                    writer.write(struct.pack("!i", len(body)) + body)
                else:
                    data = await reader.read(1 << 16)
                    if not data:
                        return
                    writer.write(data)
                await writer.drain()


@asynccontextmanager
async def proxied(host: str, port: int) -> AsyncIterator[Proxy]:
    """A proxy before a server."""
    proxy = Proxy(host, port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


@asynccontextmanager
async def kafka_proxied(bootstrap: str, change: Tamper = lambda body: body) -> AsyncIterator[Proxy]:
    """A proxy before a broker on loopback: what the broker says of its own address is changed to the proxy's."""
    host, _, port = bootstrap.rpartition(":")
    async with proxied(host, int(port)) as proxy:

        def readdress(body: bytes) -> bytes:
            for name in (b"127.0.0.1", b"localhost"):
                body = body.replace(name + struct.pack("!i", int(port)), name + struct.pack("!i", proxy.port))
            return change(body)

        proxy.tamper = readdress
        yield proxy
