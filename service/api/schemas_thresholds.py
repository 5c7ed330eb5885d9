"""What the answer about a scope's thresholds looks like, with an example."""

from typing import Any, Literal

from pydantic import Field

from service.api.schemas import Document, with_example

_SET: dict[str, Any] = {
    "rule": "stop_run",
    "name": "n_min",
    "value": 30.0,
    "unit": "min",
    "zh": "超限时长",
    "en": "over slots that open the alert",
    "default": 45.0,
    "low": 15.0,
    "high": 120.0,
    "origin": "郑环攻坚办〔2017〕9号",
    "set_for": "scope",
    "from": "2017-11-15T00:00:00+08:00",
    "to": None,
    "approved_by": "市环境攻坚办 王某",
}
_DEFAULT: dict[str, Any] = {
    **_SET,
    "name": "m_min",
    "value": 60.0,
    "zh": "观察窗口",
    "en": "slots among which they lie",
    "default": 60.0,
    "origin": "SEMANTICS default",
    "set_for": None,
    "from": None,
    "approved_by": None,
}
EXAMPLE: dict[str, Any] = {
    "scope_id": "P-0107",
    "plant_id": "P-0107",
    "county": "新密市",
    "date": "2017-11-16",
    "thresholds": [_SET, _DEFAULT],
}


class ThresholdValue(Document):
    """One number of one rule. low, high: what may be set. set_for: the scope, all scopes, or null for the default."""

    rule: str
    name: str
    value: float
    unit: str
    zh: str
    en: str
    default: float
    low: float
    high: float
    origin: str
    set_for: Literal["scope", "all"] | None
    from_: str | None = Field(alias="from")
    to: str | None
    approved_by: str | None


class ThresholdsAnswer(Document):
    """Every number that the rules test a scope by on a local day."""

    model_config = with_example(EXAMPLE)

    scope_id: str
    plant_id: str
    county: str
    date: str
    thresholds: list[ThresholdValue]
