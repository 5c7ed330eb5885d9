"""What the answer about a scope's baselines looks like, with an example."""

from typing import Any, Literal

from pydantic import Field

from detectors.baseline import METHODS
from service.api.schemas import Document, with_example
from service.baselines.documents import BY_HAND
from service.db.baseline_fits import FitState

_LEVELS = {
    "running_kw": 812.4, "max_kw": 1010.0, "idle_kw": 46.2, "day_kwh": 11240.5, "night_kwh": 310.2,
    "night_sd_kwh": 84.0, "floor_kw": 31.5, "equal_h": 0.75, "idle_equal_h": 1.5, "rrmse": 0.081, "bias": 0.006,
}  # fmt: skip
_EXPLANATION = {
    "zh": "参考期 2017-09-11 至 2017-10-31，采用 29 天。平均值法：基准负荷 812.4 kW。",
    "en": "Reference period 2017-09-11 to 2017-10-31: 29 days count. By the mean: running at 812.4 kW.",
}
EXAMPLE: dict[str, Any] = {
    "scope_id": "P-0107",
    "plant_id": "P-0107",
    "county": "新密市",
    "baselines": [
        {
            "scope_id": "P-0107",
            "version": "fit-2017-09-11/2017-11-01",
            "state": "approved",
            "from": "2017-11-01T00:00:00+08:00",
            "to": None,
            "method": "mean",
            "origin": "fit 2017-09-11 2017-10-31 sha256:6b1f…",
            "approved_by": "市工信委 王某",
            "approved_at": "2017-11-08T09:12:00+08:00",
            "document": "郑工信〔2017〕88号",
            "rows": [{"day_type": "all", **_LEVELS, "profile_kw": []}],
            "fit": {
                "period_from": "2017-09-11",
                "period_to": "2017-11-01",
                "made_at": "2017-11-02T10:00:00+08:00",
                "method": "mean",
                "data_hash": "6b1f…",
                "confidence": "high",
                "rrmse": 0.081,
                "bias": 0.006,
                "idle_reason": "learned",
                "split_kw": 320.0,
                "stops": 9,
                "days_used": ["2017-09-11", "2017-09-12"],
                "days_dropped": [
                    {"date": "2017-10-02", "reason": "holiday", "zh": "法定节假日", "en": "public holiday"}
                ],
                "doubts": [],
                "refusal": None,
                "year_before": None,
                "explanation": _EXPLANATION,
            },
        }
    ],
}


class Words(Document):
    """The same in Chinese and English."""

    zh: str
    en: str


class CodedWords(Words):
    """A code and what it means."""

    code: str


class BaselineRow(Document):
    """Levels of one day type. Loads kW, energies kWh, spans h, errors as shares; null: not known, or not learned."""

    day_type: Literal["all", "workday", "restday"]
    running_kw: float
    max_kw: float | None
    idle_kw: float | None
    day_kwh: float | None
    night_kwh: float | None
    night_sd_kwh: float | None
    floor_kw: float | None
    equal_h: float | None
    idle_equal_h: float | None
    rrmse: float | None
    bias: float | None
    profile_kw: list[float] = Field(description="one value a slot of a day; empty: none")


class DroppedDate(Words):
    """A day that was left out, and why."""

    date: str
    reason: str


class YearBefore(Words):
    """The working day of the last four weeks beside that of the same days a year ago: a rise just before a season
    raises the baseline. Of the whole period where ``rest_share`` is null."""

    share: float | None = Field(description="rise, 0.1 = 10 %; null: cannot be told")
    kwh: float | None
    before_kwh: float | None
    is_suspicious: bool
    rest_share: float | None = Field(description="rise in the rest of the period; null: too short to be told")


class FitFacts(Document):
    """How a baseline was found."""

    period_from: str = Field(description="first local day of the reference period")
    period_to: str = Field(description="not included")
    made_at: str
    method: str = Field(description=", ".join(METHODS))
    data_hash: str = Field(description="sha256 of the days used and the settings")
    confidence: str = Field(description="high, medium or low")
    rrmse: float | None = Field(description="error of the energies of left-out days, share of their mean")
    bias: float | None = Field(description="mean of that error; above 0: the baseline is too high")
    idle_reason: str = Field(description="whether an idle level was learned, and why not")
    split_kw: float | None = Field(description="loads above it count as running")
    stops: int = Field(description="how often it stood still")
    days_used: list[str]
    days_dropped: list[DroppedDate]
    doubts: list[CodedWords] = Field(description="what to ask before approving")
    refusal: CodedWords | None = Field(description="why the data carry no baseline")
    year_before: YearBefore | None = Field(description="null: not compared")
    explanation: Words


class BaselineVersion(Document):
    """One version: what the registry holds, or a fit that nobody has approved."""

    scope_id: str
    version: str
    state: str = Field(description=f"{', '.join(s.value for s in FitState)}, or {BY_HAND}: no fit has made it")
    from_: str = Field(alias="from")
    to: str | None = Field(description="not included; null: open")
    method: str | None
    origin: str | None
    approved_by: str | None
    approved_at: str | None
    document: str | None
    rows: list[BaselineRow]
    fit: FitFacts | None


class BaselinesAnswer(Document):
    """All versions of a scope, by the time from which they hold."""

    model_config = with_example(EXAMPLE)

    scope_id: str
    plant_id: str
    county: str
    baselines: list[BaselineVersion]
