"""An alert as pollers read it: its fields, its thresholds with their origin, and its sentences in two languages."""

import sys
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from consumers.alert_view import AlertViews
from detectors.alerts import Alert
from detectors.registry import Plant, Threshold
from detectors.thresholds import KINDS
from detectors.vocab import CloseReason, Rule
from detectors.world import compile_world
from tests.cases.worlds import DAY0, at, limit, registry, stop

SLOT_S = 900
FIRST = DAY0 // SLOT_S
PLANT = Plant("P", "某某铸造厂", "登封市")
CLOSING = {"below_min": 30, "below_share": 0.95}


@pytest.fixture
def views() -> AlertViews:
    return AlertViews(compile_world(registry(stop(), limit("L"), plants=[PLANT]), SLOT_S))


def alert(rule: Rule = Rule.STOP_RUN, **fields: Any) -> Alert:
    """From 08:00 to 09:15 of 2017-11-15, opened at 08:45."""
    slots: dict[str, Any] = {"first_slot": FIRST + 32, "opened_slot": FIRST + 34, "last_slot": FIRST + 36}
    return replace(Alert("P", rule, "O", 2, 0, 0, 0), **{**slots, **fields})


LOAD: dict[str, Any] = {
    "peak_wh": 203_100,
    "peak_cap_kw": 95.0,
    "over_wh": 540_200.0,
    "coverage_sum": 5.0,
    "n_slots": 5,
}


def test_the_first_sentence_names_plant_what_when_and_how_much(views: AlertViews) -> None:
    told = views.render(alert(**LOAD), at("10:00"))["summary"]
    assert told["zh"].startswith(
        "某某铸造厂:停产期间运行,11-15 08:00–09:15,最高 812.4 kW(允许 95.0 kW),超出 540.2 kWh。"
    )
    assert told["en"].startswith(
        "某某铸造厂 ran under a stop order, 11-15 08:00–09:15, peak 812.4 kW (cap 95.0 kW), 540.2 kWh over. "
    )


def test_a_sentence_without_loads_claims_none(views: AlertViews) -> None:
    told = views.render(alert(Rule.OFFLINE, meters=("m1", "m2", "m3", "m4")), at("10:00"))["summary"]
    assert told["zh"].startswith(
        "某某铸造厂:计量点无数据,11-15 08:00–09:15,已 1.25 h,完整率 0 %,计量点 m1, m2, m3 等 4 个。"
    )
    assert told["en"].startswith(
        "某某铸造厂 has a silent meter, 11-15 08:00–09:15, for 1.25 h, coverage 0 %, meters m1, m2, m3 and 1 more. "
    )
    assert "kW" not in told["zh"] + told["en"]


def test_a_peak_without_a_known_cap_is_told_without_one(views: AlertViews) -> None:
    told = views.render(alert(peak_wh=203_100), at("10:00"))["summary"]
    assert "peak 812.4 kW. Clears after" in told["en"]


def test_the_text_is_the_same_whenever_it_is_rendered(views: AlertViews) -> None:
    """Stream and back-test show it at different times; a text that followed the clock would part them."""
    one, other = (views.render(alert(**LOAD), at("10:00") + days * 86400) for days in (0, 9))
    assert one["evidence"] != other["evidence"]
    assert one["summary"] == other["summary"]


def test_a_source_stands_for_itself_and_for_no_plant(views: AlertViews) -> None:
    view = views.render(alert(Rule.FEED_DOWN, scope_id="source:grid", order_id=None), at("10:00"))
    assert (view["plant_id"], view["county"], view["order_id"]) == (None, None, None)
    assert view["summary"]["en"].startswith("grid is down: no plant is accused")
    assert view["summary"]["zh"].startswith("grid:数据源中断")


def test_fields_are_those_of_the_contract(views: AlertViews) -> None:
    view = views.render(alert(**LOAD, order_revision=3, baseline_version="v1"), at("10:00"))
    assert {k: view[k] for k in ("scope_id", "plant_id", "county", "rule", "grade", "order_id", "order_revision")} == {
        "scope_id": "P",
        "plant_id": "P",
        "county": "登封市",
        "rule": "stop_run",
        "grade": 2,
        "order_id": "O",
        "order_revision": 3,
    }
    assert (view["peak_kw"], view["cap_kw"], view["energy_over_kwh"], view["coverage"]) == (812.4, 95.0, 540.2, 1.0)
    assert (view["condition"], view["evidence"], view["work"]) == ("firing", "provisional", "new")
    assert view["first_slot_end"] == "2017-11-15T08:15:00+08:00"
    assert view["opened_at_slot_end"] == "2017-11-15T08:45:00+08:00"
    assert view["last_slot_end"] == "2017-11-15T09:15:00+08:00"
    assert view["closed_slot_end"] is None
    assert "meters" not in view


def test_what_is_not_known_is_null_and_never_zero(views: AlertViews) -> None:
    view = views.render(alert(Rule.OFFLINE), at("10:00"))
    assert [view[k] for k in ("peak_kw", "cap_kw", "energy_over_kwh", "baseline_version")] == [None] * 4


def test_a_closed_alert_says_when_and_why(views: AlertViews) -> None:
    closed = alert(closed_slot=FIRST + 38, close_reason=CloseReason.BELOW_CAP)
    view = views.render(closed, at("10:00"))
    assert (view["condition"], view["close_reason"]) == ("closed", "below_cap")
    assert view["closed_slot_end"] == "2017-11-15T09:45:00+08:00"


def test_an_alert_that_is_shown_again_is_shown_as_it_stands_now(views: AlertViews) -> None:
    grows = alert(**LOAD)
    first = views.render(grows, at("10:00"))
    first["work"] = "confirmed"
    again = views.render(grows, at("10:00"))
    assert again == {**first, "work": "new"}
    grows.last_slot, grows.peak_wh = FIRST + 37, 250_000
    later = views.render(grows, at("10:00"))
    assert (later["last_slot_end"], later["peak_kw"]) == ("2017-11-15T09:30:00+08:00", 1000.0)
    assert "09:30" in later["summary"]["en"]
    assert first["peak_kw"] == 812.4


def test_what_is_shown_again_is_the_same_whatever_was_shown_before(views: AlertViews) -> None:
    rules = (Rule.STOP_RUN, Rule.LIMIT_SLOT, Rule.OFFLINE, Rule.OVER_CAPACITY)
    many = [alert(rule, first_slot=FIRST + 7 * i, peak_wh=200_000 + i * i) for i in range(9) for rule in rules]
    shown = [views.render(a, at("10:00")) for a in many]
    assert [views.render(a, at("10:00")) for a in reversed(many)] == shown[::-1]
    assert max(sys.getsizeof(kept[2]) for kept in views._kept.values()) <= 512  # of the interpreter's own pools


def test_it_keeps_no_more_of_them_than_it_may(views: AlertViews, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.alert_view.MOST_KEPT", 2)
    many = [alert(first_slot=FIRST + i, **LOAD) for i in range(5)]
    shown = [views.render(a, at("10:00")) for a in (*many, *many)]
    assert shown[:5] == shown[5:]
    assert len({view["id"] for view in shown}) == 5


def test_evidence_is_final_three_days_after_the_end_of_the_local_day(views: AlertViews) -> None:
    three_days_on = at("24:00") + 3 * 86400
    assert views.render(alert(), three_days_on - 1)["evidence"] == "provisional"
    assert views.render(alert(), three_days_on)["evidence"] == "final"


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_has_sentences_and_thresholds_with_their_origin(views: AlertViews, rule: Rule) -> None:
    view = views.render(alert(rule, **LOAD), at("10:00"))
    assert view["thresholds"]["origin"]
    zh, en = view["summary"]["zh"], view["summary"]["en"]
    assert zh.endswith("。")
    assert en.endswith(".")
    assert datetime.fromisoformat(view["opened_at_slot_end"]).utcoffset() is not None


@pytest.mark.parametrize(
    ("rule", "order_id", "expected"),
    [
        (
            Rule.STOP_RUN,
            "O",
            CLOSING
            | {"tolerance": 0.0, "n_min": 45, "m_min": 60, "margin": 0.05}
            | {"unknown_low": 0.15, "unknown_high": 0.5},
        ),
        (Rule.LIMIT_SLOT, "L", CLOSING | {"tolerance": 0.05, "n_min": 90, "m_min": 120}),
        (Rule.LIMIT_DAY, "L", {"tolerance": 0.03, "low_confidence": 0.25, "errors": 0.15}),
        (Rule.LIMIT_PACE, "L", {"tolerance": 0.03, "used_share": 0.8}),
        (Rule.STOP_DAY, "O", {"factor": 1.2}),
        (Rule.HOURS_OVER, "O", {"over_min": 240}),
        (Rule.BAD_DATA, "", {kind.name: kind.default for kind in KINDS if kind.rule == "bad_data"}),
        (Rule.FEED_DOWN, "", {"evidence_share": 0.2, "plants": 3}),
    ],
    ids=lambda value: str(value) if isinstance(value, Rule) else "",
)
def test_thresholds_are_those_the_rule_was_judged_by(
    views: AlertViews, rule: Rule, order_id: str, expected: dict[str, float]
) -> None:
    thresholds = views.render(alert(rule, order_id=order_id), at("10:00"))["thresholds"]
    assert thresholds == expected | {"origin": "SEMANTICS default"}


def test_thresholds_that_the_office_set_name_where_they_come_from() -> None:
    rows = (
        Threshold("stop_run", "n_min", 30, "豫环 2017-88", "P"),
        Threshold("stop_run", "n_min", 15, "since the alert opened", "P", at("24:00")),
        Threshold("stop_run", "below_min", 60, "no such threshold"),
        Threshold("closing", "below_min", 60, "whole city"),
    )
    earlier = replace(rows[0], valid_to=at("24:00"))
    views = AlertViews(compile_world(replace(registry(stop(), plants=[PLANT]), thresholds=(earlier, *rows[1:]))))
    thresholds = views.render(alert(), at("10:00"))["thresholds"]
    assert [thresholds[name] for name in ("n_min", "m_min", "below_min")] == [30, 60, 60]
    assert thresholds["origin"] == "SEMANTICS default"
    assert thresholds["origins"] == {"n_min": "豫环 2017-88", "below_min": "whole city"}
