"""Violating slots that a change may take away: an import says so before anybody wonders (SEMANTICS §3.20)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.confidence import ERRORS, THRESHOLD
from detectors.days import unpacked_row
from detectors.registry import FOREVER, Baseline, Exemption, Order, Registry
from detectors.vocab import Control, Rule, Verdict
from service.db.packed_days import PACKED
from service.db.registry_diff import TableChanges
from service.db.registry_errors import Problem
from service.db.registry_marks import effective_orders
from service.db.registry_spans import Span
from service.db.registry_threshold_marks import threshold_differences


@dataclass(frozen=True, slots=True)
class Loosening:
    """Seconds of a scope in which a row may end violating slots. order_id: only those of that order; None: all.
    scope_id None: of all scopes, in whole local days."""

    table: str
    row: str
    scope_id: str | None
    span: Span
    order_id: str | None = None


def loosenings(changes: Mapping[str, TableChanges], before: Registry, after: Registry) -> list[Loosening]:
    """The changed orders, exemptions, baselines and thresholds that do not only tighten."""
    found: list[Loosening] = []
    was, now = effective_orders(before), effective_orders(after)
    for order_id in sorted({new.order_id for _, new in changes["orders"].pairs()}):
        if order_id in was:
            found += _of_revision(was[order_id], now[order_id])
    for old, exemption in changes["exemptions"].pairs():
        if old is None or _loosens_exemption(old, exemption):
            span = (exemption.valid_from, exemption.valid_to)
            name = f"{exemption.scope_id} {exemption.order_id or ''}".strip()
            found.append(Loosening("exemptions", name, exemption.scope_id, span, exemption.order_id))
    for old, baseline in changes["baselines"].pairs():
        begin = baseline.valid_from if old is None else baseline.valid_to
        end = baseline.valid_to if old is None else old.valid_to
        if old is not None or _loosens_baseline(baseline, before):
            name = f"{baseline.scope_id} {baseline.version}"
            found.append(Loosening("baselines", name, baseline.scope_id, (begin, end)))
    return [*found, *_of_thresholds(changes, before, after)]


#: The longest grace that may be set.
GRACE_MAX_S = 96 * 3600
#: Thresholds that decide whether a slot violates: a higher value lets slots pass; of that of low confidence, a lower
#: one. Of all kinds that set readings aside, any change may.
_LETS_PASS: Mapping[tuple[str, str], Control | None] = {
    (Rule.STOP_RUN, "margin"): Control.STOP,
    (Rule.STOP_RUN, "grace_h"): Control.STOP,
    (Rule.STOP_RUN, "unknown_low"): None,  # of a limit of energy: what counts as running once its cap is used
    (Rule.STOP_RUN, "unknown_high"): Control.STOP,
    (Rule.LIMIT_SLOT, "tolerance"): Control.LIMIT,
    (Rule.LIMIT_DAY, "tolerance"): None,
    (Rule.CAP_ABS, "tolerance"): Control.CAP,
    ERRORS: None,
    THRESHOLD: None,
}


def _of_thresholds(changes: Mapping[str, TableChanges], before: Registry, after: Registry) -> list[Loosening]:
    """Values that let slots pass. One for all is told once, whichever scopes have a value of their own."""
    orders: dict[str, list[Order]] = defaultdict(list)
    found: dict[tuple[str | None, str, Span, str | None], Loosening] = {}
    own = {t.scope_id for t in (*before.thresholds, *after.thresholds)}
    for order in effective_orders(after).values() if changes["thresholds"].pairs() else ():
        orders[order.scope_id].append(order)
    for difference in threshold_differences(changes, before, after):
        rule, name = difference.kind
        if difference.kind not in _LETS_PASS and rule != Rule.BAD_DATA:
            continue
        control = _LETS_PASS.get(difference.kind)
        scope_id = difference.scope_id if difference.scope_id in own else None
        told = f"{scope_id or ''} {rule}.{name}".strip()
        for begin, end, was, now in difference.pieces:
            if rule != Rule.BAD_DATA and (now > was if difference.kind == THRESHOLD else now < was):
                continue
            if scope_id is None or control is None:
                found[scope_id, told, (begin, end), None] = Loosening("thresholds", told, scope_id, (begin, end))
                continue
            for order in orders[scope_id]:
                reach_s = GRACE_MAX_S if name == "grace_h" else 0  # a grace may end days later
                span = max(begin, order.valid_from), min(end + reach_s, order.valid_to)
                if order.control is control and span[0] < span[1]:
                    key = scope_id, told, span, order.order_id
                    found[key] = Loosening("thresholds", told, scope_id, span, order.order_id)
    return list(found.values())


async def violating_slots_touched(
    connection: AsyncConnection, found: Iterable[Loosening], scope_no: Mapping[str, int], zone: str
) -> list[Problem]:
    """A warning for each loosening that holds violating slots, with their number."""
    warnings = []
    for loosening in found:
        if loosening.scope_id is None:
            count = await _violating_anywhere(connection, loosening.span, ZoneInfo(zone))
        else:
            number = scope_no.get(loosening.scope_id)
            count = 0 if number is None else await _violating(connection, number, loosening, ZoneInfo(zone))
        if count:
            where_en, where_zh = (
                ("all scopes", "全部监测范围")
                if loosening.scope_id is None
                else (f"scope {loosening.scope_id}", f"监测范围{loosening.scope_id}")
            )
            begin, end = (_told(second, zone) for second in loosening.span)
            warnings.append(
                Problem(
                    loosening.table,
                    None,
                    None,
                    loosening.row,
                    f"may take {count} violating slot(s) away: {where_en}, {begin} to {end}",
                    f"可能撤销{count}个违规时段：{where_zh}，{begin}至{end}",
                )
            )
    return warnings


async def _violating(connection: AsyncConnection, scope_no: int, loosening: Loosening, zone: ZoneInfo) -> int:
    begin, end = loosening.span
    first_day = datetime.fromtimestamp(begin, zone).date()
    last_day = (datetime.fromtimestamp(min(end, FOREVER - 1), UTC) + timedelta(days=1)).date()
    rows = await connection.execute(
        text(
            f"SELECT first_slot, slot_s, order_ids, {PACKED} FROM scope_days"
            " WHERE scope_no = :scope_no AND day BETWEEN :first_day AND :last_day AND violating_slots > 0"
        ),
        {"scope_no": scope_no, "first_day": first_day, "last_day": last_day},
    )
    count = 0
    for first_slot, slot_s, order_ids, packed in rows:
        slots = unpacked_row(packed)
        starts = (first_slot + np.arange(len(slots), dtype=np.int64)) * slot_s
        hit = (slots["verdict"] == Verdict.VIOLATING) & (starts < end) & (starts + slot_s > begin)
        if loosening.order_id is not None:
            hit &= np.isin(slots["order"], [i for i, order in enumerate(order_ids) if order == loosening.order_id])
        count += int(hit.sum())
    return count


async def _violating_anywhere(connection: AsyncConnection, span: Span, zone: ZoneInfo) -> int:
    """Violating slots of whole local days, of all scopes."""
    first, last = (datetime.fromtimestamp(min(at, FOREVER - 1), zone).date() for at in (span[0], span[1] - 1))
    count = await connection.scalar(
        text("SELECT coalesce(sum(violating_slots), 0) FROM scope_days WHERE day BETWEEN :first AND :last"),
        {"first": first, "last": last},
    )
    return int(count or 0)


def _of_revision(old: Order, new: Order) -> list[Loosening]:
    if old == new:
        return []
    name = f"{new.order_id} revision {new.revision}"

    def lost(begin: int, end: int) -> list[Loosening]:
        span = (begin, end)
        return [Loosening("orders", name, old.scope_id, span, old.order_id)] if begin < end else []

    if _may_loosen(old, new):
        return lost(old.valid_from, old.valid_to)
    return lost(old.valid_from, min(new.valid_from, old.valid_to)) + lost(
        max(new.valid_to, old.valid_from), old.valid_to
    )


def _may_loosen(old: Order, new: Order) -> bool:
    """Anything beside the window that can let a slot pass which did not pass before."""
    changed = replace(
        new,
        revision=old.revision,
        valid_from=old.valid_from,
        valid_to=old.valid_to,
        document=old.document,
        clause=old.clause,
        reduction=_stricter(old.reduction, new.reduction, is_higher=True),
        cap_kw=_stricter(old.cap_kw, new.cap_kw, is_higher=False),
        residual_kw=_stricter(old.residual_kw, new.residual_kw, is_higher=False),
        ramp_down_h=_stricter(old.ramp_down_h, new.ramp_down_h, is_higher=False),
    )
    return changed != old


def _stricter(old: float | None, new: float | None, *, is_higher: bool) -> float | None:
    """``old`` where the new value is at least as strict, so that the rows compare as equal; else the new value."""
    if old is not None and new is not None and (new >= old if is_higher else new <= old):
        return old
    return new


def _loosens_exemption(old: Exemption, new: Exemption) -> bool:
    if new.valid_to > old.valid_to:
        return True
    return new.max_kw != old.max_kw and (new.max_kw is None or (old.max_kw is not None and new.max_kw > old.max_kw))


def _loosens_baseline(new: Baseline, before: Registry) -> bool:
    """A level that is higher than what held before it, or held for other days, may let slots pass."""
    others = [
        b
        for b in before.baselines
        if b.scope_id == new.scope_id and b.valid_from < new.valid_to and new.valid_from < b.valid_to
    ]
    if not others:
        return True
    return any(
        new.running_kw > b.running_kw
        or new.profile_kw != b.profile_kw
        or (new.idle_kw, new.day_kwh, new.day_type) != (b.idle_kw, b.day_kwh, b.day_type)
        or _sets_aside(new) != _sets_aside(b)
        for b in others
    )


def _sets_aside(row: Baseline) -> tuple[float | None, ...]:
    """By what readings are no evidence."""
    return row.floor_kw, row.equal_h, row.idle_equal_h


def _told(epoch_s: int, zone: str) -> str:
    return "…" if epoch_s >= FOREVER else datetime.fromtimestamp(epoch_s, ZoneInfo(zone)).isoformat(timespec="minutes")
