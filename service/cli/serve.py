"""``cuofeng serve``."""

import asyncio
import signal
import sys
from typing import Annotated

import typer

from service.api import create_app
from service.api.server import make_server
from service.cli.database import required_database_url
from service.clock import SystemClock
from service.db.engine import make_engine
from service.observability.logs import configure_logs
from service.settings import Settings

#: After the word to stop (seconds).
END_S = 9.8


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("serve")
    def serve(
        host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
        port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    ) -> None:
        """Answer the API, the page and /metrics. Reads only, never judges."""
        settings = Settings()
        configure_logs()
        # The server ends in order at a signal and then raises it again: the work is done, so the process ends with 0.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))

        async def run() -> None:
            engine = make_engine(required_database_url(settings), name="serve", pool_size=10, statement_timeout_s=20.0)
            service = create_app(settings, engine, SystemClock())
            server = make_server(service, host=host or settings.host, port=settings.port if port is None else port)
            server.end_within_s = END_S
            try:
                await server.serve()
            finally:
                await engine.dispose()

        asyncio.run(run())
