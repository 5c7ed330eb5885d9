"""What requests and answers look like, with examples: the OpenAPI document is made of these."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from detectors.vocab import Condition, Evidence
from detectors.vocab import Rule as RuleName
from service.api import examples
from service.db.health import Fault
from service.db.heartbeats import Role


class Document(BaseModel):
    """An answer holds what is declared, and nothing else."""

    model_config = ConfigDict(extra="forbid")


def with_example(example: dict[str, Any], *, extra: Literal["forbid", "allow", "ignore"] = "forbid") -> ConfigDict:
    """Configuration of an answer's model: this example, and whether it may hold more than is declared."""
    return ConfigDict(extra=extra, json_schema_extra={"example": example})


class Problem(BaseModel):
    """RFC 9457."""

    model_config = with_example(
        {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "no such alert"}, extra="allow"
    )
    type: str
    title: str
    status: int
    detail: str | None = None


class Standing(Document):
    """What keeps an empty page from reading as "no violations"."""

    data_as_of: str | None = Field(description="slot end up to which every scope was evaluated, unknown included")
    ingest_lag_s: float | None = Field(description="age of the oldest partition's watermark; null: not known")
    degraded: bool = Field(description="true: an empty page may hide something")


class Alert(BaseModel):
    """An alert (CONTRACTS §4). Fields may be added."""

    model_config = with_example(examples.ALERT, extra="allow")
    id: str
    scope_id: str
    plant_id: str | None
    county: str | None
    rule: RuleName
    grade: int
    order_id: str | None
    order_revision: int | None
    baseline_version: str | None
    condition: Condition
    evidence: Evidence
    work: str
    first_slot_end: str
    opened_at_slot_end: str
    last_slot_end: str
    peak_kw: float | None
    cap_kw: float | None
    energy_over_kwh: float | None
    coverage: float | None
    thresholds: dict[str, Any]
    summary: dict[str, str]


class Event(Document):
    """One entry of the feed. ``actor`` and ``reason`` where a person did something."""

    seq: int
    type: str
    occurred_at: str
    backfill: bool
    actor: str | None = None
    reason: str | None = None
    alert: Alert


class FeedAnswer(Standing):
    """A page of the feed."""

    model_config = with_example(examples.FEED)
    events: list[Event]
    next: str
    scanned_to_seq: int
    head_seq: int
    has_more: bool


class AlertsAnswer(Standing):
    """A page of alerts."""

    model_config = with_example({"alerts": [examples.ALERT], "next": None, "feed": "AXk3…", **examples.STANDING})
    alerts: list[Alert]
    next: str | None = Field(description="cursor of the next page; null: this was the last")
    feed: str = Field(description="`after` for the change feed (same county) to go on from this answer, nothing missed")


class HistoryEvent(Event):
    """An event in an alert's history."""

    published_at: str


class Slot(Document):
    """A slot of a scope; unknown is null, never 0."""

    slot_end: str
    load_kw: float | None
    coverage: float | None
    cap_kw: float | None
    verdict: str | None = Field(description="null: not judged")
    reasons: list[str]
    order_id: str | None
    baseline_version: str | None


class AlertAnswer(Document):
    """An alert with its history and its evidence."""

    model_config = with_example(examples.ALERT_DETAIL)
    alert: Alert
    events: list[HistoryEvent]
    series: list[Slot] = Field(description="judged slots from 2 h before the first to 2 h after the last slot")
    series_is_cut: bool = Field(description="true: the alert is longer than the series; the latest slots are shown")


_Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
_Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]+$")]


class AckBody(Document):
    """Who acknowledges, and why."""

    model_config = with_example({"actor": "王工", "reason": "已电话核实,派人现场检查"})
    actor: _Line
    reason: _Prose


class AckAnswer(Document):
    """The alert after the acknowledgement, and the event's seq."""

    model_config = with_example({"alert": {**examples.ALERT, "work": "acknowledged"}, "seq": 18})
    alert: Alert
    seq: int


class PlantScope(Document):
    """A monitored scope and its last judged slot; null before anything was judged."""

    scope_id: str
    name: str
    kind: str
    current: Slot | None


class Plant(Document):
    """A plant of the office's list."""

    plant_id: str
    name: str
    county: str
    industry: str | None
    contract_kw: float | None
    lon: float | None
    lat: float | None
    open_alerts: list[str] = Field(description="ids, the latest opened first")
    leading_alert: str | None = Field(description="the open one whose rule comes first in merge order")
    scopes: list[PlantScope]


class PlantsAnswer(Standing):
    """A page of plants."""

    model_config = with_example(examples.PLANTS)
    plants: list[Plant]
    next: str | None


class LoadSlot(Slot):
    """A slot of a curve. ``baseline_kw``: R of the baseline valid there."""

    baseline_kw: float | None


class LoadAnswer(Standing):
    """The curve of a scope."""

    model_config = with_example(examples.LOAD)
    scope_id: str
    plant_id: str
    county: str
    slot_s: int
    from_: str = Field(alias="from")
    to: str
    slots: list[LoadSlot]


class DayRow(Document):
    """A scope's local day."""

    scope_id: str
    plant_id: str
    county: str
    date: str
    energy_kwh: float | None
    cap_kwh: float | None
    coverage: float
    verdict: str
    reasons: list[str]
    order_id: str | None
    violating_hours: float
    as_of: str
    revision: int


class DaysAnswer(Standing):
    """Day verdicts of a date."""

    model_config = with_example(examples.DAYS)
    date: str
    days: list[DayRow]
    next: str | None


class PartitionState(Document):
    """One partition of the readings' topic."""

    topic: str
    partition: int
    next_offset: int
    lag_records: int | None
    watermark: str | None
    committed_at: str | None
    stopped_reason: str | None


class ProcessState(Document):
    """A process that reads or judges, as last heard."""

    role: Role
    process: str
    heard_ago_s: float
    moved_ago_s: float


class StatusAnswer(Standing):
    """How far the stream is read and judged."""

    model_config = with_example(examples.STATUS)
    now: str
    faults: list[Fault] = Field(description="why an empty page may hide something; none: `degraded` is false")
    processes: list[ProcessState]
    partitions: list[PartitionState]


class StateAnswer(Document):
    """Alive or ready."""

    model_config = with_example({"status": "ready"})
    status: str


_SAID = {
    400: "Unknown parameter, bad value, or a cursor that does not belong here",
    401: "No valid key",
    403: "This key's role may not do this",
    404: "No such thing, or not in this reader's county",
    409: "The cursor belongs to another store (`resync` says where to begin), or somebody was there before",
    410: "Events behind the cursor are no longer kept (`resync` says where to begin)",
    412: "If-Match names another state",
    413: "The body is larger than 1 MiB",
    422: "The Idempotency-Key belongs to another request",
    503: "The database is away, or not ready; Retry-After says when to try again",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses of these statuses: problem documents."""
    reference = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {status: {"description": _SAID[status], "content": reference} for status in statuses}


LIST_ERRORS = problems(400, 401, 403, 404, 503)
FEED_ERRORS = problems(400, 401, 403, 404, 409, 410, 503)
ITEM_ERRORS = problems(400, 401, 403, 404, 503)
ACK_ERRORS = problems(400, 401, 403, 404, 409, 412, 413, 422, 503)
