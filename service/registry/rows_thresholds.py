"""Cells, read -> rows of thresholds; names and bounds are checked with the rows of all other tables."""

from detectors.registry import Threshold
from detectors.thresholds import KINDS
from service.registry.row_parts import Built, Refuse, Values, same, span


def threshold(v: Values, refuse: Refuse) -> Built:
    """A row of 阈值. The name may be the Chinese one of that rule."""
    begin, end = span(v, refuse)
    rule, name = v["rule"], v["name"]
    named = next((k.name for k in KINDS if k.rule == rule and name in (k.name, k.zh)), name)
    columns = same(v, "rule", "value", "origin", "scope_id", "approved_by")
    return Built(Threshold(**columns, name=named, valid_from=begin, valid_to=end))
