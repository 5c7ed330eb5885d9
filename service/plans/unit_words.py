"""How running lines or cells are told under an order by units, in words (docs/rules/units_over.md)."""

from collections.abc import Iterator
from math import isinf

from detectors.lines import units_of
from detectors.units import SLACK_ESTIMATED
from service.plans.cap_at import OrderAt
from service.plans.word_parts import Words, kw


def units_words(at: OrderAt) -> Iterator[Words]:
    """Sentences without their full stops: how many may run, how they are counted, the load of a unit."""
    units = at.units
    if units is None:
        return
    total = units.total
    if units.allowed is not None:
        zh, en = f"共 {total} 条（台），允许运行 {units.allowed}", f"{units.allowed} of {total} lines or cells may run"
        if at.order.units_allowed is None and at.order.reduction is not None:
            cut = f"{100 * at.order.reduction:g}%"
            zh = f"{zh}：{total} × (1 − {cut}) 向下取整"
            en = f"{en}: {total} x (1 - {cut}), rounded down"
        yield zh, en
    if units.is_counted:
        yield (
            "逐线计数：每条线都有计量点，负荷高于该线停产负荷加余量即为运行，不留误差",
            "counted: every line has a meter; a line runs above its own idle load and margin; no slack",
        )
    elif at.over_kw is not None and at.low_kw is not None and not isinf(at.over_kw):
        low, over = kw(at.low_kw), kw(at.over_kw)
        yield (
            f"按总负荷估算（有的线没有计量点），容许 {SLACK_ESTIMATED} 台误差："
            f"不高于 {low} 必然未超，高于 {over} 必然超出，其间无法判定",
            f"estimated from the load of all (a line has no meter), slack {SLACK_ESTIMATED}: up to {low} no more "
            f"run than allowed, above {over} more do, between them nothing is certain",
        )
    named = [(line.name, units_of(line), level) for line, level in zip(units.lines, units.levels_kw, strict=True)]
    if named:
        zh = "、".join(f"{name} {n} × {'单台负荷未知' if kw_ is None else kw(kw_)}" for name, n, kw_ in named)
        en = ", ".join(f"{name} {n} x {'load of one not known' if kw_ is None else kw(kw_)}" for name, n, kw_ in named)
        yield f"生产线：{zh}", f"lines: {en}"
