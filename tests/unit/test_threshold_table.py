"""Thresholds as data: what holds for a scope on a local day, and that the defaults are written once."""

import inspect
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from detectors.registry import ALWAYS, FOREVER, Threshold
from detectors.rules import cap_abs, hours_over, limit_day, limit_pace, limit_slot, stop_day, stop_run, units_over
from detectors.rules.over import OverRule
from detectors.slots import instant
from detectors.threshold_table import NO_SCOPE, ThresholdTable
from detectors.thresholds import DEFAULT_ORIGIN, KINDS, kind_of
from tests.oracles.local_time import LocalTime
from tests.oracles.thresholds import value_on

SCOPES = {"A": 0, "B": 1, "C": 2}
FIRST = date(2018, 3, 23)
SOME = settings(
    max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


@st.composite
def _rows(draw: st.DrawFn) -> list[Threshold]:
    """Validities that follow each other with gaps, their edges often not at midnight."""
    rows = []
    begin = instant("Europe/Berlin", FIRST, 0)
    for scope_id in (None, "A", "C"):
        edges = sorted({draw(st.integers(0, 6 * 24)) for _ in range(draw(st.integers(0, 4)))})
        for i, (low, high) in enumerate(pairwise(edges)):
            if draw(st.booleans()):
                value = draw(st.sampled_from([1.1, 1.7, 3.0]))
                row = Threshold("stop_day", "factor", value, f"{scope_id} {i}", scope_id)
                whole = low == edges[0] and draw(st.booleans())
                at = (ALWAYS if whole else begin + low * 3600, begin + high * 3600)
                rows.append(Threshold(row.rule, row.name, value, row.origin, scope_id, *at))
    return rows


@SOME
@given(rows=_rows(), hour=st.integers(0, 24 * 6))
def test_a_day_is_judged_by_what_holds_at_its_beginning(rows: list[Threshold], hour: int) -> None:
    zone = "Europe/Berlin"
    table = ThresholdTable(rows, SCOPES, KINDS, zone)
    local = LocalTime(ZoneInfo(zone), 900)
    at_s = instant(zone, FIRST, 0) + hour * 3600
    day = local.wall(at_s).date()
    asked = [*SCOPES, None]
    wanted = [value_on(rows, local, "stop_day", "factor", scope_id, day) for scope_id in asked]
    numbers = np.array([SCOPES.get(s or "", NO_SCOPE) for s in asked])
    assert table.at("stop_day", "factor", numbers, at_s).tolist() == wanted
    assert [table.of_scope("stop_day", "factor", int(n), at_s)[0] for n in numbers] == wanted
    grid = table.at("stop_day", "factor", numbers[:, None], np.array([at_s, at_s + 86400]))
    assert grid[:, 0].tolist() == wanted
    changes = table.edges(("stop_day", "factor")).tolist()
    midnights = {local.midnight(FIRST + timedelta(days=i)) for i in range(9)} | {ALWAYS}
    assert set(changes) <= midnights


def test_what_is_not_set_is_the_default_and_says_so() -> None:
    table = ThresholdTable((), SCOPES, KINDS, "Asia/Shanghai")
    found = table.at("stop_run", "margin", np.arange(3), 10**9)
    assert found.tolist() == [0.05] * 3
    assert table.of_scope("stop_run", "margin", 1, 10**9) == (0.05, DEFAULT_ORIGIN)


def test_a_value_of_the_scope_goes_before_that_for_all_and_names_its_origin() -> None:
    rows = (
        Threshold("stop_run", "margin", 0.1, "whole city", None),
        Threshold("stop_run", "margin", 0.2, "kiln 3", "B"),
        Threshold("stop_run", "margin", 0.0, "by order", "C", 0, FOREVER),
    )
    table = ThresholdTable(rows, SCOPES, KINDS, "Asia/Shanghai")
    assert table.at("stop_run", "margin", np.arange(3), 10**9).tolist() == [0.1, 0.2, 0.0]
    assert [table.of_scope("stop_run", "margin", s, 10**9)[1] for s in range(3)] == ["whole city", "kiln 3", "by order"]


def test_every_kind_stands_once_and_its_default_is_within_its_bounds() -> None:
    assert len({(k.rule, k.name) for k in KINDS}) == len(KINDS)
    for kind in KINDS:
        assert kind.low <= kind.default <= kind.high, kind
        assert kind_of(kind.rule, kind.name) == kind


def test_no_window_is_longer_than_the_margin_of_a_day() -> None:
    for kind in KINDS:
        if kind.name in ("n_min", "m_min", "open_min", "below_min", "clear_min"):
            assert kind.high <= 120, kind


@pytest.mark.parametrize("rule", [stop_run.STOP_RUN, limit_slot.LIMIT_SLOT, cap_abs.CAP_ABS, units_over.UNITS_OVER])
def test_the_defaults_of_a_slot_rule_are_those_of_the_table(rule: OverRule) -> None:
    for name in ("n_min", "m_min"):
        kind = kind_of(rule.rule.value, name)
        assert kind is not None
        assert kind.default == getattr(rule, name)


def test_the_defaults_of_the_day_rules_are_those_of_the_table() -> None:
    def default(function: Callable[..., object], name: str) -> object:
        return inspect.signature(function).parameters[name].default

    def of(rule: str, name: str) -> float:
        kind = kind_of(rule, name)
        assert kind is not None
        return kind.default

    assert default(limit_day.flags, "tolerance") == of("limit_day", "tolerance")
    assert default(limit_pace.flags, "tolerance") == of("limit_day", "tolerance")
    assert default(limit_pace.flags, "used_share") == of("limit_pace", "used_share")
    assert default(stop_day.flags, "factor") == of("stop_day", "factor")
    assert default(hours_over.flags, "n") == of("hours_over", "over_min") / 15
