"""The command ``cuofeng``: one module per group of commands, each registered here."""

import sys

import typer
from pydantic import ValidationError

from detectors.errors import CuofengError, InputError

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
    except ValidationError as error:
        # Without the values: one of them may be a secret.
        for fault in error.errors(include_input=False, include_url=False, include_context=False):
            sys.stderr.write(f"cuofeng: CUOFENG_{str(fault['loc'][0]).upper()}: {fault['msg']}\n")
        sys.exit(InputError.exit_code)
    except CuofengError as error:
        sys.stderr.write(f"cuofeng: {error}\n")
        sys.exit(error.exit_code)
