"""Heartbeats of the consuming processes: who works, who got anywhere, whose clock is off. Times are the database's."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

#: A process is heard this often (seconds).
BEAT_S = 5.0
#: Processes that were not heard for so long are forgotten, once another of their role lives (seconds).
FORGET_S = 600.0

_BEAT = text(
    "INSERT INTO heartbeats (role, process, beat_at, moved_at, worked_at, clock_ahead_s) SELECT :role, :process, t,"
    " t - make_interval(secs => :moved_ago_s), t - make_interval(secs => :worked_ago_s),"
    " :now_s - extract(epoch FROM t)::float8 FROM clock_timestamp() AS t"
    " ON CONFLICT (role, process) DO UPDATE SET beat_at = excluded.beat_at, moved_at = excluded.moved_at,"
    " worked_at = excluded.worked_at, clock_ahead_s = excluded.clock_ahead_s"
)
_FORGET = text(
    "DELETE FROM heartbeats WHERE role = :role AND beat_at < clock_timestamp() - make_interval(secs => :forget_s)"
)
_READ = text(
    "SELECT role, process, extract(epoch FROM t - beat_at)::float8, extract(epoch FROM t - moved_at)::float8,"
    " extract(epoch FROM t - worked_at)::float8, clock_ahead_s FROM heartbeats, clock_timestamp() AS t"
    " ORDER BY role, beat_at DESC, process"
)


class Role(StrEnum):
    """What a process does."""

    INGEST = "ingest"
    EVALUATE = "evaluate"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A process as last heard, seconds ago. ``worked_ago_s``: None: it never had anything to do.

    ``clock_ahead_s``: its clock less the database's; None where the clock is a story's.
    """

    role: Role
    process: str
    heard_ago_s: float
    moved_ago_s: float
    worked_ago_s: float | None
    clock_ahead_s: float | None


async def beat(
    connection: AsyncConnection,
    *,
    role: Role,
    process: str,
    moved_ago_s: float,
    worked_ago_s: float | None,
    now_s: float | None,
) -> None:
    """Say that a process lives, and forget those that do not. now_s: its clock, epoch seconds; None: a story's."""
    await connection.execute(_FORGET, {"role": role.value, "forget_s": FORGET_S})
    await connection.execute(
        _BEAT,
        {
            "role": role.value,
            "process": process,
            "moved_ago_s": moved_ago_s,
            "worked_ago_s": worked_ago_s,
            "now_s": now_s,
        },
    )


async def leave(connection: AsyncConnection, role: Role, process: str) -> None:
    """A process ends in order: it is missed by nobody."""
    await connection.execute(
        text("DELETE FROM heartbeats WHERE role = :role AND process = :process"),
        {"role": role.value, "process": process},
    )


async def read_heartbeats(connection: AsyncConnection) -> tuple[Heartbeat, ...]:
    """Every process that was heard and not forgotten, by role, the last heard first."""
    return tuple(Heartbeat(Role(row[0]), *row[1:]) for row in await connection.execute(_READ))
