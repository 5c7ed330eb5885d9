"""``cuofeng demo``."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from service.observability.logs import configure_logs
from service.settings import Settings

#: Exit code when the demo was stopped before its end, as shells tell it.
STOPPED = 130


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("demo")
    def demo(
        headless: Annotated[
            bool, typer.Option("--headless", help="End by itself when all is judged; chosen without a terminal.")
        ] = False,
        speed: Annotated[
            float | None,
            typer.Option(min=0.0, help="Seconds of the story in a real second; 0: as fast as it can be judged."),
        ] = None,
        out: Annotated[
            Path | None, typer.Option(help="Keep the story here: registry and readings, as `backtest` reads them.")
        ] = None,
        broker: Annotated[
            str | None, typer.Option(help="embedded or apache (Java 17 and Maven); default: CUOFENG_DEMO_BROKER.")
        ] = None,
        port: Annotated[int | None, typer.Option(help="Port of the page; 0: a free one.")] = None,
        until: Annotated[
            str | None, typer.Option(help="Stand still at this time of the story, judged, until told to stop.")
        ] = None,
    ) -> None:
        """Watch about fifty plants being judged from a real stream: seven days of a season in about a minute.

        Starts its own database and broker where none are configured, and leaves nothing behind. Exit 1 when something
        planted was missed or something else was raised.
        """
        from service.cli.backtest import instant_of
        from service.demo.run import DemoOptions, run_demo
        from service.demo.season import ZONE

        configure_logs("warning")
        console = Console()
        is_headless = headless or not (sys.stdin.isatty() and console.is_terminal)
        until_s = instant_of(until, ZONE.key, "--until")
        options = DemoOptions(is_headless=is_headless, speed=speed, out=out, broker=broker, port=port, until_s=until_s)
        comparison = run_demo(options, Settings(), console)
        if comparison is None:
            raise typer.Exit(STOPPED)
        raise typer.Exit(0 if comparison.is_good else 1)
