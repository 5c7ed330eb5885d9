"""The value of a threshold, word by word: "the value for the scope, else that for all, else the default; a local day is
judged by what holds at its beginning"."""

from collections.abc import Sequence
from datetime import date

from detectors.registry import Threshold
from detectors.thresholds import KINDS
from tests.oracles.local_time import LocalTime

DEFAULTS = {(k.rule, k.name): k.default for k in KINDS}


def value_on(
    rows: Sequence[Threshold], local: LocalTime, rule: str, name: str, scope_id: str | None, day: date
) -> float:
    """What one rule asks of a scope on a local day. scope_id: None where it belongs to no scope."""
    begin = local.midnight(day) if rows else 0
    holding = [r for r in rows if (r.rule, r.name) == (rule, name) and r.valid_from <= begin < r.valid_to]
    for whose in (scope_id, None):
        for row in holding:
            if row.scope_id == whose:
                return row.value
    return DEFAULTS[rule, name]
