"""A TCP proxy on loopback that does to connections what networks do: cut, refuse, delay, swallow, change answers."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from service.clock import SystemClock

Tamper = Callable[[bytes], bytes]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
#: How long a server gets to act on what it was sent before its connection goes (seconds).
ACT_S = 0.3


@dataclass(slots=True)
class Trap:
    """Cuts the connection on which a client sends ``word``, the next time: before the server has it, or after."""

    word: bytes
    is_delivered: bool
    sprung: int = 0
    armed: bool = True


@dataclass(slots=True, eq=False)
class Proxy:
    """Between clients and one server. ``tamper`` sees each answer of a server that sends a length before each."""

    host: str
    server_port: int
    tamper: Tamper | None = None
    trap: Trap | None = None
    delay_s: float = 0.0
    port: int = 0
    resets: int = 0  # connections that a cut ended
    delayed: int = 0  # pieces that waited
    swallowed: int = 0  # pieces that came while held
    opened: list[tuple[int, float]] = field(default_factory=list)  # its own port at the server, and since when
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _work: set[asyncio.Task[None]] = field(default_factory=set)
    _is_cut: bool = False
    _is_held: bool = False
    _is_back: asyncio.Event = field(default_factory=asyncio.Event)

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

    @property
    def connections(self) -> int:
        """Clients that are connected."""
        return len(self._open) // 2

    def cut(self) -> None:
        """End every connection and take no new one."""
        self._is_cut = True
        self.reset()

    def reset(self) -> None:
        """End every connection; new ones are taken."""
        self.resets += self.connections
        for writer in list(self._open):
            writer.transport.abort()

    def hold(self) -> None:
        """Half-open: connections stay, nothing passes any more in either direction, ever; new ones are as mute."""
        self._is_held = True
        self._is_back.clear()

    def release(self) -> None:
        """New connections pass again; those that were held stay mute until somebody gives them up."""
        self._is_held = False
        self._is_back.set()

    def restore(self) -> None:
        """Take connections again."""
        self._is_cut = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection(self.host, self.server_port)
        except OSError:
            writer.transport.abort()
            return
        self.opened.append((there[1].get_extra_info("sockname")[1], SystemClock().now()))
        self._open |= {writer, there[1]}
        tasks = {
            asyncio.create_task(way) for way in (self._ask((reader, there[1]), writer), self._answer(there, writer))
        }
        self._work |= tasks
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, there[1]):
            end.transport.abort()
            self._open.discard(end)
        for task in tasks:  # one may hold a piece for ever
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._work -= tasks

    async def _ask(self, ends: Streams, client: asyncio.StreamWriter) -> None:
        """What the client sends, to the server."""
        reader, server = ends
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                if self._is_held:
                    await self._swallow(reader)
                    return
                await self._pass()
                trap = self.trap
                if trap is not None and trap.armed and trap.word in data:
                    trap.armed, trap.sprung = False, trap.sprung + 1
                    self.resets += 1
                    client.transport.abort()
                    if trap.is_delivered:
                        server.write(data)
                        await asyncio.sleep(ACT_S)
                    return
                server.write(data)
                await server.drain()

    async def _answer(self, there: Streams, client: asyncio.StreamWriter) -> None:
        """What the server sends, to the client."""
        reader = there[0]
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                if self.tamper is not None:
                    (size,) = struct.unpack("!i", await reader.readexactly(4))
                    body = self.tamper(await reader.readexactly(size))
                    data = struct.pack("!i", len(body)) + body
                else:
                    data = await reader.read(1 << 16)
                    if not data:
                        return
                await self._pass()
                client.write(data)
                await client.drain()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        """Returns when the client gave the connection up and the line is back: only then does the server learn it."""
        self.swallowed += 1
        while await reader.read(1 << 16):
            self.swallowed += 1
        await self._is_back.wait()

    async def _pass(self) -> None:
        """Returns when a piece may go on."""
        if self._is_held:
            self.swallowed += 1
            await asyncio.get_running_loop().create_future()
        if self.delay_s:
            self.delayed += 1
            await asyncio.sleep(self.delay_s)


@asynccontextmanager
async def proxied(host: str, port: int) -> AsyncIterator[Proxy]:
    """A proxy before a server."""
    proxy = Proxy(host, port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


async def broker_proxy(bootstrap: str, change: Tamper = lambda body: body) -> Proxy:
    """A started proxy before a broker: what the broker says of its own address is changed to the proxy's."""
    host, _, port = bootstrap.rpartition(":")
    proxy = Proxy(host, int(port))
    await proxy.start()

    def readdress(body: bytes) -> bytes:
        for name in (b"127.0.0.1", b"localhost"):
            body = body.replace(name + struct.pack("!i", int(port)), name + struct.pack("!i", proxy.port))
        return change(body)

    proxy.tamper = readdress
    return proxy


@asynccontextmanager
async def kafka_proxied(bootstrap: str, change: Tamper = lambda body: body) -> AsyncIterator[Proxy]:
    """A proxy before a broker on loopback, see ``broker_proxy``."""
    proxy = await broker_proxy(bootstrap, change)
    try:
        yield proxy
    finally:
        await proxy.stop()
