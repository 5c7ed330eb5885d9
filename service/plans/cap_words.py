"""Why a slot has the cap it has, in sentences, Chinese and English: for an office that has to defend it on site."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from detectors.caps import TOLERANT
from detectors.registry import Baseline
from detectors.vocab import Control, Reason, Rule
from service.plans.cap_at import HOLDING, OrderAt, OrderState, ScopeAt, Value
from service.plans.cap_series import CapState
from service.plans.unit_words import units_words
from service.plans.word_parts import (
    Words,
    basis,
    exemption_words,
    kw,
    kwh,
    local,
    missing,
    order_name,
    order_span,
    share,
    span,
)


class About(StrEnum):
    """What a sentence is about."""

    STATE = "state"  # what holds, in one sentence
    ORDER = "order"  # which order, by which clause of which document
    BASELINE = "baseline"  # which numbers it is worked out from
    CAP = "cap"  # how
    UNITS = "units"  # how running lines or cells are counted
    DAY_CAP = "day_cap"  # energy of the day
    EXEMPTION = "exemption"
    TOLERANCE = "tolerance"
    BESIDE = "beside"  # other orders that hold, and why they do not take the slot
    MISSING = "missing"  # what is not known, and what it would take


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence in both languages; order_id: of the order that it speaks of."""

    about: About
    zh: str
    en: str
    order_id: str | None = None


#: States of an order in which an exemption tells why it does not take the slot.
_EASED = (OrderState.EXEMPT, OrderState.BESIDE)
_BY_COUNT = ("按线计数，单台负荷未知", "its units are counted, the load of one is not known")


def explained(at: ScopeAt) -> tuple[Sentence, ...]:
    """The cap of a slot in sentences, the answer first."""
    return tuple(_sentences(at))


def _sentences(at: ScopeAt) -> Iterator[Sentence]:
    taking = at.taking
    yield Sentence(About.STATE, *_state(at, taking), taking.order.order_id if taking else None)
    if taking is not None:
        yield from _taking(at, taking)
    for order in at.orders:
        if order.state in HOLDING and order.state != OrderState.TAKES:
            yield Sentence(About.BESIDE, *_beside(at, order, taking), order.order.order_id)
            for exemption in order.exemptions if order.state in _EASED else ():
                words = exemption_words(exemption, at.zone)
                yield Sentence(About.EXEMPTION, *_stopped(words), order.order.order_id)
    if taking is None:
        for words in _next(at):
            yield Sentence(About.BESIDE, *words)


def _state(at: ScopeAt, taking: OrderAt | None) -> Words:
    zh, en = span(at.start_s, at.end_s, at.zone)
    if taking is None:
        said = {
            CapState.EXEMPT: ("豁免，不设允许负荷", "exempt, there is no cap"),
            CapState.GRACE: ("降负荷宽限期内，尚不判定", "ramp-down grace, not judged yet"),
            CapState.PARTIAL: (
                "停限产令只覆盖本时段的一部分，不判定",
                "an order covers the slot in part only, not judged",
            ),
        }.get(at.state, ("没有停限产令，不设允许负荷", "no order, there is no cap"))
        return f"{zh}：{said[0]}。", f"{en}: {said[1]}."
    if taking.is_energy and taking.day_cap_kwh is not None:
        return (
            f"{zh}：按日电量判定，当日允许 {kwh(taking.day_cap_kwh)}。",
            f"{en}: judged by the day's energy, {kwh(taking.day_cap_kwh)} allowed that day.",
        )
    if taking.units is not None and taking.units.is_counted and taking.units.allowed is not None:
        count = taking.units.allowed
        return f"{zh}：允许运行 {count} 条（台）。", f"{en}: lines or cells that may run: {count}."
    if taking.cap_kw is None or taking.is_energy:
        return (
            f"{zh}：有停限产令，但无法给出允许负荷，判定结果只能是“无法判定”。",
            f"{en}: an order holds, but no cap can be given: the verdict can only be unknown.",
        )
    return f"{zh}：允许负荷 {kw(taking.cap_kw)}。", f"{en}: cap {kw(taking.cap_kw)}."


def _taking(at: ScopeAt, taking: OrderAt) -> Iterator[Sentence]:
    order_id = taking.order.order_id
    yield Sentence(About.ORDER, *_order(at, taking), order_id)
    needs_baseline = taking.order.control != Control.CAP
    if needs_baseline and at.baseline is not None:
        yield Sentence(About.BASELINE, *_baseline(at.baseline), order_id)
    if taking.cap_kw is not None:
        yield Sentence(About.CAP, *_stopped(_derived(at, taking)), order_id)
    if taking.units is not None:
        for words in units_words(taking):
            yield Sentence(About.UNITS, *_stopped(words), order_id)
    if taking.has_day_energy and taking.day_cap_kwh is not None:
        yield Sentence(About.DAY_CAP, *_stopped(_day_cap(at, taking)), order_id)
    for exemption in taking.exemptions:
        yield Sentence(About.EXEMPTION, *_stopped(exemption_words(exemption, at.zone)), order_id)
    yield from (Sentence(About.TOLERANCE, *_stopped(words), order_id) for words in _tolerance(at, taking))
    for reason in taking.missing:
        yield Sentence(About.MISSING, *_stopped(missing(taking.order.control, reason)), order_id)


def _order(at: ScopeAt, taking: OrderAt) -> Words:
    order = taking.order
    (name_zh, name_en), (by_zh, by_en) = order_name(order), basis(order)
    span_zh, span_en = order_span(order, at.zone)
    level_zh = f"，预警级别 {order.level}" if order.level else ""
    level_en = f", warning level {order.level}" if order.level else ""
    made_zh = f"，由方案 {order.rulebook} 生成" if order.rulebook else ""
    made_en = f", made by rulebook {order.rulebook}" if order.rulebook else ""
    return (
        f"依据{name_zh}，{by_zh}{level_zh}：{span_zh}{made_zh}。",
        f"By the {name_en}, {by_en}{level_en}: {span_en}{made_en}.",
    )


def _baseline(baseline: Baseline) -> Words:
    zh = [f"基准负荷 R = {kw(baseline.running_kw)}"]
    en = [f"running load R = {kw(baseline.running_kw)}"]
    if baseline.idle_kw is not None:
        zh.append(f"停产负荷 {kw(baseline.idle_kw)}")
        en.append(f"idle load {kw(baseline.idle_kw)}")
    if baseline.day_kwh is not None:
        zh.append(f"日电量 {kwh(baseline.day_kwh)}")
        en.append(f"day energy {kwh(baseline.day_kwh)}")
    kinds = {"all": ("每日", "every day"), "workday": ("工作日", "working days"), "restday": ("休息日", "rest days")}
    kind_zh, kind_en = kinds[baseline.day_type]
    by_zh = f"，批准人 {baseline.approved_by}" if baseline.approved_by else ""
    by_en = f", approved by {baseline.approved_by}" if baseline.approved_by else ""
    return (
        f"基准版本 {baseline.version}（{kind_zh}{by_zh}）：{'，'.join(zh)}。",
        f"Baseline version {baseline.version} ({kind_en}{by_en}): {', '.join(en)}.",
    )


def _derived(at: ScopeAt, taking: OrderAt) -> Words:
    """How the cap comes about, an exemption that raises it included."""
    zh, en = _own_cap(at, taking)
    if taking.max_kw is not None and taking.cap_kw is not None and taking.cap_kw == taking.max_kw:
        limit = kw(taking.max_kw)
        return f"{zh}；豁免允许至 {limit}，取较高者", f"{en}; an exemption allows {limit}: the higher one holds"
    return zh, en


def _own_cap(at: ScopeAt, taking: OrderAt) -> Words:
    order, baseline = taking.order, at.baseline
    running_kw = baseline.running_kw if baseline is not None else None
    if order.control == Control.CAP:
        limit = kw(order.cap_kw or 0.0)
        return f"允许负荷 = 核定最大负荷 {limit}", f"cap = approved maximum load {limit}"
    if order.control == Control.STOP:
        return _stop_cap(at, order.residual_kw)
    if order.control == Control.UNITS or running_kw is None:
        shown = kw(taking.cap_kw or 0.0)
        return (
            f"对照负荷 {shown}（停产负荷 + 允许的最大几条线）",
            f"load shown {shown}: idle load + the largest lines allowed",
        )
    cut, kept = order.reduction or 0.0, 1 - (order.reduction or 0.0)
    result = kw(kept * running_kw)
    zh = f"限产 {share(cut)}，即允许 {share(kept)}：{share(kept)} × 基准负荷 {kw(running_kw)} = {result}"
    en = f"{share(cut)} less, so {share(kept)} allowed: {share(kept)} x running load {kw(running_kw)} = {result}"
    if taking.is_energy:
        return f"{zh}；该值只作对照，超过它本身不算违规", f"{en}; shown for comparison, being over it is no violation"
    return f"允许负荷：{zh}", f"cap: {en}"


def _stop_cap(at: ScopeAt, residual_kw: float | None) -> Words:
    baseline = at.baseline
    margin, low, high = (at.thresholds[Rule.STOP_RUN, name] for name in ("margin", "unknown_low", "unknown_high"))
    idle_kw = baseline.idle_kw if baseline is not None else None
    running_kw = baseline.running_kw if baseline is not None else 0.0
    base_kw = residual_kw if residual_kw is not None else idle_kw
    if base_kw is None:
        level, over = kw(low.value * running_kw), kw(high.value * running_kw)
        (low_zh, low_en), (high_zh, high_en) = _share_of(low), _share_of(high)
        return (
            f"停产时的负荷未知，暂以 {low_zh} × R = {level} 为允许负荷：以下合规，"
            f"以上至 {high_zh} × R = {over} 无法判定，再高为违规",
            f"the load of the stopped plant is not known; {low_en} of R = {level} stands in: below it "
            f"compliant, from there to {high_en} of R = {over} unknown, above that violating",
        )
    zh, en = ("令中保安负荷", "residual load of the order") if residual_kw is not None else ("停产负荷", "idle load")
    if baseline is None:
        return (
            f"允许负荷 = {zh} {kw(base_kw)}（没有基准，余量为 0）",
            f"cap = {en} {kw(base_kw)} (no baseline: margin 0)",
        )
    (part_zh, part_en), added = _share_of(margin), kw(margin.value * running_kw)
    total = kw(base_kw + margin.value * running_kw)
    return (
        f"允许负荷 = {zh} {kw(base_kw)} + 余量 {part_zh} × R = {added}，合计 {total}",
        f"cap = {en} {kw(base_kw)} + margin {part_en} of R = {added}, together {total}",
    )


def _share_of(threshold: Value) -> Words:
    """A threshold that is a share, with its origin where the office set it."""
    told = share(threshold.value)
    if threshold.origin is None:
        return told, told
    return f"{told}（依据 {threshold.origin}）", f"{told} ({threshold.origin})"


def _day_cap(at: ScopeAt, taking: OrderAt) -> Words:
    baseline, kept = at.baseline, share(1 - (taking.order.reduction or 0.0))
    allowed = kwh(taking.day_cap_kwh or 0.0)
    if baseline is None or baseline.profile_kw:
        source_zh, source_en = "基准日曲线", "the baseline's profile"
    else:
        source_zh, source_en = (
            "基准日电量（不超过 R × 判定小时数）",
            "the baseline's day energy (at most R x judged hours)",
        )
    return (
        f"当日允许电量 {allowed}：{kept} × {source_zh}，只计当日受判定的时段",
        f"energy allowed that day {allowed}: {kept} of {source_en}, over the slots of the day that are judged",
    )


def _tolerance(at: ScopeAt, taking: OrderAt) -> Iterator[Words]:
    if taking.has_day_energy and taking.day_cap_kwh is not None:
        of_day = at.thresholds[Rule.LIMIT_DAY, "tolerance"]
        limit, (zh, en) = kwh(taking.day_cap_kwh * (1 + of_day.value)), _share_of(of_day)
        yield (
            f"日电量容差 {zh}：超过 {limit} 才为违规",
            f"tolerance of day energy {en}: more than {limit} is a violation",
        )
    if taking.is_energy or taking.over_kw is None or Reason.IDLE_UNKNOWN in taking.missing:
        return
    limit, rule = kw(taking.over_kw), TOLERANT.get(taking.order.control)
    if taking.order.control == Control.STOP:
        yield (
            f"容差为 0（余量已含在内）：高于 {limit} 即为超",
            f"tolerance 0 (the margin is in the cap): above {limit} is over",
        )
    elif rule is not None:
        zh, en = _share_of(at.thresholds[rule, "tolerance"])
        yield f"容差 {zh}：高于 {limit} 才为超", f"tolerance {en}: above {limit} is over"


def _beside(at: ScopeAt, order: OrderAt, taking: OrderAt | None) -> Words:
    (name_zh, name_en), (by_zh, by_en) = order_name(order.order), basis(order.order)
    zh, en = _why_not(at, order, taking)
    return f"另有{name_zh}，{by_zh}：{zh}。", f"Beside it the {name_en}, {by_en}: {en}."


def _why_not(at: ScopeAt, order: OrderAt, taking: OrderAt | None) -> Words:
    if order.state == OrderState.EXEMPT:
        return "豁免中，不占用本时段", "exempt, it does not take the slot"
    if order.state == OrderState.GRACE:
        until = local(order.grace_to or 0, at.zone)
        return f"降负荷宽限至 {until}，之前不占用时段", f"ramp-down grace until {until}, it takes no slot before"
    if order.state == OrderState.OUTSIDE_WINDOW:
        zh, en = order_span(order.order, at.zone)
        return f"本时段不在其每日时间内（{zh}）", f"the slot is outside its daily window ({en})"
    if order.state == OrderState.PARTIAL:
        zh, en = order_span(order.order, at.zone)
        return (
            f"只覆盖本时段的一部分（{zh}），不算受令时段",
            f"it covers the slot in part only ({en}): not an ordered slot",
        )
    if order.cap_kw is None:
        reasons = [missing(order.order.control, reason) for reason in order.missing] or [_BY_COUNT]
        zh, en = "；".join(z for z, _ in reasons), "; ".join(e for _, e in reasons)
        return (
            f"没有已知的允许负荷，不占用本时段（{zh}）",
            f"no cap of it is known, so it does not take the slot ({en})",
        )
    if order.is_energy and taking is not None and not taking.is_energy:
        return (
            "按日电量判定，与占用本时段的负荷令同时考核",
            "judged by the day's energy over all its own slots, at the same time as the order that takes the slot",
        )
    limit = kw(order.cap_kw)
    if taking is not None and taking.cap_kw is not None and order.cap_kw > taking.cap_kw:
        return (
            f"允许负荷 {limit} 较高，最严者占用本时段",
            f"its cap {limit} is higher, and the strictest order takes the slot",
        )
    return (
        f"允许负荷 {limit} 相同，按停产、核定、台数、限产和令号的次序排在后面",
        f"its cap {limit} is the same; it comes later in the order stop, approved load, units, limit, order id",
    )


def _next(at: ScopeAt) -> Iterator[Words]:
    """The next order to come, where none takes the slot."""
    coming = next((o for o in at.orders if o.state == OrderState.TO_COME), None)
    if coming is not None:
        (name_zh, name_en), (zh, en) = order_name(coming.order), order_span(coming.order, at.zone)
        yield f"下一道令：{name_zh}，{zh}。", f"The next order: the {name_en}, {en}."


def _stopped(words: Words) -> Words:
    """With a full stop, and the English one begun as a sentence."""
    zh, en = words
    return f"{zh}。", f"{en[:1].upper()}{en[1:]}."
