"""What a diagnosis means: one finding a question, each with what to do. Pure: facts in, findings out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from holidays.countries.china import ChinaStaticHolidays

from service.db.diagnosis import Diagnosis
from service.db.health import STALL_BAR_S
from service.db.migrate import OLDEST_SERVER

CLOCK_WARN_S = 2.0
CLOCK_FAIL_S = 30.0
WATERMARK_FAIL_S = 3600.0
QUARANTINE_FULL = 0.8
CALENDAR_AHEAD = timedelta(days=60)
#: What to do about a stopped partition, its number behind.
RESUME = "mend it, then run: cuofeng consume --resume-partition"
#: Last year whose holidays and make-up days the State Council had announced when the calendar's package was made.
ANNOUNCED_YEAR = max(ChinaStaticHolidays.special_public_holidays)


class State(StrEnum):
    """How bad it is. Any ``fail`` makes the command end with 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. ``advice``: what to do, empty when nothing is."""

    check: str
    state: State
    detail: str
    advice: str = ""


def judge_database(diagnosis: Diagnosis, *, now_s: float, newest: str, quarantine_cap: int) -> list[Finding]:
    """All that the database tells. now_s: this machine's clock, epoch seconds UTC."""
    findings = [
        Finding("database", State.OK, f"PostgreSQL {diagnosis.server_major}")
        if diagnosis.server_major >= OLDEST_SERVER
        else Finding(
            "database",
            State.FAIL,
            f"PostgreSQL {diagnosis.server_major} is older than {OLDEST_SERVER}",
            "move to a newer server",
        ),
        _clock(diagnosis.clock_s, now_s),
    ]
    if diagnosis.revision != newest:
        found = diagnosis.revision or "empty"
        return [
            *findings,
            Finding("schema", State.FAIL, f"database is {found}, this version needs {newest}", "run: cuofeng migrate"),
        ]
    findings.append(Finding("schema", State.OK, f"revision {newest}"))
    findings += [_partitions(diagnosis, now_s), _registry(diagnosis)]
    findings += [*_stream(diagnosis, now_s), _quarantine(diagnosis, quarantine_cap), _calendar(diagnosis, now_s)]
    return findings


def _clock(database_s: float, now_s: float) -> Finding:
    ahead_s = now_s - database_s
    detail = f"this machine is {ahead_s:+.1f} s from the database"
    advice = "set both clocks by NTP"
    if abs(ahead_s) > CLOCK_FAIL_S:
        return Finding("clock", State.FAIL, detail, advice)
    return (
        Finding("clock", State.WARN, detail, advice)
        if abs(ahead_s) > CLOCK_WARN_S
        else Finding("clock", State.OK, detail)
    )


def _partitions(diagnosis: Diagnosis, now_s: float) -> Finding:
    missing = diagnosis.missing_partitions or ()
    if not missing:
        return Finding("partitions", State.OK, "this month's and the next's are there")
    month = datetime.fromtimestamp(now_s, UTC).date().replace(day=1)
    state = State.FAIL if any(first <= month for _, first in missing) else State.WARN
    names = ", ".join(f"{table} {first:%Y-%m}" for table, first in missing)
    return Finding("partitions", state, f"missing: {names}", "run: cuofeng migrate")


def _registry(diagnosis: Diagnosis) -> Finding:
    if not diagnosis.plants:
        return Finding("registry", State.WARN, "no plants: every reading goes to quarantine", "run: cuofeng import")
    return Finding("registry", State.OK, f"{diagnosis.plants} plants")


def _stream(diagnosis: Diagnosis, now_s: float) -> Iterator[Finding]:
    """Cursors, lag and watermark, worst partition first."""
    partitions = diagnosis.health.partitions if diagnosis.health is not None else ()
    if not partitions:
        yield Finding("cursors", State.WARN, "nothing was ever read from Kafka", "run: cuofeng consume")
        return
    stopped = [p for p in partitions if p.stopped_reason is not None]
    for p in stopped:
        yield Finding(
            "cursors",
            State.FAIL,
            f"{p.topic}-{p.part} is stopped: {p.stopped_reason}",
            f"{RESUME} {p.part}",
        )
    if not stopped:
        yield Finding("cursors", State.OK, f"{len(partitions)} partitions, none stopped")
    lags = [p.lag_records for p in partitions]
    if any(lag is None for lag in lags):
        yield Finding("lag", State.WARN, "unknown: the end of a partition was never seen", "run: cuofeng consume")
    else:
        yield Finding("lag", State.OK, f"{sum(lag or 0 for lag in lags)} records wait")
    marks = [p.watermark for p in partitions]
    if any(mark is None for mark in marks):
        yield Finding("watermark", State.WARN, "a partition was never read", "run: cuofeng consume")
        return
    age_s = max(0.0, now_s - min(mark.timestamp() for mark in marks if mark is not None))
    detail = f"everything sent until {age_s:.0f} s ago was read"
    if age_s <= STALL_BAR_S:
        yield Finding("watermark", State.OK, detail)
    else:
        state = State.FAIL if age_s > WATERMARK_FAIL_S else State.WARN
        yield Finding("watermark", state, detail, "see whether cuofeng consume runs; add a replica while lag grows")


def _quarantine(diagnosis: Diagnosis, cap: int) -> Finding:
    held = diagnosis.held_rows or {}
    if not held:
        return Finding("quarantine", State.OK, "empty")
    said = ", ".join(f"{source} {rows}" for source, rows in held.items())
    if max(held.values()) >= QUARANTINE_FULL * cap:
        return Finding(
            "quarantine", State.FAIL, f"nearly full: {said} of {cap}", "import the missing meters or settle the source"
        )
    return Finding("quarantine", State.WARN, f"rows held: {said}", "see cuofeng statement; import the missing meters")


def _calendar(diagnosis: Diagnosis, now_s: float) -> Finding:
    year = (datetime.fromtimestamp(now_s, UTC) + CALENDAR_AHEAD).year
    if year <= ANNOUNCED_YEAR or year in (diagnosis.calendar_years or ()):
        return Finding("calendar", State.OK, f"holidays and make-up days of {year} are known")
    return Finding(
        "calendar",
        State.WARN,
        f"holidays and make-up days are known until the end of {ANNOUNCED_YEAR}",
        f"import a calendar sheet for {year}, or a newer release",
    )
