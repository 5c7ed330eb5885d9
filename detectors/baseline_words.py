"""A fit in words, zh and en: what was learned, from which days, how sure it is, and what to ask before approving."""

from dataclasses import replace

from detectors.baseline_types import Fit, dropped_counts

#: (zh, en) of each code.
REASONS = {
    "order_day": ("停限产令期间", "under an order"),
    "outage": ("停电", "outage"),
    "clock_change": ("时制转换日", "change of the clock"),
    "coverage": ("数据不全", "too little data"),
    "zeros_unproven": ("零值无佐证", "zeros unproven"),
    "spike": ("数据突跳", "spike"),
    "level": ("数据倍率异常", "at a fraction of its level"),
    "stuck": ("数据冻结", "stuck"),
    "holiday": ("法定节假日", "public holiday"),
    "spring_ramp": ("春节前后", "weeks round the Spring Festival"),
    "low_use": ("用电明显偏低", "low use"),
}
REFUSALS = {
    "no_days": ("没有可用的日数据", "no day has usable data"),
    "few_days": ("可用工作日太少", "too few working days can be used"),
    "no_load": ("可用日内没有负荷", "there is no load on the usable days"),
    "no_capacity": ("核定能力法需给出核定负荷", "the capacity method needs a capacity by hand"),
}
IDLE = {
    "never_stops": (
        "参考期内未见连续 8 小时的停产，停产负荷未知：按三值判定，或请企业报保安负荷",
        "it never stood still for 8 h in the reference period: the idle level is unknown, stops are judged in three"
        " values unless a residual load is approved",
    ),
    "too_high": (
        "最低的持续负荷超过基准负荷的 35%，且不够平稳或未持续整日，可能是低负荷生产：停产负荷未知",
        "its lowest lasting load is above 35 % of the running level, and not so steady over whole days that it must be"
        " idling: the idle level is unknown",
    ),
    "too_rare": (
        "多数日子未见高负荷运行，低负荷可能就是正常生产：停产负荷未知",
        "on most days it stayed at its low level, which may as well be its work: the idle level is unknown",
    ),
    "too_little": (
        "停产时间太短，不足以学习停产负荷",
        "it stood still too briefly for an idle level to be learned",
    ),
}
APPLIED = {
    "same": ("休息日与工作日相同，用同一基准", "rest days are like working days: one baseline"),
    "few": ("休息日太少，用同一基准", "too few rest days: one baseline"),
    "idle": ("休息日基本停产，用工作日基准", "rest days are mostly idle: the working day's baseline holds for them"),
    "mixed": (
        "休息日时开时停，用工作日基准",
        "rest days are now worked, now idle: the working day's baseline holds for them",
    ),
    "differs": (
        "休息日规律生产且与工作日不同，分列基准",
        "rest days are worked in a steady way of their own: two baselines",
    ),
}
DOUBTS = {
    "few_days": ("可用日少于 10 天", "fewer than 10 working days count"),
    "idle_high": (
        "停产负荷超过基准负荷的 30%，建议核定保安负荷",
        "the idle level is above 30 % of running: ask for a residual load",
    ),
    "idle_of_one_stop": ("停产负荷只来自一次停产", "the idle level rests on a single stop"),
    "rest_days_mixed": ("休息日时开时停", "rest days are now worked, now idle"),
    "level_fault": ("参考期内有倍率异常的日子，请查计量", "days at a fraction of their level: have the meter checked"),
    "half_left_out": ("一半以上的日子被剔除", "more than half of the days are left out"),
    "drifts": ("前后期电量偏移超过 10%", "later days differ from earlier ones by more than 10 %"),
    "run_up": ("采暖季前用电明显高于上年同期", "it ran clearly more than in the same weeks a year before"),
}
CONFIDENCE = {"high": ("高", "high"), "medium": ("中", "medium"), "low": ("低", "low")}
METHODS = {
    "mean": ("平均值法", "mean"),
    "median": ("中位数法", "median"),
    "mid6of10": ("近十日中间六日法", "Mid-6-of-10"),
    "capacity": ("核定能力法", "capacity by hand"),
}


def with_words(fit: Fit) -> Fit:
    """The fit with its explanation."""
    return replace(fit, zh=_words(fit, 0), en=_words(fit, 1))


def _words(fit: Fit, lang: int) -> str:
    parts = [_days(fit, lang)]
    if fit.refusal is not None:
        refused = REFUSALS[fit.refusal][lang]
        parts.append((f"未能建立基准：{refused}。", f"No baseline: {refused}.")[lang])
    else:
        parts += [_levels(fit, lang), _idle(fit, lang), _energy(fit, lang)]
    if fit.doubts:
        told = ("；", "; ")[lang].join(DOUBTS[d][lang] for d in fit.doubts)
        parts.append((f"批准前请核实：{told}。", f"Before approving: {told}.")[lang])
    if fit.run_up is not None:
        parts.append((fit.run_up.zh, fit.run_up.en)[lang])
    return ("", " ")[lang].join(parts)


def _days(fit: Fit, lang: int) -> str:
    counts = dropped_counts(fit.dropped)
    left = ("、", ", ")[lang].join(f"{REASONS[r][lang] if r in REASONS else r} {n}" for r, n in counts.items())
    used = len(fit.used)
    if lang == 0:
        return f"参考期 {fit.first_day} 至 {fit.last_day}，采用 {used} 天" + (f"，剔除：{left}。" if left else "。")
    head = f"Reference period {fit.first_day} to {fit.last_day}: {used} days count"
    return head + (f"; left out: {left}." if left else ".")


def _levels(fit: Fit, lang: int) -> str:
    method = METHODS[fit.method][lang]
    if lang == 0:
        return f"{method}：基准负荷 {fit.running_kw:g} kW，最大 {fit.max_kw:g} kW。"
    return f"By the {method}: running at {fit.running_kw:g} kW, at most {fit.max_kw:g} kW."


def _idle(fit: Fit, lang: int) -> str:
    if fit.idle_kw is None:
        return (f"{IDLE[fit.idle_reason][0]}。", _sentence(IDLE[fit.idle_reason][1]))[lang]
    if lang == 0:
        return (
            f"停产 {fit.stops} 次、共 {fit.idle_hours:g} 小时，中位负荷 {fit.idle_median_kw:g} kW；"
            f"停产负荷取上限 {fit.idle_kw:g} kW，高于 {fit.split_kw:g} kW 视为生产。"
        )
    return (
        f"It stood still {fit.stops} times, {fit.idle_hours:g} h without their beginnings and ends, at"
        f" {fit.idle_median_kw:g} kW (median); its idle level is taken as {fit.idle_kw:g} kW, the upper end, and above"
        f" {fit.split_kw:g} kW it counts as running."
    )


def _energy(fit: Fit, lang: int) -> str:
    grade = CONFIDENCE[fit.confidence][lang]
    kwh = " / ".join(f"{row.day_kwh:g}" for t in fit.applied if (row := fit.row(t)) is not None)
    errors = (
        ""
        if fit.rrmse is None or fit.bias is None
        else (
            f"，留出日误差 {fit.rrmse:.1%}，偏差 {fit.bias:+.1%}",
            f", error on left-out days {fit.rrmse:.1%}, bias {fit.bias:+.1%}",
        )[lang]
    )
    if lang == 0:
        return f"日基准电量 {kwh} kWh（{APPLIED[fit.applied_reason][0]}）{errors}；可信度{grade}。"
    return f"Day energy {kwh} kWh ({APPLIED[fit.applied_reason][1]}){errors}; confidence {grade}."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
