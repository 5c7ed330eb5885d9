"""Decisions in words, Chinese and English."""

from collections.abc import Iterable

from detectors.registry import Approval
from detectors.rulebook.conditions import EDITION, INDUSTRY
from detectors.rulebook.decisions import ControlKind, Decision
from detectors.rulebook.schema import Demand, Item, Livelihood, Rulebook
from detectors.slots import local_date

Words = tuple[str, str]

#: What is missing when nothing measures what is ordered.
METERS = "meters"

_NAMES = {
    INDUSTRY: ("行业代码（四位）", "industry code (four digits)"),
    EDITION: ("行业标准版本（2011或2017）", "edition of the industry code (2011 or 2017)"),
    METERS: ("计量点", "meters"),
}


def joined(*parts: Words) -> Words:
    """Sentences after each other; empty ones are left out."""
    return "；".join(zh for zh, _ in parts if zh), "; ".join(en for _, en in parts if en)


def missing_words(rulebook: Rulebook, missing: Iterable[str]) -> Words:
    """What is missing, by its names."""
    named = [
        _NAMES.get(name) or (rulebook.attributes[name].zh, f"{rulebook.attributes[name].en} ({name})")
        for name in sorted(missing)
    ]
    return "无法判定，缺少：" + "、".join(zh for zh, _ in named), "cannot decide, missing: " + ", ".join(
        en for _, en in named
    )


def item_words(item: Item) -> Words:
    """Clause and trade of an item."""
    return f"{item.clause}：{item.zh}", f"{item.clause}: {item.en}"


def demand_words(demand: Demand) -> Words:
    """What an item orders."""
    share = f"{100 * (demand.reduction or 0):g}"
    hours = f"{demand.hours or 0:g}"
    words = {
        ControlKind.STOP: ("停产", "stop"),
        ControlKind.STOP_PROCESS: ("该工序停产", "the process stops"),
        ControlKind.LIMIT: (f"限产{share}%", f"{share} % less"),
        ControlKind.CELLS: (f"按电解槽数限产{share}%", f"{share} % fewer cells"),
        ControlKind.LINES: (f"按生产线限产{share}%", f"{share} % fewer lines"),
        ControlKind.COKING: (f"出焦时间不少于{hours}小时", f"coking time of at least {hours} h"),
    }
    return words[demand.kind]


def units_words(kind: ControlKind, total: int | None, allowed: int | None) -> Words:
    """How many units of how many may run."""
    zh, unit, en = ("电解槽", "台", "cells") if kind is ControlKind.CELLS else ("生产线", "条", "lines")
    if total is None or allowed is None:
        return f"登记表没有{zh}数，允许台数未定", f"the registry does not say how many {en} there are"
    return f"{zh}{total}{unit}，允许运行{allowed}{unit}", f"{allowed} of {total} {en} may run"


def approval_words(clause: Livelihood | Item, approval: Approval, zone: str, span: tuple[int, int] | None) -> Words:
    """By which approval a plant may run, when if not over all of ``span``, and what of the clause is not kept."""
    zh = f"核定最大允许负荷{approval.max_kw:g} kW（{approval.document}，{approval.approved_by}批准）"
    en = f"approved maximum load {approval.max_kw:g} kW ({approval.document}, approved by {approval.approved_by})"
    parts = [(zh, en)]
    if span is not None and approval.valid_from > span[0]:
        day = local_date(zone, approval.valid_from)
        parts.append((f"自{day}起，此前按行业条款执行", f"from {day} on, before that as its trade"))
    if span is not None and approval.valid_to < span[1]:
        day = local_date(zone, approval.valid_to - 1)
        parts.append((f"至{day}止，此后按行业条款执行", f"up to {day}, after that as its trade"))
    if clause.approver and approval.approved_by != clause.approver:
        parts.append((f"条款要求由{clause.approver}批准", f"the clause asks for approval by {clause.approver}"))
    if isinstance(clause, Livelihood) and clause.filing and not approval.filed_with:
        parts.append((f"未见报{clause.filing}备案", f"no filing with {clause.filing} is known"))
    return joined(*parts)


def no_approval_words(clause: Livelihood) -> Words:
    """Why a plant with a task of livelihood is ordered like the others."""
    return (
        f"承担保民生任务但没有{clause.approver}批准的最大允许生产负荷，按一般企业执行",
        f"has a task of livelihood, but no maximum load approved by {clause.approver}: ordered like the others",
    )


def by_lines_words(decisions: Iterable[Decision]) -> Words:
    """What is decided line by line."""
    names_zh = {"ordered": "停限产", "exempt": "不含", "not_covered": "不涉及", "cannot_decide": "无法判定"}
    rows = [(d.line_id, d.outcome.value) for d in decisions]
    zh = "、".join(f"{line}{names_zh[outcome]}" for line, outcome in rows)
    return f"按生产线判定：{zh}", "decided line by line: " + ", ".join(f"{line} {outcome}" for line, outcome in rows)
