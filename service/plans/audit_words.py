"""Findings of the audit in words: what is found, and what to do, Chinese and English."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from detectors.registry import Approval, Order
from detectors.rulebook.decisions import Decision, Outcome
from detectors.rulebook.schema import Item, Livelihood, Rulebook
from detectors.vocab import Control
from service.plans.running import RunningLook, RunningThresholds


class Said(NamedTuple):
    """What is found, and what to do."""

    zh: str
    en: str
    do_zh: str
    do_en: str


_CONTROLS: Mapping[Control, tuple[str, str]] = {
    Control.STOP: ("停产", "a stop"),
    Control.LIMIT: ("限产", "a limit"),
    Control.CAP: ("限负荷", "a cap"),
    Control.UNITS: ("限台数", "a limit of lines"),
    Control.COKING: ("延长出焦时间", "a longer coking time"),
}


def unlisted(rulebook: Rulebook, decision: Decision) -> Said:
    """Covered, or perhaps covered, and not on the list."""
    if decision.outcome is Outcome.ORDERED:
        zh = f"按方案应停限产，但未列入错峰生产企业清单（{rulebook.document}）：{decision.why_zh}"
        en = f"ordered by the plan, but not on its list of plants ({rulebook.document}): {decision.why_en}"
        return Said(
            zh,
            en,
            "列入清单并重新套用方案；不应列入的，更正其行业代码或属性",
            "list it and apply the plan again; or correct its industry code or attributes where it does not belong",
        )
    zh = f"行业属方案范围，未列入清单（{rulebook.document}），且属性不全：{decision.why_zh}"
    en = f"of a trade of the plan, not on its list ({rulebook.document}), attributes are missing: {decision.why_en}"
    return Said(
        zh, en, "查明所缺属性；应停限产的列入清单", "find out what is missing; list it where the plan orders it"
    )


def undecided(decision: Decision) -> Said:
    """Attributes are missing."""
    return Said(
        decision.why_zh,
        decision.why_en,
        "在企业表或生产线表补全所缺属性后重新套用方案",
        "enter the missing attributes in plants or lines, and apply the plan again",
    )


def listed_not_covered(rulebook: Rulebook, decision: Decision) -> Said:
    """On the list, and nothing is ordered."""
    return Said(
        f"列入清单（{rulebook.document}），但方案对其不作要求：{decision.why_zh}",
        f"on the list ({rulebook.document}), but the plan orders nothing of it: {decision.why_en}",
        "核对行业代码和属性；确不属于方案范围的从清单删除",
        "check its industry code and attributes; take it off the list where the plan does not speak of it",
    )


def plan_refused(zh: str, en: str) -> Said:
    """A plan of a plant that the rulebook refuses."""
    return Said(
        f"一厂一策不予采用：{zh}",
        f"the plant's own plan is refused: {en}",
        "退回企业修改；改好之前无法套用方案",
        "have the plant correct it; until then the rulebook cannot be applied",
    )


def nothing_measures(decision: Decision) -> Said:
    """Decided but for the meters."""
    return Said(
        decision.why_zh,
        decision.why_en,
        "登记该工序（生产线）的计量点，或加装分表",
        "register the meters of that step or line, or have sub-meters put in",
    )


def no_meter(order: Order, ended: str | None) -> Said:
    """An ordered scope without a valid meter. ended: until when there was one."""
    zh, en = _CONTROLS[order.control]
    was = ("", "") if ended is None else (f"（至{ended}止有）", f" (there was one until {ended})")
    return Said(
        f"{zh}令的监测范围{order.scope_id}没有有效计量点{was[0]}，无法判定",
        f"the scope {order.scope_id} of {en} has no valid meter{was[1]}: it cannot be judged",
        "向供电公司核对户号和计量点并导入",
        "ask the grid company for its accounts and meters, and import them",
    )


def no_baseline(order: Order, *, lacks_day_energy: bool) -> Said:
    """A share of a baseline that there is not, or of a day that it does not know."""
    zh, en = _CONTROLS[order.control]
    if lacks_day_energy:
        return Said(
            f"{zh}令按电量考核，但{order.scope_id}的基准既无日电量也无曲线，电量无法判定",
            f"{en} that is judged by energy, but the baseline of {order.scope_id} has neither day_kwh nor a profile",
            "补充基准日电量（day_kwh）或曲线",
            "add day_kwh or a profile to the baseline",
        )
    instead = order.control is Control.STOP
    return Said(
        f"{zh}令的监测范围{order.scope_id}没有基准负荷" + ("，也没有核定保安负荷" if instead else "") + "，无法判定",
        f"the scope {order.scope_id} of {en} has no baseline" + (" and no residual load" if instead else ""),
        "测算并审批基准负荷" + ("，或在一厂一策中填报保安负荷" if instead else ""),
        "have a baseline made and approved" + (", or enter the residual load of its own plan" if instead else ""),
    )


def lines_without_units(order: Order, line: str | None, *, is_count_missing: bool = False) -> Said:
    """Lines that can be neither counted nor estimated. line: its id; None: there is none."""
    if line is None:
        return Said(
            f"限台数令，但{order.scope_id}没有登记生产线，允许台数和运行台数都无法确定",
            f"lines are limited, but none is registered for {order.scope_id}: neither how many may run nor how many do",
            "登记全部生产线（或电解系列及槽数）",
            "register all its lines, or potlines with their number of cells",
        )
    if is_count_missing:
        return Said(
            f"电解系列{line}没有槽数，允许台数无法确定",
            f"the potline {line} has no number of cells: how many may run is not known",
            "在生产线表填写槽数（units）",
            "enter the number of cells (units) in lines",
        )
    return Said(
        f"限台数令，但生产线{line}既无计量点也无单台负荷，运行台数无法判定",
        f"lines are limited, but the line {line} has neither a meter nor the load of one unit: it cannot be counted",
        "登记该生产线的计量点，或填写单台负荷（unit_kw）",
        "register a meter of the line, or enter unit_kw",
    )


def coking_without_pushes() -> Said:
    """Coking time is no load."""
    return Said(
        "延长出焦时间，但没有推焦车的计量点：用电量不能判定",
        "a longer coking time, but no meter of the pushing machine: electricity cannot decide",
        "为推焦车分表登记监测范围（类型pushes），或按出焦记录现场检查",
        "register a scope of kind pushes with the pushing machine's sub-meter, or inspect the record of pushes",
    )


def approval_missing(rulebook: Rulebook, clause: Livelihood, *, has_other: bool) -> Said:
    """A task of livelihood without an approval in force. has_other: there is one of another time."""
    zh, en = ("核定已失效或尚未生效", "its approval is not in force") if has_other else ("没有核定", "has no approval")
    return Said(
        f"承担保民生任务，{zh}：按一般企业执行（{rulebook.document}{clause.clause}）",
        f"has a task of livelihood, and {en}: it is ordered like the others ({rulebook.document} {clause.clause})",
        f"核定最大允许生产负荷，报{clause.approver}批准" + (f"，并报{clause.filing}备案" if clause.filing else ""),
        f"have a maximum load approved by {clause.approver}"
        + (f" and filed with {clause.filing}" if clause.filing else ""),
    )


def approver_differs(clause: Livelihood | Item, approval: Approval) -> Said:
    """Approved by another office than the clause names."""
    return Said(
        f"{approval.document}由{approval.approved_by}批准，条款要求由{clause.approver}批准",
        f"{approval.document} was approved by {approval.approved_by}; the clause names {clause.approver}",
        "核对批准文件；未经该机关批准的应补报",
        "check the document; have it approved by that office where it was not",
    )


def filing_missing(clause: Livelihood, approval: Approval) -> Said:
    """Approved, and not filed."""
    return Said(
        f"{approval.document}未见报{clause.filing}备案",
        f"no filing of {approval.document} with {clause.filing} is known",
        "补报备案并填写备案机关",
        "file it, and enter where it was filed",
    )


def silent(meter_id: str, since: str | None) -> Said:
    """A meter without a valid reading."""
    zh = f"计量点{meter_id}" + ("从未有过有效数据" if since is None else f"自{since}起没有有效数据")
    en = f"the meter {meter_id} " + (
        "never gave a valid reading" if since is None else f"gave no valid reading since {since}"
    )
    return Said(
        zh, en, "请供电公司核查采集；必要时现场检查", "have the grid company look after it; inspect the site if need be"
    )


def runs_unlisted(name: str, look: RunningLook, thresholds: RunningThresholds, *, is_account: bool) -> Said:
    """A load that looks like a running plant, and no order."""
    contract = ("", "") if look.contract_kw is None else (
        f"，合同容量{look.contract_kw:.0f} kW", f", contract capacity {look.contract_kw:.0f} kW"
    )  # fmt: skip
    measured_zh = f"高负荷{look.top_kw:.0f} kW，低谷{look.quiet_kw:.0f} kW{contract[0]}"
    measured_en = f"{look.top_kw:.0f} kW in its highest, {look.quiet_kw:.0f} kW in its lowest hours{contract[1]}"
    who = (f"户号{name}", f"the account {name}") if is_account else (name, name)
    days, span = look.days, thresholds.span_days
    return Said(
        f"{who[0]}属方案行业而没有停限产要求，近{span}日中有{days}日用电像在生产（{measured_zh}；阈值{thresholds.origin}）",
        f"{who[1]} is of a trade of the plan, nothing is ordered of it, and on {days} of the last {span} days its load"
        f" looks like production ({measured_en}; thresholds {thresholds.origin})",
        "现场核实是否生产；应停限产的列入清单",
        "see on site whether it produces; list it where the plan orders it",
    )


def unknown_account(meter_id: str, source: str, rows: int, since: str) -> Said:
    """Readings of a meter that the registry does not know."""
    return Said(
        f"数据源{source}送来计量点{meter_id}的数据{rows}条（自{since}），登记表没有该计量点",
        f"{rows} readings of the meter {meter_id} came from {source} since {since}: the registry does not know it",
        "向供电公司核对户号，登记企业和计量点",
        "ask the grid company whose account it is, and register plant and meter",
    )


def no_list(rulebook: Rulebook) -> Said:
    """Nothing to compare with."""
    return Said(
        f"没有导入{rulebook.document}的错峰生产企业清单，所有企业视为已列入，无法核对漏列",
        f"no list of {rulebook.document} was imported: every plant counts as listed, nothing can be compared",
        "导入错峰生产企业清单",
        "import the list of plants",
    )


def not_applied(rulebook: Rulebook, changes: Mapping[str, int]) -> Said:
    """Orders that stand are not those that the rulebook asks for now."""
    names = {"new": ("新增", "new"), "revised": ("修订", "revised"), "withdrawn": ("撤销", "withdrawn")}
    zh = "、".join(f"{zh}{changes[what]}条" for what, (zh, _) in names.items() if changes.get(what))
    en = ", ".join(f"{changes[what]} {en}" for what, (_, en) in names.items() if changes.get(what))
    return Said(
        f"停限产令与方案{rulebook.rulebook_id}不一致，重新套用将{zh}",
        f"orders do not stand as rulebook {rulebook.rulebook_id} asks now; applying it makes: {en}",
        f"核对 cuofeng plan diff {rulebook.rulebook_id} 后套用",
        f"look at cuofeng plan diff {rulebook.rulebook_id}, then apply it",
    )


def rulebook_unreadable(name: str, fault: str) -> Said:
    """A stored rulebook of another time."""
    return Said(
        f"已套用的方案{name}无法由本版本读取，未作核查：{fault}",
        f"the applied rulebook {name} cannot be read by this version, nothing was compared with it: {fault}",
        "提高其version，按本版本格式重新套用",
        "raise its version and apply it again in the form of this version",
    )


def missing_names(rulebook: Rulebook, missing: Sequence[str]) -> tuple[str, ...]:
    """Attributes by their codes, sorted; those of the vocabulary first."""
    return tuple(sorted(missing, key=lambda name: (name not in rulebook.attributes, name)))
