"""Question and answer of the audit of the list."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from service.api import examples
from service.api.query import PageQuery
from service.api.schemas import Document, Standing
from service.plans.audit_findings import Code, Severity

#: Every code at once.
ALL: Literal["all"] = "all"

FINDING: dict[str, Any] = {
    "code": "unlisted",
    "severity": "error",
    "county": "新密市",
    "plant_id": "P-0311",
    "plant_name": "示例建材有限公司",
    "line_id": None,
    "scope_id": None,
    "meter_id": None,
    "account": None,
    "rulebook": "zhengzhou-2017",
    "clause": "三(一)3",
    "missing": [],
    "since": None,
    "numbers": {},
    "zh": "按方案应停限产，但未列入错峰生产企业清单（郑政文〔2017〕210号）：三(一)3：砖瓦窑；停产",
    "en": "ordered by the plan, but not on its list of plants (郑政文〔2017〕210号): brick and tile kilns; stop",
    "do_zh": "列入清单并重新套用方案；不应列入的，更正其行业代码或属性",
    "do_en": "list it and apply the plan again; or correct its industry code or attributes where it does not belong",
}
EXAMPLE: dict[str, Any] = {
    "rulebooks": [{"id": "zhengzhou-2017", "version": "1", "document": "郑政文〔2017〕210号", "listed_plants": 412}],
    "counts": {"unlisted": 1, "no_meter": 3},
    "findings": [FINDING],
    "next": None,
    **examples.STANDING,
}


class AuditQuery(PageQuery):
    """Parameters of the audit."""

    code: Code | Literal["all"] = Field(Code.UNLISTED, description="only these findings; `all`: of every code")


class ComparedRulebook(Document):
    """A rulebook that the list was held against."""

    id: str
    version: str
    document: str
    listed_plants: int | None = Field(
        description="on the list of its document, in all counties; null: there is no list"
    )


class FindingRow(Document):
    """One thing to set right. Without a plant it belongs to no county, and only who sees all counties sees it."""

    code: Code
    severity: Severity
    county: str | None
    plant_id: str | None
    plant_name: str | None
    line_id: str | None
    scope_id: str | None
    meter_id: str | None
    account: str | None
    rulebook: str | None
    clause: str | None
    missing: list[str] = Field(description="attributes, by their codes, that would decide")
    since: str | None
    numbers: dict[str, float] = Field(description="what was measured; units are in the names")
    zh: str
    en: str
    do_zh: str
    do_en: str


class AuditAnswer(Standing):
    """A page of findings, by plant."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": EXAMPLE})
    rulebooks: list[ComparedRulebook]
    counts: dict[str, int] = Field(description="findings of every code that this reader may see; absent: none")
    findings: list[FindingRow]
    next: str | None
