"""The two sentences of an alert: a number with its unit, what clears it, what is uncertain, in both languages."""

import re
from dataclasses import replace
from typing import Any

import pytest

from consumers.alert_faults import FAULT_WORDS
from consumers.alert_view import AlertViews
from consumers.alert_words import RULE_WORDS
from detectors.alerts import Alert
from detectors.bad_data import FAULTS
from detectors.registry import Meter, Multiplier, Plant, Registry
from detectors.vocab import CloseReason, Control, Kind, Rule, Scale
from detectors.world import compile_world
from tests.cases.worlds import DAY0, at, baseline, cap, energy_limit, limit, registry, stop

FIRST = DAY0 // 900
PLANT = Plant("P", "某某铸造厂", "登封市")
LOAD: dict[str, Any] = {
    "peak_wh": 203_100,
    "peak_cap_kw": 74.0,
    "over_wh": 540_200.0,
    "coverage_sum": 5.0,
    "n_slots": 5,
}
UNITS = re.compile(r"\d (kW|kWh|h|min|%)(?![A-Za-z])")


def told(of: Registry, rule: Rule = Rule.STOP_RUN, **fields: Any) -> tuple[str, str]:
    """Both languages of an alert from 08:00 to 09:15 of 2017-11-15, opened at 08:45."""
    slots: dict[str, Any] = {"first_slot": FIRST + 32, "opened_slot": FIRST + 34, "last_slot": FIRST + 36}
    known = {"order_id": "O", "baseline_version": "v1", **slots, **fields}
    alert = replace(Alert("P", rule, None, 2, 0, 0, 0), **known)
    shown = AlertViews(compile_world(of, 900)).render(alert, at("10:00"))["summary"]
    return shown["zh"], shown["en"]


def second(sentences: str) -> str:
    """The second sentence."""
    return re.split(r"。|(?<=[a-zA-Z%)])\. ", sentences, maxsplit=1)[1]


@pytest.fixture
def stopped() -> Registry:
    return registry(stop(valid_to=at("00:00", 30)), limit("L"), plants=[PLANT])


def test_every_rule_has_words() -> None:
    assert set(RULE_WORDS) == set(Rule)


def test_every_fault_of_readings_has_words() -> None:
    assert set(FAULT_WORDS) == set(FAULTS)


@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed"])
@pytest.mark.parametrize("rule", list(Rule))
def test_two_sentences_a_language_each_with_a_number_and_its_unit(
    stopped: Registry, rule: Rule, is_closed: bool
) -> None:
    """Numbers of load rules are loads or energies, of data rules lengths of time; a closed alert keeps them."""
    closing = {"closed_slot": FIRST + 38, "close_reason": CloseReason.BELOW_CAP} if is_closed else {}
    facts = {"day_energy_wh": 3_000_000, "day_cap_wh": 2_000_000.0, "units_allowed": 1, "units_total": 3, "slack": 1}
    for text in told(stopped, rule, facts=facts, **LOAD, **closing):
        first, then = re.split(r"。|(?<=[a-zA-Z%)])\. ", text, maxsplit=1)
        assert UNITS.search(first), text
        assert len(then) > 10
        assert re.search(r"11-19 00:00", then), text
        assert ("关闭" in then) or ("lose" in then) or ("lear" in then), text
        assert "None" not in text
        assert "nan" not in text


def test_a_stop_says_under_which_load_it_clears(stopped: Registry) -> None:
    zh, en = told(stopped, **LOAD)
    assert (
        "连续 30 min 不高于 70.3 kW(0.95 × 允许)且计量完整,或连续 60 min 合规,或命令结束时(2017-12-15 00:00)关闭" in zh
    )
    assert (
        "Clears after 30 min at or under 70.3 kW (0.95 × cap), fully measured, after 60 min compliant, "
        "or at the order's end (2017-12-15 00:00)" in en
    )


def test_a_closed_alert_says_when_and_why(stopped: Registry) -> None:
    zh, en = told(stopped, **LOAD, closed_slot=FIRST + 38, close_reason=CloseReason.ORDER_END)
    assert "已于 11-15 09:45 关闭:命令结束" in zh
    assert "Closed 11-15 09:45: the order ended" in en


@pytest.mark.parametrize("reason", list(CloseReason))
def test_every_reason_of_a_close_has_words(stopped: Registry, reason: CloseReason) -> None:
    zh, en = told(stopped, **LOAD, closed_slot=FIRST + 38, close_reason=reason)
    assert re.search(r"关闭:\S", zh)
    assert re.search(r"Closed 11-15 09:45: \S", en)


def test_less_than_full_coverage_makes_a_lower_bound(stopped: Registry) -> None:
    zh, en = told(stopped, **{**LOAD, "coverage_sum": 2.5})
    assert "计量完整率 50 %,负荷和电量为下限" in zh
    assert "coverage 50 %: load and energy are lower bounds" in en
    assert "lower bound" not in told(stopped, **LOAD)[1]


@pytest.mark.parametrize(
    ("rrmse", "expected"),
    [
        (None, "the error of baseline v1 was not measured"),
        (0.08, "baseline v1 has an error of 8 %"),
        (0.312, "baseline v1 has an error of 31.2 %: low confidence"),
    ],
    ids=["by hand", "good", "bad"],
)
def test_the_baseline_is_as_sure_as_its_fit(rrmse: float | None, expected: str) -> None:
    of = registry(stop(), plants=[PLANT], baselines=[baseline(rrmse=rrmse)])
    text = told(of, **LOAD)[1]
    assert f"{expected}, late" in text


def test_a_break_within_the_error_of_its_baseline_says_so() -> None:
    of = registry(energy_limit(), plants=[PLANT], baselines=[baseline(rrmse=0.312)])
    zh, en = told(of, Rule.LIMIT_DAY, **{**LOAD, "grade": 1})
    assert "误差 31.2 %,置信度低,超出量仍在误差之内,仅向企业预警" in zh
    assert "an error of 31.2 %: low confidence, and the excess lies within it: a warning to the plant only" in en
    assert "within it" not in told(of, Rule.LIMIT_DAY, **{**LOAD, "grade": 2})[1]


def test_an_approved_load_rests_on_no_baseline() -> None:
    of = registry(cap(500.0), plants=[PLANT])
    assert "baseline" not in told(of, Rule.CAP_ABS, **LOAD)[1]


def test_an_unknown_idle_load_is_said() -> None:
    of = registry(stop(), plants=[PLANT], baselines=[baseline(idle_kw=None)])
    zh, en = told(of, **LOAD)
    assert "停产负荷未知" in zh
    assert "the idle load is not known" in en
    assert "idle load" not in told(registry(stop(residual_kw=30.0), plants=[PLANT]), **LOAD)[1]


def test_a_coarse_register_says_its_step() -> None:
    """T = 1,200 at 0.01 kWh: one step is 12 kWh, 48 kW over a quarter of an hour."""
    meter = Meter("m", "P", kind=Kind.ENERGY_REG, unit="kWh", scale=Scale.SECONDARY)
    factor = Multiplier("m", 0, DAY0 * 2, 1200.0)
    of = registry(stop(), plants=[PLANT], meters=[meter], multipliers=(factor,))
    zh, en = told(of, **LOAD)
    assert "计量点 m 的表码每步合 48.0 kW(15 min)" in zh
    assert "the register of meter m counts in steps of 48.0 kW a slot of 15 min" in en
    assert "steps" not in told(registry(stop(), plants=[PLANT]), **LOAD)[1]
    without = registry(stop(), plants=[PLANT], meters=[meter])
    assert "steps" not in told(without, **LOAD)[1]


def test_a_day_rule_tells_the_day(stopped: Registry) -> None:
    facts = {"day_energy_wh": 9_500_000, "day_cap_wh": 11_200_000.0}
    zh, en = told(stopped, Rule.LIMIT_PACE, order_id="L", facts=facts, **LOAD)
    assert "当日电量 9,500.0 kWh(允许 11,200.0 kWh)" in zh
    assert "1,700.0 kWh are left for the day" in en
    over = {**facts, "day_energy_wh": 12_000_000}
    assert "0.0 kWh are left" in told(stopped, Rule.LIMIT_PACE, order_id="L", facts=over, **LOAD)[1]


def test_an_order_that_is_gone_leaves_words_without_its_end(stopped: Registry) -> None:
    zh, en = told(stopped, order_id="withdrawn", **LOAD)
    assert "或命令结束时关闭" in zh
    assert "or at the order's end;" in en


def test_controls_that_limit_rest_on_the_baseline(stopped: Registry) -> None:
    assert next(o for o in stopped.orders if o.order_id == "L").control == Control.LIMIT
    assert "baseline v1" in told(stopped, Rule.LIMIT_SLOT, order_id="L", **LOAD)[1]


@pytest.mark.parametrize(
    ("rule", "facts", "zh_said", "en_said"),
    [
        (
            Rule.NIGHT_RUN,
            {"night_energy_wh": 812_000.0, "night_allowed_wh": 90_500.0},
            "夜间高于停产负荷的电量 812.0 kWh(允许 90.5 kWh)",
            "812.0 kWh above idle in the night (allowed 90.5 kWh)",
        ),
        (Rule.NIGHT_RUN, {"night_energy_wh": 812_000.0, "night_allowed_wh": None}, "晨 06:00 或", "Closes at 06:00 or"),
        (
            Rule.STEP_UP,
            {"from_wh": 5_000, "hold_wh": 80_000, "back_wh": 42_500},
            "由 20.0 kW 升起",
            "Clears after 30 min at or under 170.0 kW, or",
        ),
        (
            Rule.SHIFT,
            {
                "day_energy_wh": 4_000_000,
                "usual_energy_wh": 16_000_000.0,
                "others_energy_wh": 13_000_000,
                "others_usual_wh": 2_000_000.0,
            },
            "同企业其他户号 13,000.0 kWh(平日 2,000.0 kWh)",
            "4,000.0 kWh on the day (usually 16,000.0 kWh)",
        ),
        (
            Rule.BAD_DATA,
            {"faults": ["level", "spike"], "level_factor": 0.1, "level_since_slot": FIRST - 96},
            "自 11-14 00:00 起约为原级次的 10 %",
            "spikes far above anything ever drawn, since 11-14 00:00 at about 10 % of the level before",
        ),
        (Rule.TREATMENT_OFF, {}, "生产不低于额定的 20 % 而治污低于 10 %", "treatment below 10 %"),
    ],
)
def test_a_rule_tells_what_it_recorded(
    stopped: Registry, rule: Rule, facts: dict[str, Any], zh_said: str, en_said: str
) -> None:
    zh, en = told(stopped, rule, facts=facts, **LOAD)
    assert zh_said in zh
    assert en_said in en
