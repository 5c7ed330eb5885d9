"""Thresholds are data: every number a rule tests by, its default, its bounds and where it comes from.

No regulation gives a number for "stopped" (DOMAIN §5), so each value can be set for one scope or for all
(``detectors.registry.Threshold``), and stands with its origin beside each alert. ``detectors.threshold_table`` looks it
up.
"""

from dataclasses import dataclass

#: Origin of a value that nobody set.
DEFAULT_ORIGIN = "SEMANTICS default"


@dataclass(frozen=True, slots=True)
class ThresholdKind:
    """One number of one rule. low, high: what may be set, both included. zh, en: what it says. per_scope: False where
    it tells of meters or sources, which belong to no one scope: then it is set for all."""

    rule: str
    name: str
    default: float
    unit: str  # min | h | share | times | count | sigma | hour of the day
    low: float
    high: float
    zh: str
    en: str
    per_scope: bool = True


KINDS: tuple[ThresholdKind, ...] = (
    ThresholdKind("stop_run", "n_min", 45, "min", 15, 120, "超限时长", "over slots that open the alert"),
    ThresholdKind("stop_run", "m_min", 60, "min", 15, 120, "观察窗口", "slots among which they lie"),
    ThresholdKind("stop_run", "margin", 0.05, "share", 0, 0.5, "余量占基准负荷", "margin over the residual, of R"),
    ThresholdKind("stop_run", "grace_h", 4, "h", 0, 96, "降负荷宽限", "ramp-down grace where the order names none"),
    ThresholdKind("stop_run", "unknown_low", 0.15, "share", 0, 1, "停产负荷未知下限", "unknown idle: below is kept"),
    ThresholdKind("stop_run", "unknown_high", 0.5, "share", 0, 1, "停产负荷未知上限", "unknown idle: above is over"),
    ThresholdKind("stop_day", "factor", 1.2, "times", 1, 5, "日电量倍数", "day energy over the day's caps"),
    ThresholdKind("hours_over", "over_min", 240, "min", 15, 1440, "当日累计超限", "over slots of a local day"),
    ThresholdKind("limit_slot", "n_min", 90, "min", 15, 120, "超限时长", "over slots that open the alert"),
    ThresholdKind("limit_slot", "m_min", 120, "min", 15, 120, "观察窗口", "slots among which they lie"),
    ThresholdKind("limit_slot", "tolerance", 0.05, "share", 0, 0.5, "容差", "load above the cap that is not over"),
    ThresholdKind("limit_day", "tolerance", 0.03, "share", 0, 0.5, "日电量容差", "energy above the day cap"),
    ThresholdKind("limit_pace", "used_share", 0.8, "share", 0, 1, "已用比例", "least share of the day cap used"),
    ThresholdKind("cap_abs", "n_min", 30, "min", 15, 120, "超限时长", "over slots that open the alert"),
    ThresholdKind("cap_abs", "m_min", 60, "min", 15, 120, "观察窗口", "slots among which they lie"),
    ThresholdKind("cap_abs", "tolerance", 0.02, "share", 0, 0.5, "容差", "load above the cap that is not over"),
    ThresholdKind("units_over", "n_min", 45, "min", 15, 120, "超限时长", "over slots that open the alert"),
    ThresholdKind("units_over", "m_min", 60, "min", 15, 120, "观察窗口", "slots among which they lie"),
    ThresholdKind(
        "night_run", "begin_h", 22, "hour of the day", 22, 24, "夜间开始", "the night begins, the evening before"
    ),
    ThresholdKind("night_run", "end_h", 6, "hour of the day", 1, 12, "夜间结束", "the night ends"),
    ThresholdKind("night_run", "sigmas", 3, "sigma", 0, 10, "标准差倍数", "excess over the mean night, deviations"),
    ThresholdKind("night_run", "margin", 0.05, "share", 0, 1, "余量占基准负荷", "least excess, of R all night"),
    ThresholdKind("step_up", "jump", 0.3, "share", 0.01, 2, "阶跃占基准负荷", "rise over the slot before, of R"),
    ThresholdKind("step_up", "back", 0.15, "share", 0, 2, "回落占基准负荷", "above the load before, of R: it is gone"),
    ThresholdKind("step_up", "hold_min", 60, "min", 15, 105, "保持时长", "the rise must hold"),
    ThresholdKind("over_capacity", "factor", 1.1, "times", 1, 5, "最大负荷倍数", "load over the baseline's maximum"),
    ThresholdKind("over_capacity", "n_min", 90, "min", 15, 120, "超限时长", "over slots that open the alert"),
    ThresholdKind("over_capacity", "m_min", 120, "min", 15, 120, "观察窗口", "slots among which they lie"),
    ThresholdKind("shift", "drop", 0.3, "share", 0.05, 1, "降幅占日基准", "least fall below the own day_kwh"),
    ThresholdKind("shift", "total", 0.1, "share", 0, 0.5, "总量容差", "distance of the enterprise's day from its own"),
    ThresholdKind("shift", "least", 0.1, "share", 0, 1, "降幅占总量", "least fall, of the enterprise's day"),
    ThresholdKind("shift", "taken", 0.5, "share", 0.1, 2, "转移比例", "rise of the others over the own fall"),
    ThresholdKind("shift", "sigma", 2, "sigma", 0, 10, "误差倍数", "rise of the others over the fit's own error"),
    ThresholdKind("offline", "open_min", 120, "min", 15, 120, "无数据时长", "silence that opens the alert"),
    ThresholdKind("offline", "escalate_min", 1440, "min", 15, 10080, "升级时长", "silence that makes it grade 2"),
    ThresholdKind("offline", "near_start_h", 6, "h", 0, 6, "临近命令开始", "begins so near the order: grade 2"),
    ThresholdKind("offline", "day_missing_min", 240, "min", 15, 1440, "当日累计缺失", "missing in a day: grade 2"),
    ThresholdKind("bad_data", "capacity_factor", 1.5, "times", 1, 10, "合同容量倍数", "above it: suspect", False),
    ThresholdKind("bad_data", "spike_factor", 2, "times", 1.1, 20, "尖峰倍数", "spike: above the highest believed"),
    ThresholdKind("bad_data", "spike_min", 120, "min", 15, 120, "尖峰时长", "spike: no longer than this"),
    ThresholdKind("bad_data", "dropout_share", 0.1, "share", 0, 0.9, "跌落比例", "dropout: of the lowest believed"),
    ThresholdKind("bad_data", "dropout_min", 60, "min", 15, 60, "跌落时长", "dropout: no longer than this"),
    ThresholdKind("bad_data", "stuck_factor", 2, "times", 1, 20, "恒值倍数", "stuck: over the longest run learned"),
    ThresholdKind("bad_data", "stuck_h", 3, "h", 1, 24, "恒值时长", "stuck: longer than this in any case"),
    ThresholdKind(
        "bad_data", "level_share", 0.4, "share", 0.05, 0.9, "量级比例", "level: peak of the profile, or less"
    ),
    ThresholdKind("bad_data", "level_rise", 2.5, "times", 1.5, 100, "量级倍数", "level: over the profile, or more"),
    ThresholdKind("bad_data", "level_floor", 0.5, "share", 0, 1, "最低负荷比例", "level: base of the lowest believed"),
    ThresholdKind("bad_data", "level_alike", 2.6, "times", 1, 10, "比例一致性", "level: factors of base and peak"),
    ThresholdKind("bad_data", "level_shape", 0.7, "share", 0, 1, "曲线相关系数", "level: correlation with the profile"),
    ThresholdKind("bad_data", "level_h", 6, "h", 2, 24, "量级异常时长", "level: seen for so long"),
    ThresholdKind(
        "feed_down", "evidence_share", 0.2, "share", 0, 1, "有数据计量点比例", "a source is down below", False
    ),
    ThresholdKind("feed_down", "plants", 3, "count", 1, 1000, "企业数", "least plants that use the source", False),
    ThresholdKind("closing", "below_min", 30, "min", 15, 120, "解除时长", "slots low enough that close a slot rule"),
    ThresholdKind("closing", "below_share", 0.95, "share", 0.1, 1, "解除比例", "share of the cap that is low enough"),
    ThresholdKind("baseline", "low_confidence", 0.25, "share", 0, 10, "低置信误差", "RRMSE above it: low confidence"),
    ThresholdKind(
        "baseline", "errors", 0.15, "times", 0, 10, "低置信误差倍数", "such a fit: a break exceeds so many RRMSE"
    ),
    ThresholdKind("treatment_off", "running", 0.2, "share", 0, 1, "生产负荷比例", "production runs, of rated"),
    ThresholdKind("treatment_off", "off", 0.1, "share", 0, 1, "治污负荷比例", "treatment is off below, of rated"),
    ThresholdKind("treatment_off", "n_min", 45, "min", 15, 120, "关停时长", "flagged slots that open the alert"),
    ThresholdKind("treatment_off", "m_min", 60, "min", 15, 120, "观察窗口", "slots among which they lie"),
    ThresholdKind("treatment_off", "clear_min", 30, "min", 15, 120, "恢复时长", "slots not so that close it"),
)


#: Of each pair the first may not be above the second.
AT_MOST: tuple[tuple[tuple[str, str], tuple[str, str]], ...] = (
    *(((k.rule, "n_min"), (k.rule, "m_min")) for k in KINDS if k.name == "n_min"),
    (("stop_run", "unknown_low"), ("stop_run", "unknown_high")),
    (("step_up", "back"), ("step_up", "jump")),
)


def kind_of(rule: str, name: str) -> ThresholdKind | None:
    """The kind of a threshold, None for an unknown name."""
    return next((k for k in KINDS if k.rule == rule and k.name == name), None)
