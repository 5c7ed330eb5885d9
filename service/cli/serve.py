"""``cuofeng serve``."""

import asyncio
from typing import Annotated

import typer
import uvicorn

from service.api import create_app
from service.cli.database import required_database_url
from service.clock import SystemClock
from service.db.engine import make_engine
from service.observability.logs import configure_logs
from service.settings import Settings


def server_config(app: object, *, host: str, port: int) -> uvicorn.Config:
    """How the service is run anywhere: bounded headers, bounded time to close, no server banner, one log format."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=8,
        h11_max_incomplete_event_size=32 * 1024,
        backlog=512,
    )


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

        async def run() -> None:
            engine = make_engine(required_database_url(settings), name="serve", pool_size=10, statement_timeout_s=20.0)
            service = create_app(settings, engine, SystemClock())
            try:
                config = server_config(
                    service, host=host or settings.host, port=settings.port if port is None else port
                )
                await uvicorn.Server(config).serve()
            finally:
                await engine.dispose()

        asyncio.run(run())
