"""An alert in two sentences, Chinese and English: what happened; then what clears it, and what is uncertain.

A function of the alert and the world alone: no clock and no state, so that stream and back-test say the same, and a
text never changes without its alert.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from consumers import alert_closing
from consumers.alert_case import NOTHING, AlertCase, Words, hours, joined, kw, kwh, per_cent, span
from consumers.alert_closing import Piece
from consumers.alert_doubts import doubts
from consumers.alert_faults import faults
from detectors.vocab import Rule


@dataclass(frozen=True, slots=True)
class RuleWords:
    """What a rule says. numbers: behind what and when. clears: what would end an alert that is open."""

    zh: str
    en: str
    numbers: Piece
    clears: Piece


def summary(case: AlertCase) -> dict[str, str]:
    """The two sentences in both languages."""
    words = RULE_WORDS[case.alert.rule]
    when = span(case)
    parts: list[Words] = [(f"{case.subject}:{words.zh}", f"{case.subject} {words.en}"), (when, when)]
    zh, en = joined([*parts, words.numbers(case), _meters(case)], ",", ", ")
    ends = words.clears(case) if case.alert.closed_slot is None else alert_closing.was_closed(case)
    then_zh, then_en = joined([ends, doubts(case)], ";", "; ")
    return {"zh": f"{zh}。{then_zh}。", "en": f"{en}. {then_en[:1].upper()}{then_en[1:]}."}


def _load(case: AlertCase) -> Words:
    """Peak, cap and energy over it, as far as they are known."""
    peak, cap, over = case.peak_kw, case.alert.peak_cap_kw, case.over_kwh
    parts = []
    if peak is not None:
        zh, en = f"最高 {kw(peak)}", f"peak {kw(peak)}"
        if cap is not None:
            zh, en = f"{zh}(允许 {kw(cap)})", f"{en} (cap {kw(cap)})"
        parts.append((zh, en))
    if over is not None and over > 0:
        parts.append((f"超出 {kwh(over)}", f"{kwh(over)} over"))
    return joined(parts, ",", ", ")


def _day_energy(case: AlertCase) -> Words:
    """The day's energy beside what it may be."""
    used, cap = case.fact("day_energy_wh"), case.fact("day_cap_wh")
    if used is None:
        return _load(case)
    zh, en = f"当日电量 {kwh(used / 1000)}", f"day energy {kwh(used / 1000)}"
    if cap is not None:
        zh, en = f"{zh}(允许 {kwh(cap / 1000)})", f"{en} (cap {kwh(cap / 1000)})"
    peak = case.peak_kw
    return joined([(zh, en), NOTHING if peak is None else (f"最高 {kw(peak)}", f"peak {kw(peak)}")], ",", ", ")


def _hours_over(case: AlertCase) -> Words:
    """For how long of the day it was over when that was enough, beside the load."""
    told = hours((case.threshold("over_min") or 0.0) / 60)
    return joined([(f"累计已达 {told}", f"{told} over in all"), _load(case)], ",", ", ")


def _units(case: AlertCase) -> Words:
    """How many may run, beside the load."""
    allowed, total = case.fact("units_allowed"), case.fact("units_total")
    if allowed is None or total is None:
        return _load(case)
    return joined([(f"允许 {allowed:g}/{total:g} 台(线)", f"{allowed:g} of {total:g} may run"), _load(case)], ",", ", ")


def _night(case: AlertCase) -> Words:
    """The night's energy above idle beside what it may be, where the baseline knows its nights."""
    used, allowed = case.fact("night_energy_wh"), case.fact("night_allowed_wh")
    if used is None or allowed is None:
        return _load(case)
    energy = (
        f"夜间高于停产负荷的电量 {kwh(used / 1000)}(允许 {kwh(allowed / 1000)})",
        f"{kwh(used / 1000)} above idle in the night (allowed {kwh(allowed / 1000)})",
    )
    return joined([energy, _load(case)], ",", ", ")


def _step(case: AlertCase) -> Words:
    """From which load."""
    start = case.fact_kw("from_wh")
    if start is None:
        return _load(case)
    return joined([(f"由 {kw(start)} 升起", f"up from {kw(start)}"), _load(case)], ",", ", ")


def _shift(case: AlertCase) -> Words:
    """The day's energy of the scope and of the enterprise's other accounts, each beside its usual one."""
    names = ("day_energy_wh", "usual_energy_wh", "others_energy_wh", "others_usual_wh")
    values = [case.fact(name) for name in names]
    own, usual, others, others_usual = (kwh((value or 0.0) / 1000) for value in values)
    if None in values:
        return _length(case)
    return (
        f"当日电量 {own}(平日 {usual}),同企业其他户号 {others}(平日 {others_usual})",
        f"{own} on the day (usually {usual}), other accounts of the enterprise {others} (usually {others_usual})",
    )


def _treatment(case: AlertCase) -> Words:
    """By which shares of the rated loads, and for how long."""
    running, off = (per_cent(case.threshold(name) or 0.0) for name in ("running", "off"))
    shares = (
        f"生产不低于额定的 {running} 而治污低于 {off}",
        f"production at or above {running} of rated, treatment below {off}",
    )
    return joined([_length(case), shares], ",", ", ")


def _silence(case: AlertCase) -> Words:
    """How long, and how much of the scope still speaks."""
    told, share = hours(case.hours), per_cent(case.alert.coverage)
    return f"已 {told},完整率 {share}", f"for {told}, coverage {share}"


def _length(case: AlertCase) -> Words:
    """How long it lasts so far."""
    told = hours(case.hours)
    return f"已 {told}", f"for {told}"


def _meters(case: AlertCase) -> Words:
    if not case.alert.meters:
        return NOTHING
    names = ", ".join(case.alert.meters[:3])
    more = len(case.alert.meters) - 3
    if more > 0:
        return f"计量点 {names} 等 {more + 3} 个", f"meters {names} and {more} more"
    return f"计量点 {names}", f"meters {names}"


RULE_WORDS: Mapping[Rule, RuleWords] = {
    Rule.STOP_RUN: RuleWords("停产期间运行", "ran under a stop order", _load, alert_closing.after_below),
    Rule.STOP_DAY: RuleWords(
        "停产日电量超限", "used more energy than a stopped plant may in a day", _day_energy, alert_closing.with_day
    ),
    Rule.HOURS_OVER: RuleWords(
        "当日累计超限", "was over its cap for hours of the day", _hours_over, alert_closing.with_day
    ),
    Rule.LIMIT_SLOT: RuleWords("超限产负荷", "drew more than its limited load", _load, alert_closing.after_below),
    Rule.LIMIT_DAY: RuleWords(
        "日电量超限产上限", "broke its energy cap of the day", _day_energy, alert_closing.with_day
    ),
    Rule.LIMIT_PACE: RuleWords(
        "按当前速度将超日电量上限",
        "will break its energy cap of the day at the present pace",
        _day_energy,
        alert_closing.with_day_pace,
    ),
    Rule.CAP_ABS: RuleWords("超过核定最大负荷", "drew more than its approved load", _load, alert_closing.after_below),
    Rule.UNITS_OVER: RuleWords(
        "运行生产线(台)数超过允许数", "ran more lines or cells than allowed", _units, alert_closing.after_units
    ),
    Rule.NIGHT_RUN: RuleWords("夜间运行", "ran by night", _night, alert_closing.with_night),
    Rule.STEP_UP: RuleWords("负荷阶跃上升", "stepped up its load", _step, alert_closing.after_step),
    Rule.OVER_CAPACITY: RuleWords("擅自扩大产能", "drew more than its capacity", _load, alert_closing.after_capacity),
    Rule.SHIFT: RuleWords("转移生产", "moved its production to other accounts", _shift, alert_closing.with_day),
    Rule.OFFLINE: RuleWords("计量点无数据", "has a silent meter", _silence, alert_closing.by_data),
    Rule.BAD_DATA: RuleWords("数据可疑", "has readings that were set aside", faults, alert_closing.by_sound_data),
    Rule.OUTAGE: RuleWords("停电", "has no power", _length, alert_closing.by_power),
    Rule.TREATMENT_OFF: RuleWords(
        "治污设施未运行", "produced while its treatment stood still", _treatment, alert_closing.after_treatment
    ),
    Rule.FEED_DOWN: RuleWords("数据源中断", "is down: no plant is accused", _silence, alert_closing.by_feed),
}
