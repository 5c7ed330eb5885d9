"""What clears an alert, in words: of one that is open, what would; of one that is closed, what did."""

from collections.abc import Callable, Mapping

from consumers.alert_case import NOTHING, AlertCase, Words, day_and_time, kw, kwh, minutes, per_cent
from detectors.registry import FOREVER
from detectors.vocab import CloseReason, Rule

Piece = Callable[[AlertCase], Words]


def _order_end(case: AlertCase) -> Words:
    order = case.order
    if order is None or order.valid_to >= FOREVER:
        return "命令结束时", "at the order's end"
    end = f"{case.moment(order.valid_to):%Y-%m-%d %H:%M}"
    return f"命令结束时({end})", f"at the order's end ({end})"


def _window(case: AlertCase) -> str:
    """The window of a slot rule: so long compliant closes it."""
    return minutes(case.threshold("m_min") or case.below_min)


def _below(case: AlertCase) -> Words:
    """The closing test of slot rules, as a load where the cap is known."""
    length, cap = minutes(case.below_min), case.alert.peak_cap_kw
    if cap is None:
        return (
            f"连续 {length} 不高于允许负荷的 {case.below_share:g}",
            f"{length} at or under {case.below_share:g} × cap",
        )
    told = kw(case.below_share * cap)
    return (
        f"连续 {length} 不高于 {told}({case.below_share:g} × 允许)",
        f"{length} at or under {told} ({case.below_share:g} × cap)",
    )


def after_below(case: AlertCase) -> Words:
    """Slot rules: under the cap, or compliant for a whole window, or the order ends."""
    long = _window(case)
    (below_zh, below_en), (end_zh, end_en) = _below(case), _order_end(case)
    return (
        f"{below_zh}且计量完整,或连续 {long} 合规,或{end_zh}关闭",
        f"clears after {below_en}, fully measured, after {long} compliant, or {end_en}",
    )


def after_units(case: AlertCase) -> Words:
    """No more units than allowed."""
    allowed, length, long = case.fact("units_allowed"), minutes(case.below_min), _window(case)
    zh, en = ("允许台数", "the units allowed") if allowed is None else (f"{allowed:g} 台(线)", f"{allowed:g} units")
    end_zh, end_en = _order_end(case)
    return (
        f"连续 {length} 运行不多于{zh},或连续 {long} 合规,或{end_zh}关闭",
        f"clears after {length} with no more than {en} running, after {long} compliant, or {end_en}",
    )


def with_day(case: AlertCase) -> Words:
    """Day rules: nothing takes back what a day used."""
    return (
        "当日已超限不可撤销,当日 24:00 或命令结束时关闭",
        "what the day used stays used: closes at 24:00 or at the order's end",
    )


def with_day_pace(case: AlertCase) -> Words:
    """What is left of the day."""
    used, cap = case.fact("day_energy_wh"), case.fact("day_cap_wh")
    if used is None or cap is None:
        return "当日 24:00 或命令结束时关闭", "closes at 24:00 or at the order's end"
    left = kwh(max(0.0, cap - used) / 1000)
    return (
        f"当日剩余可用 {left},24:00 或命令结束时关闭",
        f"{left} are left for the day, closes at 24:00 or at the order's end",
    )


def with_night(case: AlertCase) -> Words:
    """Rules of the night."""
    end_zh, end_en = _order_end(case)
    hour = f"{case.threshold('end_h') or 0:02.0f}:00"
    return f"晨 {hour} 或{end_zh}关闭,已用电量不可撤销", f"closes at {hour} or {end_en}: what the night used stays used"


def after_step(case: AlertCase) -> Words:
    """Back from the step."""
    length, end, back = minutes(case.below_min), _order_end(case), case.fact_kw("back_wh")
    if back is None:
        near = "回落到阶跃前负荷附近", "back near the load before the step"
    else:
        near = f"不高于 {kw(back)}", f"at or under {kw(back)}"
    return f"连续 {length} {near[0]},或{end[0]}关闭", f"clears after {length} {near[1]}, or {end[1]}"


def after_capacity(case: AlertCase) -> Words:
    """Back under the capacity."""
    zh, en = _below(case)
    return f"{zh}且计量完整,或命令开始时关闭", f"clears after {en}, fully measured, or when an order begins"


def after_treatment(case: AlertCase) -> Words:
    """Treatment runs again, or production rests."""
    length = minutes(case.threshold("clear_min") or case.below_min)
    return (
        f"连续 {length} 治污设施运行或生产停下,且计量完整后关闭",
        f"clears after {length}, fully measured, in which the treatment runs or the production rests",
    )


def by_data(case: AlertCase) -> Words:
    """Every meter speaks again."""
    end_zh, end_en = _order_end(case)
    return (
        f"全部计量点恢复数据的首个时段,或{end_zh}关闭,补采填满缺口则撤回",
        "clears at the first slot in which every meter speaks"
        f", or {end_en}, taken back where re-collected readings fill the gap",
    )


def by_feed(case: AlertCase) -> Words:
    """The source speaks again."""
    share = case.threshold("evidence_share")
    told = ("足够比例", "enough") if share is None else (per_cent(share),) * 2
    return f"有效数据的计量点达 {told[0]} 后关闭", f"clears when {told[1]} of its meters have evidence again"


def by_power(case: AlertCase) -> Words:
    """Power is back."""
    return (
        "计量完整且有电压或负荷的首个时段关闭,停电期间不判违规",
        "clears at the first fully measured slot with power, until then no slot is held against the plant",
    )


def by_sound_data(case: AlertCase) -> Words:
    """Sound values again."""
    return (
        "计量完整且数据正常的首个时段关闭,由数据组核查,不代表企业违规",
        "clears at the first fully measured slot without such a value: for the data team, it accuses nobody",
    )


def was_closed(case: AlertCase) -> Words:
    """When an alert closed, and why."""
    alert = case.alert
    when = day_and_time(case.at((alert.closed_slot or 0) + 1))
    why_zh, why_en = _WHY[alert.close_reason](case) if alert.close_reason else NOTHING
    return (
        (f"已于 {when} 关闭:{why_zh}", f"closed {when}: {why_en}")
        if why_zh
        else (f"已于 {when} 关闭", f"closed {when}")
    )


def _fixed(zh: str, en: str) -> Piece:
    return lambda case: (zh, en)


def _was_compliant(case: AlertCase) -> Words:
    long = _window(case)
    return f"连续 {long} 合规", f"{long} compliant"


def _was_below(case: AlertCase) -> Words:
    return _units_kept(case) if case.alert.rule == Rule.UNITS_OVER else _below(case)


def _was_cleared(case: AlertCase) -> Words:
    if case.alert.rule == Rule.TREATMENT_OFF:
        return "治污设施运行或生产停下", "the treatment ran or the production rested"
    return "数据恢复正常", "the data is as it should be again"


def _units_kept(case: AlertCase) -> Words:
    length = minutes(case.below_min)
    return f"连续 {length} 运行不多于允许台数", f"{length} with no more units running than allowed"


_WHY: Mapping[CloseReason, Piece] = {
    CloseReason.BELOW_CAP: _was_below,
    CloseReason.COMPLIANT: _was_compliant,
    CloseReason.ORDER_END: _fixed("命令结束", "the order ended"),
    CloseReason.WINDOW_END: _fixed("当日时段结束", "the daily window ended"),
    CloseReason.EXEMPTION: _fixed("豁免开始", "an exemption began"),
    CloseReason.DAY_END: _fixed("当日结束", "the local day ended"),
    CloseReason.COVERAGE: _fixed("全部计量点已有数据", "every meter speaks again"),
    CloseReason.CLEARED: _was_cleared,
    CloseReason.NIGHT_END: _fixed("夜间结束", "the night ended"),
    CloseReason.STEPPED_DOWN: _fixed("负荷回落到阶跃前附近", "the load was back near what it was before the step"),
    CloseReason.ORDER_BEGIN: _fixed("命令开始", "an order began"),
}
