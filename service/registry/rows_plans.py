"""Cells, read -> rows of lists, plans of plants, approvals, warning levels and turns."""

import re
import unicodedata
from dataclasses import replace
from typing import Any

from detectors.registry import Approval, Episode, Listing, PlantPlan, Rotation
from detectors.vocab import Control
from service.registry.row_parts import Built, Refuse, Values, same, scope_of, span
from service.registry.tables_plans import LEVEL_NAMES

_STOP = re.compile(r"(全厂|全部|全线|实施)?停产")
_LIMIT = re.compile(r"(实施)?限产(\d{1,2}(?:\.\d+)?)%(以上)?")


def listing(v: Values, refuse: Refuse) -> Built:
    """A row of 错峰生产企业清单."""
    return Built(
        Listing(
            **same(v, "document", "plant_id", "line_id", "clause", "measure", "office", "office_phone", "office_person")
        )
    )


def plant_plan(v: Values, refuse: Refuse) -> Built:
    """A row of 一厂一策: one row for the season or for its level, and one more for each level that it has a measure of.

    Under a level, a measure in plain words (停产, 限产30%) fills control or reduction where they are empty; the
    season's row leaves both to the plan. Rows of levels have the season row's residual load, hours and office.
    """
    begin, end = span(v, refuse)
    columns = same(
        v,
        "plant_id",
        "document",
        "line_id",
        "level",
        "control",
        "reduction",
        "units_allowed",
        "cap_kw",
        "residual_kw",
        "ramp_down_h",
        "measure",
        "office",
        "office_phone",
        "office_person",
    )
    levels = {level: v[f"measure_{level}"] for level in LEVEL_NAMES if v[f"measure_{level}"] is not None}
    if v["level"] is not None and levels:
        column = f"measure_{next(iter(levels))}"
        refuse(column, "the row is for one warning level already", "该行已填预警级别，不应再分级填写措施")
    row = PlantPlan(**columns, lines_stopped=v["lines_stopped"] or (), valid_from=begin, valid_to=end)
    more = tuple(("plant_plans", _understood(_of_level(row, level, measure))) for level, measure in levels.items())
    return Built(row if row.level is None else _understood(row), more=more)


def approval(v: Values, refuse: Refuse) -> Built:
    """A row of 保民生核定."""
    begin, end = span(v, refuse)
    columns = same(v, "task", "max_kw", "approved_by", "document", "filed_with")
    return Built(Approval(**columns, scope_id=scope_of(v, refuse), valid_from=begin, valid_to=end))


def episode(v: Values, refuse: Refuse) -> Built:
    """A row of 重污染预警."""
    begin, end = span(v, refuse)
    columns = same(v, "episode_id", "level", "document", "county")
    return Built(Episode(**columns, valid_from=begin, valid_to=end))


def rotation(v: Values, refuse: Refuse) -> Built:
    """A row of 轮产."""
    begin, end = span(v, refuse)
    columns = same(v, "group", "document", "approved_by")
    return Built(Rotation(**columns, scope_id=scope_of(v, refuse), valid_from=begin, valid_to=end))


def _of_level(row: PlantPlan, level: str, measure: str) -> PlantPlan:
    return PlantPlan(
        row.plant_id,
        row.document,
        row.line_id,
        level,
        residual_kw=row.residual_kw,
        ramp_down_h=row.ramp_down_h,
        measure=measure,
        office=row.office,
        office_phone=row.office_phone,
        office_person=row.office_person,
    )


def _understood(row: PlantPlan) -> PlantPlan:
    """What a measure says in plain words. More than that is for people to read."""
    if row.measure is None or row.control is not None or row.reduction is not None:
        return row
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", row.measure))
    found: dict[str, Any] = {}
    if _STOP.fullmatch(plain):
        found["control"] = Control.STOP
    elif match := _LIMIT.fullmatch(plain):
        found["reduction"] = float(match[2]) / 100
    return replace(row, **found)
