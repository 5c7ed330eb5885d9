"""What cursors, heartbeats, marks and the broker mean. Pure: facts in, findings out."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from consumers.kafka import TopicLook
from service.cli.findings import Finding, State
from service.db.health import STALL_BAR_S, Health, Partition
from service.db.heartbeats import Role

WATERMARK_FAIL_S = 3600.0
#: A topic that keeps its records for less loses them in an outage, or cannot fill a restored backup up (hours).
RETENTION_FAIL_H = 24
RETENTION_WARN_H = 24 * 7
#: What to do about a stopped partition, its number behind.
RESUME = "mend it, then run: cuofeng consume --resume-partition"
RUN = "run: cuofeng consume"
_BOOKS = "deploy/runbooks"


def judge_stream(health: Health, *, now_s: float, slot_s: int) -> Iterator[Finding]:
    """Whether the stream is read and judged. now_s: epoch seconds UTC; slot_s: width of a slot."""
    has_begun = bool(health.partitions or health.heartbeats)
    yield _process(health, Role.INGEST, has_begun)
    yield _process(health, Role.EVALUATE, has_begun)
    yield from _cursors(health, now_s)
    yield from _judged(health, now_s, slot_s)


def _process(health: Health, role: Role, has_begun: bool) -> Finding:
    """Whether somebody does the work of a role, and gets anywhere."""
    book = f"see {_BOOKS}/{role.value}-stands.md"
    heard = health.heard(role)
    if heard:
        stands_s = min(h.moved_ago_s for h in heard)
        if stands_s > STALL_BAR_S:
            detail = f"{len(heard)} processes are heard, but none has got anywhere for {stands_s:.0f} s"
            return Finding(role.value, State.FAIL, detail, f"read its log; {book}")
        return Finding(role.value, State.OK, f"{len(heard)} processes work")
    lost = [h for h in health.heartbeats if h.role is role]
    if lost:
        detail = f"{lost[0].process} was last heard {lost[0].heard_ago_s:.0f} s ago, and nobody else"
        return Finding(role.value, State.FAIL, detail, f"start it again; {book}")
    state = State.FAIL if has_begun else State.WARN
    return Finding(role.value, state, "no process runs", f"{RUN} --role {role.value}")


def _cursors(health: Health, now_s: float) -> Iterator[Finding]:
    """Stopped partitions, lag and watermark, worst partition first."""
    partitions = health.partitions
    if not partitions:
        yield Finding("cursors", State.WARN, "nothing was ever read from Kafka", RUN)
        return
    stopped = [p for p in partitions if p.stopped_reason is not None]
    for p in stopped:
        yield Finding("cursors", State.FAIL, f"{p.topic}-{p.part} is stopped: {p.stopped_reason}", f"{RESUME} {p.part}")
    if not stopped:
        yield Finding("cursors", State.OK, f"{len(partitions)} partitions, none stopped")
    yield _lag(partitions, now_s)
    marks = [p.watermark for p in partitions]
    if any(mark is None for mark in marks):
        yield Finding("watermark", State.WARN, "a partition was never read", RUN)
        return
    age_s = now_s - min(mark.timestamp() for mark in marks if mark is not None)
    detail = f"everything sent until {max(0.0, age_s):.0f} s ago was read"
    if age_s <= STALL_BAR_S:
        yield Finding("watermark", State.OK, detail)
    else:
        state = State.FAIL if age_s > WATERMARK_FAIL_S else State.WARN
        yield Finding("watermark", state, detail, "see whether cuofeng consume runs; add a replica while lag grows")


def _lag(partitions: tuple[Partition, ...], now_s: float) -> Finding:
    lags = [p.lag_records for p in partitions]
    if any(lag is None for lag in lags):
        return Finding("lag", State.WARN, "unknown: the end of a partition was never seen", RUN)
    for p in partitions:
        stands_s = None if p.committed_at is None else now_s - p.committed_at.timestamp()
        if p.lag_records and stands_s is not None and stands_s > STALL_BAR_S and p.stopped_reason is None:
            detail = f"{p.lag_records} records wait in {p.topic}-{p.part}, and none was read for {stands_s:.0f} s"
            return Finding("lag", State.FAIL, detail, f"see {_BOOKS}/ingest-stands.md")
    return Finding("lag", State.OK, f"{sum(lag or 0 for lag in lags)} records wait")


def _judged(health: Health, now_s: float, slot_s: int) -> Iterator[Finding]:
    as_of = health.data_as_of(slot_s)
    if as_of is None:
        yield Finding("judged", State.WARN, "no slot was judged yet", f"{RUN} --role evaluate")
    elif health.is_judged_late(now_s, slot_s):
        detail = f"slots are judged up to {as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC only"
        yield Finding("judged", State.FAIL, detail, f"see {_BOOKS}/evaluate-stands.md")
    elif health.begins_s > now_s:
        yield Finding("judged", State.OK, "no reading came yet and no order holds: nothing is to be judged")
    else:
        late_s = datetime.fromtimestamp(now_s, UTC) - as_of
        yield Finding("judged", State.OK, f"slots are judged up to {late_s.total_seconds() / 60:.0f} min ago")
    waits_s = health.mark_waits_s or 0.0
    if health.heard(Role.EVALUATE) and health.is_evaluate_stalled() and waits_s > STALL_BAR_S:
        detail = f"a mark has waited for {waits_s:.0f} s and nobody claims it"
        yield Finding("marks", State.FAIL, detail, f"see the finding locks, and {_BOOKS}/marks-wait.md")


def judge_broker(
    look: TopicLook, health: Health | None, *, topic: str, dead_letter_topic: str, group: str, waiting_letters: int
) -> Iterator[Finding]:
    """What the broker tells, held against the cursors. health: None where the database did not tell."""
    if look.bounds is None:
        advice = "see CUOFENG_KAFKA_TOPIC; the sender makes the topic, with as many partitions as readers may share"
        yield Finding("topic", State.FAIL, f"{topic} is not on the broker", advice)
    else:
        cursors = {p.part: p for p in (health.partitions if health is not None else ()) if p.topic == topic}
        yield from _topic(look.bounds, cursors, topic)
        yield _retention(look.retention_ms, topic)
    if look.members:
        yield Finding("group", State.OK, f"{group} has {look.members} members")
    else:
        state = State.FAIL if health is not None and health.partitions else State.WARN
        yield Finding("group", state, f"{group} has no members: nobody reads {topic}", f"{RUN} --role ingest")
    if not look.has_dead_letters:
        state = State.FAIL if waiting_letters else State.WARN
        advice = "ingest makes it where it may; else make it by hand, or grant CREATE on topics"
        yield Finding("deadtopic", state, f"{dead_letter_topic} is not on the broker", advice)


def _topic(bounds: Mapping[int, tuple[int, int]], cursors: Mapping[int, Partition], topic: str) -> Iterator[Finding]:
    gone = sorted(set(cursors) - set(bounds))
    faults = [f"partition {part} has a cursor but is not there" for part in gone]
    unread = 0
    for part, (first, end) in sorted(bounds.items()):
        at = cursors[part].next_offset if part in cursors else first
        unread += max(0, end - max(at, first))
        if at < first:
            faults.append(f"records {at} to {first - 1} of partition {part} were deleted before they were read")
        elif at > end:
            faults.append(f"partition {part} ends at {end}, behind its cursor {at}: made anew or cut")
    if faults:
        advice = f"see {_BOOKS}/partition-stopped.md; ask for lost readings again (补采, or cuofeng replay)"
        yield Finding("topic", State.FAIL, "; ".join(faults[:4]), advice)
    else:
        yield Finding("topic", State.OK, f"{topic} has {len(bounds)} partitions, {unread} records unread")


def _retention(retention_ms: int | None, topic: str) -> Finding:
    if retention_ms is None:
        return Finding("retention", State.OK, "the broker does not tell")
    hours = retention_ms / 3_600_000
    if retention_ms < 0 or hours >= RETENTION_WARN_H:
        return Finding("retention", State.OK, "for ever" if retention_ms < 0 else f"{hours / 24:.0f} days")
    state = State.FAIL if hours < RETENTION_FAIL_H else State.WARN
    detail = f"{topic} keeps its records for {hours:.1f} h only: a longer outage loses readings"
    return Finding("retention", state, detail, "set retention.ms of the topic to a week or more")
