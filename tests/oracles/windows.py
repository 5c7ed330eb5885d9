"""When an order holds: its windows and the slots wholly inside them (SEMANTICS §1.1, §1.2, §3.20)."""

from dataclasses import dataclass
from datetime import timedelta

from detectors.registry import Order
from tests.oracles.local_time import LocalTime


@dataclass(frozen=True)
class Window:
    """One stretch of time in which an order holds; ``slots`` lie wholly in it and within the horizon."""

    start: int
    end: int
    slots: range
    is_last: bool  # no later window of the order holds a slot


def effective_orders(orders: tuple[Order, ...]) -> list[Order]:
    """§3.20: a higher revision replaces its order for all time; one whose end is its beginning withdraws it."""
    best: dict[str, Order] = {}
    for order in orders:
        if order.order_id not in best or order.revision > best[order.order_id].revision:
            best[order.order_id] = order
    return [order for order in best.values() if order.valid_from < order.valid_to]


def _stretches(order: Order, local: LocalTime, begin: int, end: int) -> list[tuple[int, int]]:
    """The order's times that touch [begin, end], whole: ``[from, to)`` cut by the daily window where there is one."""
    if order.daily_from_s is None and order.daily_to_s is None:
        return [(order.valid_from, order.valid_to)]
    daily_from = order.daily_from_s or 0
    daily_to = 86400 if order.daily_to_s is None else order.daily_to_s
    if daily_to <= daily_from:  # crosses midnight
        daily_to += 86400
    found = []
    day = local.wall(max(begin, order.valid_from)).date() - timedelta(days=2)
    last_day = local.wall(min(end, order.valid_to)).date() + timedelta(days=2)
    while day <= last_day:
        start = max(local.instant(day, daily_from), order.valid_from)
        stop = min(local.instant(day, daily_to), order.valid_to)
        if start < stop:
            found.append((start, stop))
        day += timedelta(days=1)
    return found


def windows(order: Order, local: LocalTime, begin: int, end: int) -> list[Window]:
    """Windows of an order that hold at least one slot, those that touch the horizon [begin, end) of the judgement.

    §1.1: a slot is ordered iff slot start >= from, slot end <= to, inside the daily window.
    """
    spans = []
    for start, stop in _stretches(order, local, begin, end):
        first, behind = -(-start // local.slot_s), stop // local.slot_s
        if first < behind:
            spans.append((start, stop, first, behind))
    grid = range(begin // local.slot_s, end // local.slot_s)
    return [
        Window(start, stop, range(max(first, grid.start), min(behind, grid.stop)), i == len(spans) - 1)
        for i, (start, stop, first, behind) in enumerate(spans)
        if first < grid.stop and behind > grid.start
    ]


def touches(order: Order, local: LocalTime, slot: int) -> bool:
    """§1.1: does the order's window cover the slot at least in part."""
    slot_start, slot_end = slot * local.slot_s, (slot + 1) * local.slot_s
    return any(start < slot_end and stop > slot_start for start, stop in _stretches(order, local, slot_start, slot_end))
