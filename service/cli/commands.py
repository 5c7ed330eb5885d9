"""Which modules make up the command line."""

import typer

from service.cli import (
    backtest,
    baseline,
    consume,
    database,
    demo,
    keys,
    maintain,
    operations,
    plan,
    registry,
    replay,
    serve,
    statement,
)

MODULES = (
    backtest,
    baseline,
    consume,
    database,
    demo,
    keys,
    maintain,
    operations,
    plan,
    registry,
    replay,
    serve,
    statement,
)


def register(app: typer.Typer) -> None:
    """Let every module add its commands to ``app``."""
    for module in MODULES:
        module.register(app)
