"""Which n-of-m rule each order has, and the thresholds that a local day's orders are judged by (SEMANTICS §5.24)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.rules.cap_abs import CAP_ABS
from detectors.rules.limit_slot import LIMIT_SLOT
from detectors.rules.stop_run import STOP_RUN
from detectors.rules.units_over import UNITS_OVER
from detectors.slots import Grid
from detectors.vocab import Control
from detectors.world import World

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

SLOT_RULES = (STOP_RUN, LIMIT_SLOT, CAP_ABS, UNITS_OVER)
#: The control of each.
_CONTROLS = (Control.STOP, Control.LIMIT, Control.CAP, Control.UNITS)


@dataclass(frozen=True, slots=True)
class OrderRules:
    """The n-of-m rule of each order, [O]; n and m in slots, of the day asked."""

    place: npt.NDArray[np.int8]  # in ``SLOT_RULES``; -1 = none
    n: I64  # 0 where there is no rule
    m: I64

    def groups(self, *beside: "OrderRules") -> list[I64]:
        """Places of the orders that have a rule, by n and m, of this day and of those beside it."""
        mine = np.flatnonzero(self.place >= 0)
        pairs = np.stack([column[mine] for day in (self, *beside) for column in (day.n, day.m)], axis=1)
        if not len(mine):
            return []
        _, group = np.unique(pairs, axis=0, return_inverse=True)
        return [mine[group.reshape(-1) == k] for k in range(int(group.max()) + 1)]


def slot_rules(world: World, orders: I64) -> npt.NDArray[np.int8]:
    """The n-of-m rule of each order, as its place in ``SLOT_RULES``; -1 = none. orders: rows of the world."""
    is_power = ~world.order.is_energy[orders]
    found = np.full(len(orders), -1, np.int8)
    for place, control in enumerate(_CONTROLS):
        found[world.order.is_control(orders, control) & is_power] = place
    return found


def order_rules(world: World, orders: I64, slot: int) -> OrderRules:
    """The rules of orders (rows of the world) on the local day of a slot."""
    place = slot_rules(world, orders)
    n, m = np.zeros(len(orders), np.int64), np.zeros(len(orders), np.int64)
    for i, rule in enumerate(SLOT_RULES):
        mine = np.flatnonzero(place == i)
        for name, target in (("n_min", n), ("m_min", m)) if len(mine) else ():
            minutes = world.thresholds.at(rule.rule, name, world.order_scope[orders[mine]], slot * world.slot_s)
            target[mine] = slots_in(minutes, world.slot_s)
    return OrderRules(place, n, m)


def slots_in(minutes: F64, slot_s: int) -> I64:
    """How many slots minutes are, at least one."""
    return np.maximum(1, minutes * 60 // slot_s).astype(np.int64)


def on_day(world: World, orders: I64, grid: Grid, rule: str, name: str) -> F64:
    """A threshold of the scopes of orders (rows of the world) on the grid's day, [O]; not to be written to."""
    return world.thresholds.at(rule, name, world.order_scope[orders], grid.today.first_slot * grid.slot_s)
