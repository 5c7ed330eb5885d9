"""Databases that are made for one run and dropped after it (the demo on a configured server)."""

import re

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.errors import InputError
from service.db.sessions import infrastructure_errors

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


async def create_database(engine: AsyncEngine, name: str) -> None:
    """Create an empty database. Raises InputError where the account may not, InfrastructureError where it is away."""
    await _administer(engine, f"CREATE DATABASE {_checked(name)}")


async def drop_database(engine: AsyncEngine, name: str) -> None:
    """Drop a database of this run, also while something is still connected to it."""
    await _administer(engine, f"DROP DATABASE IF EXISTS {_checked(name)} WITH (FORCE)")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a plain database name: {name}")
    return name


async def _administer(engine: AsyncEngine, statement: str) -> None:
    with infrastructure_errors():
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            try:
                await connection.execute(text(statement))
            except ProgrammingError as error:
                raise InputError(f"{statement}: {str(error.orig).split(': ')[-1]}") from error
