"""What a diagnosis means: one finding a question, each with what to do. Pure: facts in, findings out."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from holidays.countries.china import ChinaStaticHolidays

from service.cli.doctor_stream import judge_stream
from service.cli.findings import Finding, State
from service.db.diagnosis import KEY_WARN_DAYS, ROOM_MIB, Diagnosis
from service.db.health import CLOCK_BAR_S
from service.db.migrate import OLDEST_SERVER

CLOCK_WARN_S = 2.0
QUARANTINE_FULL = 0.8
SESSIONS_FULL = 0.9
#: A refused record may wait so long for the dead-letter topic (seconds).
LETTER_BAR_S = 60.0
CALENDAR_AHEAD = timedelta(days=60)
#: Last year whose holidays and make-up days the State Council had announced when the calendar's package was made.
ANNOUNCED_YEAR = max(ChinaStaticHolidays.special_public_holidays)
_WRITE_ERRORS = {
    "53100": ("the disk of the database is full", "free room on it, or put old months away: cuofeng maintain"),
    "25006": ("the database is read-only", "CUOFENG_DATABASE_URL must lead to the primary; see pg_is_in_recovery()"),
    "42501": ("this role may not make temporary tables", "GRANT TEMPORARY ON DATABASE … TO the role"),
}


def judge_database(
    diagnosis: Diagnosis, *, now_s: float, newest: str, slot_s: int, quarantine_cap: int
) -> list[Finding]:
    """All that the database tells. now_s: this machine's clock, epoch seconds UTC; slot_s: width of a slot."""
    findings = [_server(diagnosis), *_sessions(diagnosis), _clock(diagnosis, now_s), _writes(diagnosis)]
    if diagnosis.is_held_up:
        advice = "see the finding locks; else SELECT * FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return [*findings, Finding("schema", State.FAIL, "the tables cannot be read: something holds them", advice)]
    if diagnosis.revision != newest:
        found = diagnosis.revision or "empty"
        detail = f"database is {found}, this version needs {newest}"
        return [*findings, Finding("schema", State.FAIL, detail, "run: cuofeng migrate")]
    findings += [Finding("schema", State.OK, f"revision {newest}"), _rights(diagnosis)]
    if diagnosis.health is None:
        return findings
    findings += [_partitions(diagnosis, now_s), _registry(diagnosis)]
    findings += judge_stream(diagnosis.health, now_s=now_s, slot_s=slot_s)
    findings += [*_quarantine(diagnosis, quarantine_cap), _dead_letters(diagnosis), *_keys(diagnosis, now_s)]
    return [*findings, _calendar(diagnosis, now_s)]


def _server(diagnosis: Diagnosis) -> Finding:
    detail = f"PostgreSQL {diagnosis.server_major}"
    if diagnosis.server_major >= OLDEST_SERVER:
        return Finding("database", State.OK, detail)
    return Finding("database", State.FAIL, f"{detail} is older than {OLDEST_SERVER}", "move to a newer server")


def _sessions(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Connections left, and who holds locks."""
    used, limit = diagnosis.sessions
    if used >= SESSIONS_FULL * limit:
        advice = "end sessions that nobody uses, or raise max_connections"
        yield Finding("sessions", State.FAIL, f"{used} of {limit} connections are used", advice)
    else:
        yield Finding("sessions", State.OK, f"{used} of {limit} connections are used")
    for holder in diagnosis.holders:
        detail = f"session {holder.pid} ({holder.name}) has held locks for {holder.holds_s:.0f} s"
        advice = f"end it there, or: SELECT pg_terminate_backend({holder.pid})"
        if holder.waiting:
            yield Finding("locks", State.FAIL, f"{detail}; {holder.waiting} sessions wait for it", advice)
        else:
            yield Finding("locks", State.WARN, detail, advice)


def _clock(diagnosis: Diagnosis, now_s: float) -> Finding:
    ahead = {"this machine": now_s - diagnosis.clock_s}
    if diagnosis.health is not None:
        ahead |= diagnosis.health.clocks_ahead_s(None)
    name, ahead_s = max(ahead.items(), key=lambda item: abs(item[1]))
    state = State.OK
    if abs(ahead_s) > CLOCK_WARN_S:
        state = State.FAIL if abs(ahead_s) > CLOCK_BAR_S else State.WARN
    detail = f"{name} is {ahead_s:+.1f} s from the database"
    return Finding("clock", state, detail, "" if state is State.OK else "set both clocks by NTP")


def _writes(diagnosis: Diagnosis) -> Finding:
    error = diagnosis.write_error
    if error is None:
        return Finding("writes", State.OK, f"there is room for {ROOM_MIB} MiB")
    detail, advice = _WRITE_ERRORS.get(error, (f"a write was refused ({error})", "see the log of PostgreSQL"))
    return Finding("writes", State.FAIL, detail, advice)


def _rights(diagnosis: Diagnosis) -> Finding:
    missing = diagnosis.missing_rights
    if not missing:
        return Finding("rights", State.OK, "this role may do what it has to")
    said = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
    advice = "GRANT them, or name the role that ran cuofeng migrate in CUOFENG_DATABASE_URL"
    return Finding("rights", State.FAIL, f"this role lacks: {said}", advice)


def _partitions(diagnosis: Diagnosis, now_s: float) -> Finding:
    missing = diagnosis.missing_partitions
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


def _quarantine(diagnosis: Diagnosis, cap: int) -> Iterator[Finding]:
    held = diagnosis.held_rows
    if not held:
        yield Finding("quarantine", State.OK, "empty")
        return
    said = ", ".join(f"{source} {rows}" for source, rows in held.items())
    if max(held.values()) >= QUARANTINE_FULL * cap:
        advice = "import the missing meters or settle the source"
        yield Finding("quarantine", State.FAIL, f"nearly full: {said} of {cap}", advice)
    else:
        advice = "see cuofeng statement; import the missing meters"
        yield Finding("quarantine", State.WARN, f"rows held: {said}", advice)
    if diagnosis.future_rows:
        advice = "the sender's clock is ahead: tell the sender; they go in when their time has come"
        yield Finding("future", State.WARN, f"{diagnosis.future_rows} readings lie in the future", advice)


def _dead_letters(diagnosis: Diagnosis) -> Finding:
    count, oldest_s = diagnosis.dead_letters
    if not count or oldest_s is None:
        return Finding("deadletters", State.OK, "none waits")
    detail = f"{count} refused records wait for the dead-letter topic, the oldest for {oldest_s:.0f} s"
    if oldest_s <= LETTER_BAR_S:
        return Finding("deadletters", State.OK, detail)
    advice = "see whether ingest runs, whether CUOFENG_KAFKA_DLQ_TOPIC is there, and may be written"
    return Finding("deadletters", State.FAIL, detail, advice)


def _keys(diagnosis: Diagnosis, now_s: float) -> Iterator[Finding]:
    advice = "run: cuofeng keys create"
    if not diagnosis.keys:
        yield Finding("keys", State.WARN, "there is no key: nobody can read alerts", advice)
        return
    now = datetime.fromtimestamp(now_s, UTC)
    until = [(k.name, k.expires_at) for k in diagnosis.keys if k.expires_at is not None]
    expired = [f"{name} since {at:%Y-%m-%d}" for name, at in until if at <= now]
    if expired:
        yield Finding(
            "keys", State.FAIL, f"expired: {', '.join(expired)}", f"{advice}; or end them: cuofeng keys revoke"
        )
    ending = [f"{name} {at:%Y-%m-%d}" for name, at in until if now < at <= now + timedelta(days=KEY_WARN_DAYS)]
    if ending:
        yield Finding("keys", State.WARN, f"about to expire: {', '.join(ending)}", advice)
    if not expired and not ending:
        yield Finding("keys", State.OK, f"{len(diagnosis.keys)} holders")


def _calendar(diagnosis: Diagnosis, now_s: float) -> Finding:
    now = datetime.fromtimestamp(now_s, UTC)

    def is_known(year: int) -> bool:
        return year <= ANNOUNCED_YEAR or year in diagnosis.calendar_years

    year = (now + CALENDAR_AHEAD).year
    if is_known(year) and is_known(now.year):
        return Finding("calendar", State.OK, f"holidays and make-up days of {year} are known")
    state = State.WARN if is_known(now.year) else State.FAIL
    detail = f"holidays and make-up days are known until the end of {ANNOUNCED_YEAR}"
    return Finding("calendar", state, detail, f"import a calendar sheet for {year}, or a newer release")
