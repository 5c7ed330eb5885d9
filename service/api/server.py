"""How the app is run anywhere, by ``cuofeng serve``, the demo and the tests: one server with every bound set."""

import faulthandler
import socket

import structlog
import uvicorn
from fastapi import FastAPI

from service.api.parts import Parts

log = structlog.get_logger(__name__)


class Server(uvicorn.Server):
    """Lets long-polls go before it waits for them: a stop takes moments, not the longest ``wait``."""

    #: Seconds after the word to stop at which the process ends in any case, with 1; None: it is not this server's.
    end_within_s: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        if self.started:
            log.info("serving", address=self.address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer the waiting readers, then close."""
        if self.end_within_s is not None:
            faulthandler.dump_traceback_later(self.end_within_s, exit=True)
        parts = self.config.app.state.parts if isinstance(self.config.app, FastAPI) else None
        if isinstance(parts, Parts):
            parts.feed.close()
        await super().shutdown(sockets)

    @property
    def address(self) -> str:
        """``http://host:port`` once ``started``; the real port when 0 was asked for."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(app: FastAPI, *, host: str, port: int) -> Server:
    """A server for an app of ``create_app``; port 0 takes a free one. Run it with ``await server.serve()``."""
    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=5,
            h11_max_incomplete_event_size=32 * 1024,
            backlog=512,
        )
    )
