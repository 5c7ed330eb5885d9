"""Which modules make up the command line."""

import typer

from service.cli import database, keys, operations, registry, serve

MODULES = (database, keys, operations, registry, serve)


def register(app: typer.Typer) -> None:
    """Let every module add its commands to ``app``."""
    for module in MODULES:
        module.register(app)
