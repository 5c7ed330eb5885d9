"""Parameters as the caller writes them, refused or turned into typed values once. Unknown names are refused too."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from detectors.vocab import Condition, Control, Evidence, Rule
from service.api.problems import ProblemError

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")


def _refuse_naive(value: Any) -> Any:
    if isinstance(value, str) and not _RFC3339.fullmatch(value):
        if _RFC3339.fullmatch(value.replace(" ", "+")):
            raise ValueError("the + of the offset must be written %2B in an address")
        raise ValueError("a time is RFC 3339 with an offset, such as 2017-11-16T00:00:00+08:00")
    return value


def _in_range(value: datetime) -> datetime:
    if not 1971 <= value.year <= 2199:
        raise ValueError("years 1971 to 2199")
    return value


def _date_in_range(value: date) -> date:
    if not 1971 <= value.year <= 2199:
        raise ValueError("years 1971 to 2199")
    return value


#: A text without control characters: an id, a name. PostgreSQL holds no NUL.
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Instant = Annotated[datetime, BeforeValidator(_refuse_naive), AfterValidator(_in_range)]
Day = Annotated[date, AfterValidator(_date_in_range)]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[A-Za-z0-9_-]+$")]


class Query(BaseModel):
    """No parameter but the declared ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FeedQuery(Query):
    """Parameters of the change feed."""

    after: Cursor | None = Field(None, description="`next` of the page before; absent: from the beginning of retention")
    limit: int = Field(500, ge=1, le=1000, description="events of one page, at most")
    wait: float = Field(0, ge=0, le=30, description="seconds to wait for an event when there is none yet")
    county: Text | None = Field(None, description="only this county's events")
    plant_id: Text | None = Field(None, description="only this plant's events")
    rule: Rule | None = Field(None, description="only this rule's events")


class PageQuery(Query):
    """Parameters of every list."""

    limit: int = Field(200, ge=1, le=1000, description="rows of one page, at most")
    cursor: Cursor | None = Field(None, description="`next` of the page before")
    county: Text | None = Field(None, description="only this county's rows")


class PlantsQuery(PageQuery):
    """Parameters of the list of plants."""

    plant_id: Text | None = Field(None, description="only this plant")


class AlertsQuery(PageQuery):
    """Parameters of the list of alerts."""

    plant_id: Text | None = None
    scope_id: Text | None = None
    rule: Rule | None = None
    grade: int | None = Field(None, ge=1, le=2)
    condition: Condition | None = None
    evidence: Evidence | None = None
    work: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")] | None = None
    order_id: Text | None = None
    from_: Instant | None = Field(None, alias="from", description="opened at or after")
    to: Instant | None = Field(None, description="opened before")
    open: bool | None = Field(None, description="true: only alerts that are not over")


class SpanQuery(Query):
    """A span of time, half-open: slots that lie wholly in it."""

    from_: Instant = Field(alias="from", description="begin")
    to: Instant = Field(description="end, not included")


class LanguageQuery(Query):
    """In which language words are."""

    lang: Literal["zh", "en"] = Field("zh", description="language of the words")


class PictureSpanQuery(SpanQuery, LanguageQuery):
    """A span of time, and the language of the words."""


class AtQuery(Query):
    """An instant."""

    at: Instant | None = Field(None, description="the slot that holds this instant; absent: now")


class DayQuery(Query):
    """A local day, by an instant of it."""

    at: Instant | None = Field(None, description="the local day that holds this instant; absent: today")


class OrdersQuery(PageQuery):
    """Parameters of the list of orders."""

    plant_id: Text | None = None
    scope_id: Text | None = None
    control: Control | None = None
    clause: Text | None = None
    document: Text | None = None
    level: Text | None = Field(None, description="warning level")
    rulebook: Text | None = Field(None, description="only orders that this rulebook made")
    at: Instant | None = Field(None, description="in force then by their dates; daily windows are not asked")
    from_: Instant | None = Field(None, alias="from", description="in force at or after")
    to: Instant | None = Field(None, description="in force before")
    revisions: Literal["latest", "all"] = Field("latest", description="all: replaced revisions too")


class BaselinesQuery(Query):
    """Which version of a scope's baseline."""

    version: Text | None = Field(None, description="absent: all of them")


class RulebookQuery(Query):
    """Which version of a rulebook."""

    version: Text | None = Field(None, description="absent: the one applied last, else the shipped one")


def no_parameters(request: Request) -> None:
    """For routes without parameters: every name is unknown."""
    if request.query_params:
        raise ProblemError(400, f"unknown parameter: {', '.join(sorted(set(request.query_params)))}")


NoParameters = Depends(no_parameters)
