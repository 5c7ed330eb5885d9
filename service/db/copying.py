"""COPY of arrays and of rows, in and out, inside a SQLAlchemy transaction.

asyncpg's connection under SQLAlchemy is *not in a transaction* until one statement went through SQLAlchemy: whoever
calls these has run one (RELIABILITY §2). What asyncpg raises here does not pass through SQLAlchemy: it is told apart
here.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import asyncpg
import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.errors import CuofengError, InfrastructureError
from service.db.sessions import ContentionError

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
#: Microseconds from 1970 to 2000: PostgreSQL counts from there.
_EPOCH_2000_US = 946_684_800_000_000
_AWAY = ("08", "53", "57", "58")
_UNIQUE_VIOLATION = "23505"
_DATA = ("22", "23")
_CONTENTION = ("40001", "40P01", "55P03")
#: Bytes that go to the connection at a time.
_PIECE = 1 << 19


class DataError(CuofengError):
    """The database refuses the data itself; the same again would fail again."""


class TakenError(DataError):
    """A key is there already."""


def row_dtype(columns: Sequence[tuple[str, str]]) -> np.dtype[np.void]:
    """Binary COPY row of (name, numpy type) columns, none of them null: count, then length and value of each."""
    fields: list[tuple[str, str]] = [("_fields", ">i2")]
    for name, kind in columns:
        fields += [(f"_len_{name}", ">i4"), (name, kind)]
    return np.dtype(fields)


def as_rows(dtype: "np.dtype[np.void]", columns: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.void]:
    """Columns of equal length as COPY rows."""
    blank = np.zeros((), dtype)
    blank["_fields"] = len(columns)
    various = {}
    for name, values in columns.items():
        blank[f"_len_{name}"] = dtype[name].itemsize
        if len(values) and (values == values[0]).all():
            blank[name] = values[0]
        else:
            various[name] = values
    rows = np.frombuffer(bytearray(blank.tobytes()) * len(next(iter(columns.values()))), dtype)
    for name, values in various.items():
        rows[name] = values
    return rows


def pg_microseconds(epoch_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Epoch milliseconds as PostgreSQL's binary timestamptz."""
    return epoch_ms * 1000 - _EPOCH_2000_US


def epoch_milliseconds(pg_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The way back."""
    return (pg_us + _EPOCH_2000_US) // 1000


async def copy_in(connection: AsyncConnection, table: str, columns: Sequence[str], rows: npt.NDArray[np.void]) -> None:
    """Append COPY rows to a table."""
    if len(rows):
        await _send(connection, table, columns, np.ascontiguousarray(rows).view(np.uint8).data)


async def copy_rows_in(connection: AsyncConnection, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
    """Append binary COPY rows, in whole or in pieces, to a table."""
    await _send(connection, table, columns, memoryview(b"".join(rows)))


async def _send(connection: AsyncConnection, table: str, columns: Sequence[str], rows: memoryview) -> None:
    async def pieces() -> AsyncIterator[bytes | memoryview]:
        """asyncpg would read a file a piece at a time in a thread, and wait for Python's lock with each."""
        yield _HEADER
        for begin in range(0, len(rows), _PIECE):
            yield rows[begin : begin + _PIECE]
        yield _TRAILER

    with driver_errors():
        await (await _driver(connection)).copy_to_table(table, source=pieces(), columns=list(columns), format="binary")


async def copy_records_in(
    connection: AsyncConnection, table: str, columns: Sequence[str], records: Iterable[tuple[Any, ...]]
) -> None:
    """Append Python tuples to a table; for the few rows that carry texts and bytes."""
    with driver_errors():
        await (await _driver(connection)).copy_records_to_table(table, records=list(records), columns=list(columns))


async def copy_out(
    connection: AsyncConnection, query: str, dtype: "np.dtype[np.void]", *arguments: object
) -> npt.NDArray[np.void]:
    """Result of a query without nulls as an array."""
    data = bytearray()

    async def keep(piece: bytes) -> None:  # in the loop: asyncpg would write to a file in a thread, see `_send`
        data.extend(piece)

    with driver_errors():
        await (await _driver(connection)).copy_from_query(query, *arguments, output=keep, format="binary")
    return np.frombuffer(memoryview(data)[len(_HEADER) : len(data) - len(_TRAILER)], dtype)


@contextmanager
def driver_errors() -> Iterator[None]:
    """What asyncpg raises by itself: outcome unknown, contention, or data that the database refuses."""
    try:
        yield
    except asyncpg.PostgresError as error:
        sqlstate = str(error.sqlstate or "")
        if sqlstate in _CONTENTION:
            raise ContentionError("another transaction won") from error
        if sqlstate[:2] in _AWAY:
            raise InfrastructureError("the database is away") from error
        if sqlstate == _UNIQUE_VIOLATION:
            raise TakenError(str(error)) from error
        if sqlstate[:2] in _DATA:
            raise DataError(str(error)) from error
        raise
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        if isinstance(error, ValueError):  # a value that asyncpg itself cannot encode
            raise DataError(str(error)) from error
        raise InfrastructureError("the database is away") from error


async def _driver(connection: AsyncConnection) -> Any:
    raw = await connection.get_raw_connection()
    return raw.driver_connection
