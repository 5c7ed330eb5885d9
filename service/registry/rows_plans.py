"""Cells, read -> rows of lists, plans of plants, approvals, warning levels and turns."""

from detectors.registry import Approval, Episode, Listing, PlantPlan, Rotation
from service.registry.row_parts import Built, Refuse, Values, same, span


def listing(v: Values, refuse: Refuse) -> Built:
    """A row of 错峰生产企业清单."""
    return Built(Listing(**same(v, "document", "plant_id", "line_id", "clause", "measure", "office", "office_phone")))


def plant_plan(v: Values, refuse: Refuse) -> Built:
    """A row of 一厂一策."""
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
    )
    return Built(PlantPlan(**columns, lines_stopped=v["lines_stopped"] or (), valid_from=begin, valid_to=end))


def approval(v: Values, refuse: Refuse) -> Built:
    """A row of 保民生核定."""
    begin, end = span(v, refuse)
    columns = same(v, "scope_id", "task", "max_kw", "approved_by", "document", "filed_with")
    return Built(Approval(**columns, valid_from=begin, valid_to=end))


def episode(v: Values, refuse: Refuse) -> Built:
    """A row of 重污染预警."""
    begin, end = span(v, refuse)
    columns = same(v, "episode_id", "level", "document", "county")
    return Built(Episode(**columns, valid_from=begin, valid_to=end))


def rotation(v: Values, refuse: Refuse) -> Built:
    """A row of 轮产."""
    begin, end = span(v, refuse)
    return Built(Rotation(**same(v, "scope_id", "group", "document", "approved_by"), valid_from=begin, valid_to=end))
