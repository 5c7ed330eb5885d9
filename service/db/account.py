"""The account (对账) by source and hour: rows in = accepted + duplicate + superseded + rejected + quarantined (I3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class Outcome(StrEnum):
    """What became of a row."""

    ACCEPTED = "accepted"  # it became the value that stands
    DUPLICATE = "duplicate"  # the same as the value that stands
    SUPERSEDED = "superseded"  # it lost against the value that stands (SEMANTICS §2.6)
    REJECTED = "rejected"  # dead letter
    QUARANTINED = "quarantined"  # held


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One line of the account. hour_s: epoch seconds of the hour of the record's timestamp; code: '' where accepted."""

    source: str
    hour_s: int
    outcome: Outcome
    code: str = ""


ADD = text(
    "INSERT INTO ingest_account AS a (source, hour, outcome, code, row_count)"
    " SELECT * FROM unnest(CAST(:source AS text[]), CAST(:hour AS timestamptz[]), CAST(:outcome AS text[]),"
    " CAST(:code AS text[]), CAST(:row_count AS bigint[])) AS given (source, hour, outcome, code, row_count)"
    " ORDER BY 1, 2, 3, 4"
    " ON CONFLICT (source, hour, outcome, code) DO UPDATE SET row_count = a.row_count + EXCLUDED.row_count"
)
STATEMENT = text(
    "SELECT extract(epoch FROM hour)::bigint AS hour_s, outcome, code, row_count FROM ingest_account"
    " WHERE source = :source AND hour >= :first AND hour < :last AND row_count <> 0 ORDER BY hour, outcome, code"
)


async def add_lines(connection: AsyncConnection, lines: Mapping[Line, int]) -> None:
    """Add rows to the account. Last but the commit: partitions of one source wait for each other here."""
    moved = sorted((line, count) for line, count in lines.items() if count)
    if moved:
        await connection.execute(
            ADD,
            {
                "source": [line.source for line, _ in moved],
                "hour": [datetime.fromtimestamp(line.hour_s, UTC) for line, _ in moved],
                "outcome": [str(line.outcome) for line, _ in moved],
                "code": [line.code for line, _ in moved],
                "row_count": [count for _, count in moved],
            },
        )


async def statement(
    connection: AsyncConnection, source: str, first_s: int, last_s: int
) -> Sequence[tuple[int, Outcome, str, int]]:
    """Lines of a source in [first_s, last_s): (hour_s, outcome, code, rows)."""
    found = await connection.execute(
        STATEMENT,
        {"source": source, "first": datetime.fromtimestamp(first_s, UTC), "last": datetime.fromtimestamp(last_s, UTC)},
    )
    return [(row.hour_s, Outcome(row.outcome), row.code, row.row_count) for row in found]


async def sources(connection: AsyncConnection) -> list[str]:
    """Every source that has an account."""
    found = await connection.execute(text("SELECT DISTINCT source FROM ingest_account ORDER BY source"))
    return list(found.scalars())
