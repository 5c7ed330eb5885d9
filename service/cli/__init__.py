"""The command ``cuofeng``: one module per group of commands, each registered here."""

import sys

import typer

from detectors.errors import CuofengError

app = typer.Typer(
    name="cuofeng",
    help="Cuofeng 错峰: judges mandated production stops and limits from smart-meter streams.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Entry point: errors of our own become one line on standard error and their exit code."""
    from service.cli import commands

    commands.register(app)
    try:
        app()
    except CuofengError as error:
        sys.stderr.write(f"cuofeng: {error}\n")
        sys.exit(error.exit_code)
