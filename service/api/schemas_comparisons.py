"""What ``POST /v1/comparisons`` takes and answers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat

from detectors.errors import InputError
from detectors.registry import FOREVER, Baseline, Registry
from detectors.variants import with_baseline_version, with_baselines, with_order_changed, with_threshold
from service.api.query import Day, Instant, Text
from service.api.schemas import Document, problems, with_example

_EXAMPLE: dict[str, Any] = {
    "scopes": ["P1"],
    "from": "2017-11-16T00:00:00+08:00",
    "to": "2017-11-20T00:00:00+08:00",
    "thresholds": [{"scope_id": "P1", "rule": "stop_run", "name": "n_min", "value": 30}],
}
_LOOK: dict[str, Any] = {
    "id": "3f2a9c1d7e5b4a60",
    "grade": 2,
    "first_slot_end": "2017-11-16T22:15:00+08:00",
    "opened_at_slot_end": "2017-11-16T22:45:00+08:00",
    "closed_slot_end": None,
}
_Kw = Annotated[FiniteFloat, Field(ge=0)]


class ProposedThreshold(Document):
    """A value in place of a threshold; without ``scope_id``: of every scope that has none of its own."""

    scope_id: Text | None = None
    rule: Text
    name: Text
    value: FiniteFloat


class ProposedBaseline(Document):
    """A baseline in place of all of its scope. With its ``version`` alone: the stored one, else the proposed fit of
    that name; then without ``scope_id``: of every scope that has it."""

    scope_id: Text | None = None
    version: Text
    running_kw: Annotated[FiniteFloat, Field(gt=0)] | None = None
    max_kw: _Kw | None = None
    idle_kw: _Kw | None = None
    day_kwh: _Kw | None = None
    day_type: Literal["all", "workday", "restday"] = "all"

    @property
    def is_named(self) -> bool:
        """Whether it names a version and gives no numbers."""
        return self.model_fields_set <= {"scope_id", "version"}

    def row(self) -> Baseline:
        """The baseline that its numbers are. Raises InputError where they are nobody's."""
        if self.scope_id is None:
            raise InputError(f"baseline {self.version}: numbers are of one scope, name its scope_id")
        return Baseline(
            self.scope_id, self.version, 0, self.running_kw or 0.0, max_kw=self.max_kw, idle_kw=self.idle_kw,
            day_kwh=self.day_kwh, day_type=self.day_type,
        )  # fmt: skip


class ProposedOrder(Document):
    """A further revision of an order: what is named here differs, an explicit null takes a value away."""

    order_id: Text
    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = Field(None, description="null: open")
    reduction: Annotated[FiniteFloat, Field(ge=0, le=1)] | None = None
    cap_kw: _Kw | None = None
    residual_kw: _Kw | None = None
    units_allowed: Annotated[int, Field(ge=0)] | None = None
    ramp_down_h: Annotated[FiniteFloat, Field(ge=0, le=720)] | None = None

    def changes(self) -> dict[str, Any]:
        """Fields of ``detectors.registry.Order`` that differ."""
        named = self.model_fields_set
        found: dict[str, Any] = {n: getattr(self, n) for n in _ORDER_FIELDS if n in named}
        if self.from_ is not None:
            found["valid_from"] = int(self.from_.timestamp())
        if "to" in named:
            found["valid_to"] = FOREVER if self.to is None else int(self.to.timestamp())
        return found


_ORDER_FIELDS = ("reduction", "cap_kw", "residual_kw", "units_allowed", "ramp_down_h")
_Some: Any = Field(default_factory=list, max_length=500)


class ComparisonBody(Document):
    """What is to be tried out, on which scopes and over which span, half-open."""

    model_config = with_example(_EXAMPLE)
    scopes: Annotated[list[Text], Field(min_length=1, max_length=200)]
    from_: Instant = Field(alias="from")
    to: Instant
    thresholds: list[ProposedThreshold] = _Some
    baselines: list[ProposedBaseline] = _Some
    orders: list[ProposedOrder] = _Some

    @property
    def versions(self) -> list[str]:
        """Versions of baselines that are named without numbers."""
        return sorted({b.version for b in self.baselines if b.is_named})

    def applied(self, registry: Registry, waiting: Sequence[Baseline] = ()) -> Registry:
        """The registry with all that is proposed. waiting: rows of proposed fits, of which the versions named are taken
        as the registry's. Raises InputError where that cannot be."""
        for t in self.thresholds:
            registry = with_threshold(registry, t.scope_id, t.rule, t.name, t.value)
        for b in (b for b in self.baselines if b.is_named):
            fits = [w for w in waiting if w.version == b.version and b.scope_id in (None, w.scope_id)]
            with_fits = replace(registry, baselines=(*registry.baselines, *fits))
            registry = with_baseline_version(with_fits, b.scope_id, b.version)
        registry = with_baselines(registry, [b.row() for b in self.baselines if not b.is_named])
        for o in self.orders:
            registry = with_order_changed(registry, o.order_id, o.changes())
        return registry


class AlertLook(Document):
    """An alert as one of the settings raises it."""

    id: str
    grade: int
    first_slot_end: str
    opened_at_slot_end: str
    closed_slot_end: str | None


class AlertChange(Document):
    """An alert that differs. ``moved``: names of what differs."""

    change: Literal["added", "removed", "moved"]
    scope_id: str
    plant_id: str | None
    rule: str
    order_id: str | None
    moved: list[str]
    before: AlertLook | None
    after: AlertLook | None


class DayChange(Document):
    """A day with another verdict."""

    scope_id: str
    plant_id: str | None
    date: Day
    before: str
    after: str


class AlertCounts(Document):
    """Alerts of both settings, and what became of them."""

    before: int
    after: int
    same: int
    added: int
    removed: int
    moved: int


class DayCounts(Document):
    """Days that both settings judged, and those with another verdict."""

    compared: int
    changed: int


class ComparisonAnswer(Document):
    """What the proposed setting would have changed."""

    model_config = with_example(
        {
            "as_of": "2017-11-20T00:00:00+08:00",
            "alerts": {"before": 0, "after": 1, "same": 0, "added": 1, "removed": 0, "moved": 0},
            "days": {"compared": 4, "changed": 1},
            "alert_changes": [
                {
                    "change": "added",
                    "scope_id": "P1",
                    "plant_id": "P1",
                    "rule": "stop_run",
                    "order_id": "O1",
                    "moved": [],
                    "before": None,
                    "after": _LOOK,
                }
            ],
            "day_changes": [
                {"scope_id": "P1", "plant_id": "P1", "date": "2017-11-16", "before": "compliant", "after": "violating"}
            ],
        }
    )
    as_of: str = Field(description="slot end up to which the stored loads were judged")
    alerts: AlertCounts
    days: DayCounts
    alert_changes: list[AlertChange]
    day_changes: list[DayChange]


ERRORS = problems(400, 401, 403, 404, 413, 503)
