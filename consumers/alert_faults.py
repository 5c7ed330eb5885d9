"""The faults of readings that a `bad_data` alert names, in words."""

from consumers.alert_case import NOTHING, AlertCase, Words, day_and_time, hours, joined, per_cent
from detectors.bad_data import FAULTS

FAULT_WORDS: dict[str, Words] = {
    "over_capacity": ("数值高于合同容量倍数", "values above a multiple of the contract capacity"),
    "evidence_lost": ("有效数据被更正为无效", "evidence that a correction took back"),
    "level": (
        "电量级次突变而日形状不变,疑倍率或表计错误",
        "the level changed and the day kept its shape: a meter or multiplier",
    ),
    "stuck": ("数值长时间不变", "one value for longer than ever seen"),
    "spike": ("尖峰远高于历史", "spikes far above anything ever drawn"),
    "dropout": ("短时跌落后复原", "a short fall below anything believed, and back"),
    "clock_hour": ("夏令时缺失时段被填充", "the hour that summer time leaves out was filled in"),
}


def faults(case: AlertCase) -> Words:
    """For how long, and each fault that was found; of a wrong level the factor and since when."""
    told = hours(case.hours)
    named = case.alert.facts.get("faults", ())
    parts: list[Words] = [(f"已 {told}", f"for {told}"), *(FAULT_WORDS[name] for name in FAULTS if name in named)]
    return joined([*parts, _level(case)], ",", ", ")


def _level(case: AlertCase) -> Words:
    factor, since = case.fact("level_factor"), case.alert.facts.get("level_since_slot")
    if factor is None or not isinstance(since, int):
        return NOTHING
    share, when = per_cent(factor), day_and_time(case.at(since))
    return f"自 {when} 起约为原级次的 {share}", f"since {when} at about {share} of the level before"
