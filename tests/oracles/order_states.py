"""What every order says at every slot of a scope, before and after a change: slot by slot, in plain loops.

Two registries that say the same at a slot judge it the same, whatever their rows look like.
"""

from collections.abc import Hashable
from zoneinfo import ZoneInfo

from detectors.registry import Registry
from tests.oracles.caps import Rules, order_slot
from tests.oracles.local_time import LocalTime
from tests.oracles.windows import effective_orders, touches, windows

#: §5.28: slots before an order's start count for `offline`.
BEFORE_ORDER_S = 6 * 3600
State = frozenset[Hashable]


def order_states(registry: Registry, scope_id: str, slots: range, slot_s: int) -> dict[int, State]:
    """What holds of each slot. registry: with default scopes.

    Of each order: that it holds wholly (with its revision, which alerts show; exempt or not; in grace or not; cap,
    threshold and raised cap), in part only (§1.1), or that it begins within the next six hours.
    """
    local = LocalTime(ZoneInfo(registry.zone), slot_s)
    rules = Rules(registry, local, None)
    said: dict[int, set[Hashable]] = {slot: set() for slot in slots}
    orders = [order for order in effective_orders(registry.orders) if order.scope_id == scope_id]
    for order in orders:
        named = (order.order_id, order.revision)
        grace_end = rules.grace_end(order, orders)
        whole = {s for w in windows(order, local, slots.start * slot_s, slots.stop * slot_s) for s in w.slots}
        for slot in slots:
            if slot in whole:
                at = order_slot(rules, order, grace_end, slot)
                levels = (at.cap_kw, at.over_kw, at.low_kw, at.max_kw, at.allowed, at.is_energy)
                version = None if at.baseline is None else at.baseline.version
                said[slot].add((*named, "whole", at.is_exempt, at.is_in_grace, levels, version))
            elif touches(order, local, slot):
                said[slot].add((*named, "part"))
            elif order.valid_from - BEFORE_ORDER_S <= slot * slot_s < order.valid_from:
                said[slot].add((*named, "before"))
    return {slot: frozenset(found) for slot, found in said.items()}


def differing_slots(before: Registry, after: Registry, slots: range, slot_s: int) -> dict[str, set[int]]:
    """Slots of each scope at which the orders of two registries (with default scopes) say something else."""
    scope_ids = sorted({scope.scope_id for registry in (before, after) for scope in registry.scopes})
    found = {}
    for scope_id in scope_ids:
        was, now = (order_states(registry, scope_id, slots, slot_s) for registry in (before, after))
        found[scope_id] = {slot for slot in slots if was[slot] != now[slot]}
    return {scope_id: touched for scope_id, touched in found.items() if touched}
