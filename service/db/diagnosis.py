"""What ``cuofeng doctor`` wants to know from the database, in one look."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.db.health import Health, read_health
from service.db.migrate import current_revision
from service.db.partitions import PARTITIONED, months_between
from service.db.tables import METADATA

AHEAD_DAYS = 31
#: A session that holds locks for longer is told (seconds).
HOLD_BAR_S = 10.0
#: Room that the database must have, in MiB: a file of its log is as large.
ROOM_MIB = 16
KEY_WARN_DAYS = 14
#: Tables whose rows are only ever added.
_ADDED_TO = ("alert_events", "audit_log")

_HOLDERS = text(
    "SELECT a.pid, coalesce(nullif(a.application_name, ''), a.usename), extract(epoch FROM clock_timestamp() -"
    " a.xact_start)::float8, (SELECT count(*) FROM pg_stat_activity w WHERE a.pid = ANY(pg_blocking_pids(w.pid)))"
    " FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()"
    " AND a.xact_start < clock_timestamp() - make_interval(secs => :bar_s) AND EXISTS (SELECT FROM pg_locks l WHERE"
    " l.pid = a.pid AND l.granted AND l.locktype = 'relation' AND l.mode <> 'AccessShareLock') ORDER BY a.xact_start"
)
_RIGHTS = text(
    "SELECT r.name || ' on ' || t.name"
    " FROM unnest(CAST(:tables AS text[]), CAST(:rights AS text[])) AS t(name, rights),"
    " unnest(string_to_array(t.rights, ' ')) AS r(name) WHERE NOT has_table_privilege(t.name, r.name) UNION ALL"
    " SELECT 'ownership of ' || relname FROM pg_class WHERE relname = ANY(:owned) AND relkind = 'p'"
    " AND NOT pg_has_role(relowner, 'USAGE')"
)
_HELD = text(
    "SELECT source, sum(row_count)::bigint, coalesce(sum(row_count) FILTER (WHERE code = 'future_ts'), 0)::bigint"
    " FROM quarantine WHERE state = 'held' GROUP BY source ORDER BY source"
)
_LETTERS = text(
    "SELECT count(*), extract(epoch FROM clock_timestamp() - min(held_at))::float8 FROM quarantine"
    " WHERE state = 'rejected'"
)
_KEYS = text(
    "SELECT name || ' (' || role || ')', max(expires_at) FILTER (WHERE revoked_at IS NULL),"
    " bool_or(revoked_at IS NULL AND expires_at IS NULL) FROM api_keys GROUP BY name, role"
    " HAVING bool_or(revoked_at IS NULL) ORDER BY 1"
)


@dataclass(frozen=True, slots=True)
class Holder:
    """A session that holds locks. ``waiting``: how many sessions wait for it."""

    pid: int
    name: str
    holds_s: float
    waiting: int


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Somebody with a key that was not revoked. ``expires_at``: of the last one; None: never."""

    name: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The database as found. The fields from ``health`` on mean nothing where the schema is another, rights are missing
    or reading was held up."""

    server_major: int
    clock_s: float
    """The database's clock, epoch seconds."""
    sessions: tuple[int, int]
    """Sessions now, and how many there may be."""
    holders: tuple[Holder, ...]
    """Sessions that have held locks for longer than ``HOLD_BAR_S``."""
    write_error: str | None
    """SQLSTATE with which the database refuses a write; None: it takes one."""
    revision: str | None = None
    missing_rights: tuple[str, ...] = ()
    is_held_up: bool = False
    """Reading took longer than a statement may: something is locked."""
    health: Health | None = None
    missing_partitions: tuple[tuple[str, date], ...] = ()
    """Tables and first days of the months, from today's to the one in ``AHEAD_DAYS``, that have no partition."""
    held_rows: dict[str, int] = field(default_factory=dict)
    """Rows in quarantine by source."""
    future_rows: int = 0
    """Rows in quarantine because they lie in the future."""
    dead_letters: tuple[int, float | None] = (0, None)
    """Refused records that the dead-letter topic has not got, and the age of the oldest in seconds."""
    keys: tuple[KeyHolder, ...] = ()
    calendar_years: frozenset[int] = frozenset()
    """Years that the imported calendar says anything about."""
    plants: int = 0


async def diagnose(engine: AsyncEngine, *, now_s: float, newest: str, slot_s: int) -> Diagnosis:
    """Look. now_s: epoch seconds UTC; newest: the revision this code works with, tables are read at no other.

    Raises:
        sqlalchemy.exc.DBAPIError, OSError, asyncpg.PostgresError: the database is not there.
    """
    write_error = await _write_error(engine)
    async with engine.connect() as connection:
        return await _look(connection, write_error, now_s, newest, slot_s)


async def _look(
    connection: AsyncConnection, write_error: str | None, now_s: float, newest: str, slot_s: int
) -> Diagnosis:
    server = (
        await connection.execute(
            text(
                "SELECT current_setting('server_version_num')::int / 10000,"
                " extract(epoch FROM clock_timestamp())::float8,"
                " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
                " current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
            )
        )
    ).one()
    holders = tuple(Holder(*row) for row in await connection.execute(_HOLDERS, {"bar_s": HOLD_BAR_S}))
    seen = Diagnosis(server[0], server[1], (server[2], server[3]), holders, write_error)
    try:
        seen = replace(seen, revision=await current_revision(connection))
        if seen.revision != newest:
            return seen
        seen = replace(seen, missing_rights=await _missing_rights(connection))
        if any(right.startswith("SELECT") for right in seen.missing_rights):
            return seen
        return await _tables(connection, seen, now_s, slot_s)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in ("57014", "55P03"):
            raise
        return replace(seen, is_held_up=True)


async def _tables(connection: AsyncConnection, seen: Diagnosis, now_s: float, slot_s: int) -> Diagnosis:
    held = (await connection.execute(_HELD)).all()
    letters = (await connection.execute(_LETTERS)).one()
    keys = await connection.execute(_KEYS)
    years = await connection.execute(text("SELECT DISTINCT extract(year FROM day)::int FROM calendar"))
    return replace(
        seen,
        health=await read_health(connection, slot_s),
        missing_partitions=await _missing_partitions(connection, datetime.fromtimestamp(now_s, UTC).date()),
        held_rows={source: int(rows) for source, rows, _ in held},
        future_rows=sum(int(row[2]) for row in held),
        dead_letters=(int(letters[0]), letters[1]),
        keys=tuple(KeyHolder(name, None if for_ever else until) for name, until, for_ever in keys),
        calendar_years=frozenset(years.scalars()),
        plants=int(await connection.scalar(text("SELECT count(*) FROM plants")) or 0),
    )


async def _write_error(engine: AsyncEngine) -> str | None:
    """Whether there is room for ``ROOM_MIB``, tried in a table that nobody sees and that is gone at once."""
    try:
        async with engine.connect() as connection:
            await connection.execute(text("CREATE TEMPORARY TABLE room (filling text) ON COMMIT DROP"))
            await connection.execute(text("ALTER TABLE room ALTER COLUMN filling SET STORAGE EXTERNAL"))
            await connection.execute(
                text("INSERT INTO room SELECT repeat('x', 1 << 20) FROM generate_series(1, :mib)"), {"mib": ROOM_MIB}
            )
            await connection.rollback()
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state is None or state[:2] == "08":
            raise
        return str(state)
    return None


async def _missing_rights(connection: AsyncConnection) -> tuple[str, ...]:
    tables = sorted(METADATA.tables)
    rights = ["SELECT INSERT" if name in _ADDED_TO else "SELECT INSERT UPDATE DELETE" for name in tables]
    found = await connection.execute(_RIGHTS, {"tables": tables, "rights": rights, "owned": list(PARTITIONED)})
    return tuple(found.scalars())


async def _missing_partitions(connection: AsyncConnection, today: date) -> tuple[tuple[str, date], ...]:
    found = set((await connection.execute(text("SELECT relname FROM pg_class WHERE relispartition"))).scalars())
    months = months_between(today, today + timedelta(days=AHEAD_DAYS))
    return tuple((table, month) for table in PARTITIONED for month in months if f"{table}_{month:%Y_%m}" not in found)
