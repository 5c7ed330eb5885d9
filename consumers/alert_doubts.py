"""What is uncertain about an alert: how much was measured, how well the baseline fits, how fine the register counts."""

from consumers.alert_case import NOTHING, AlertCase, Words, day_and_time, joined, kw, per_cent
from detectors.units import SLACK_ESTIMATED
from detectors.vocab import Control, Rule

#: Rules about data: coverage is what they say, not what makes them uncertain.
_OF_DATA = (Rule.OFFLINE, Rule.BAD_DATA, Rule.OUTAGE, Rule.FEED_DOWN)
_BY_HAND = (Control.CAP,)


def doubts(case: AlertCase) -> Words:
    """All that applies, and until when late readings may change it."""
    parts = [_coverage(case), _idle(case), _baseline(case), _register(case), _estimated(case), _late(case)]
    return joined(parts, ",", ", ")


def _coverage(case: AlertCase) -> Words:
    share = case.alert.coverage
    if case.alert.rule in _OF_DATA or case.alert.n_slots == 0 or share >= 0.9995:
        return NOTHING
    told = per_cent(share)
    return f"计量完整率 {told},负荷和电量为下限", f"coverage {told}: load and energy are lower bounds"


def _rests_on_baseline(case: AlertCase) -> bool:
    return case.alert.rule not in _OF_DATA and (case.order is None or case.order.control not in _BY_HAND)


def _idle(case: AlertCase) -> Words:
    order, baseline = case.order, case.baseline
    if order is None or order.control != Control.STOP or case.alert.rule in _OF_DATA:
        return NOTHING
    if order.residual_kw is not None or baseline is None or baseline.idle_kw is not None:
        return NOTHING
    running = kw(baseline.running_kw)
    return (
        f"停产负荷未知,仅按基准负荷 {running} 的份额判定",
        f"the idle load is not known: judged by shares of the running load {running} only",
    )


def _baseline(case: AlertCase) -> Words:
    baseline = case.baseline
    if baseline is None or not _rests_on_baseline(case):
        return NOTHING
    name = baseline.version
    if baseline.rrmse is None:
        return f"基准 {name} 的误差未经检验", f"the error of baseline {name} was not measured"
    error = per_cent(baseline.rrmse)
    if baseline.rrmse > case.low_confidence:
        zh, en = f"基准 {name} 误差 {error},置信度低", f"baseline {name} has an error of {error}: low confidence"
        if case.alert.rule == Rule.LIMIT_DAY and case.alert.grade == 1:
            return (
                f"{zh},超出量仍在误差之内,仅向企业预警",
                f"{en}, and the excess lies within it: a warning to the plant only",
            )
        return zh, en
    return f"基准 {name} 误差 {error}", f"baseline {name} has an error of {error}"


def _register(case: AlertCase) -> Words:
    if not case.steps_kw or case.alert.rule in _OF_DATA:
        return NOTHING
    meter, step = max(case.steps_kw.items(), key=lambda pair: (pair[1], pair[0]))
    told, width = kw(step), f"{case.slot_s // 60} min"
    return (
        f"计量点 {meter} 的表码每步合 {told}({width})",
        f"the register of meter {meter} counts in steps of {told} a slot of {width}",
    )


def _estimated(case: AlertCase) -> Words:
    if case.alert.rule != Rule.UNITS_OVER or case.fact("slack") != SLACK_ESTIMATED:
        return NOTHING
    return "运行台数由总负荷估算", "the units running are estimated from the load of all"


def _late(case: AlertCase) -> Words:
    until = day_and_time(case.final_at)
    return f"{until} 前补采数据仍可修订", f"late readings may revise it until {until}"
