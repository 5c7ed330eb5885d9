"""Changed orders and exemptions mark the slots that they touch, against a slow look at each slot (SEMANTICS §3)."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from detectors.registry import (
    FOREVER,
    Baseline,
    Exemption,
    Meter,
    Order,
    Plant,
    Registry,
    Scope,
    with_default_scopes,
)
from detectors.vocab import Control, Measure
from service.db.registry_diff import difference, overlaid
from service.db.registry_marks import marks_of, touched_spans
from service.plans.changes import standing
from tests.oracles.order_states import differing_slots

MINUTE, HOUR, DAY, SLOT_S = 60, 3600, 86_400, 900
#: 2017-11-15 00:00 in Zhengzhou.
START = 1510675200
OFFICE = Registry(
    plants=(Plant("P", "示例", "登封市"),),
    meters=(Meter("m", "P"),),
    scopes=(Scope("P", "P", "示例"),),
    baselines=(Baseline("P", "v1", 0, 1000.0, idle_kw=20.0, day_kwh=16_000.0),),
)


#: Where slots are looked at.
HORIZON = range(START // SLOT_S - 48, START // SLOT_S + 4 * 96)


def _random_order(chance: random.Random, name: str, edges: Sequence[int] = ()) -> Order:
    """edges: it may begin when an earlier one ends."""
    begin = chance.choice([*edges, START + chance.randrange(0, 3 * DAY, MINUTE)])
    end = chance.choice([FOREVER, begin + chance.randrange(0, 2 * DAY, MINUTE)])
    opens_s, closes_s = (
        chance.choice([None, chance.randrange(0, DAY, MINUTE)]) if chance.random() < 0.4 else None for _ in range(2)
    )
    control = chance.choice([Control.STOP, Control.LIMIT, Control.CAP])
    return Order(
        name,
        "P",
        control,
        begin,
        end,
        opens_s,
        closes_s,
        reduction=chance.choice([0.2, 0.5]) if control is Control.LIMIT else None,
        cap_kw=chance.choice([300.0, 600.0]) if control is Control.CAP else None,
        residual_kw=chance.choice([None, 40.0]) if control is Control.STOP else None,
        ramp_down_h=chance.choice([None, 0.0, 2.5, 26.0]),
        measure=Measure.ENERGY if control is Control.LIMIT else Measure.POWER,
        level=chance.choice([None, "red"]),
    )


def _random_exemption(chance: random.Random, order_id: str | None) -> Exemption:
    begin = START + chance.randrange(0, 3 * DAY, MINUTE)
    end = begin + chance.randrange(MINUTE, DAY, MINUTE)
    return Exemption("P", begin, end, "r", "o", order_id=order_id, max_kw=chance.choice([None, 500.0]))


def _random_change(chance: random.Random, before: Registry) -> Registry:
    """One to three rows that are new or changed: a revision, another order, an exemption."""
    orders: dict[str, Order] = {}
    exemptions: dict[tuple[str | None, int], Exemption] = {}
    for _ in range(chance.randint(1, 3)):
        what = chance.choice(["revision", "order", "exemption", "withdrawal", "longer"])
        if what == "exemption":
            row = _random_exemption(chance, chance.choice([None, *(o.order_id for o in before.orders)]))
            exemptions[row.order_id, row.valid_from] = row
            continue
        old = chance.choice(before.orders)
        new = {
            "revision": replace(_random_order(chance, old.order_id), revision=2),
            "order": _random_order(chance, f"new{chance.randint(0, 9)}"),
            "withdrawal": replace(old, valid_to=old.valid_from, revision=2),
            "longer": replace(old, valid_to=old.valid_to + chance.randrange(0, DAY, MINUTE), revision=2),
        }[what]
        orders[new.order_id] = new
    return Registry(orders=tuple(orders.values()), exemptions=tuple(exemptions.values()))


@pytest.mark.parametrize("seed", range(40))
def test_any_change_of_orders_and_exemptions_marks_what_it_touches(seed: int) -> None:
    """Never less. More only where an order's grace might have hung on an order that changed, and did not; and where an
    exemption is of an order that does not stand, or none of it is in force."""
    chance = random.Random(seed)
    orders: tuple[Order, ...] = ()
    for i in range(chance.randint(1, 4)):
        orders = (*orders, _random_order(chance, f"o{i}", [o.valid_to for o in orders if o.valid_to < FOREVER]))
    named = [_random_exemption(chance, chance.choice([None, "o0"])) for _ in range(chance.randint(0, 2))]
    before = replace(OFFICE, orders=orders, exemptions=tuple({(e.order_id, e.valid_from): e for e in named}.values()))
    new = _random_change(chance, before)
    changes, after = difference(new, before), overlaid(before, new)
    now = START + chance.randrange(DAY, 4 * DAY, MINUTE)
    spans = touched_spans(changes, before, after, now, SLOT_S)
    marks = marks_of(spans, {"P": 0}, now, SLOT_S)
    marked = {slot for mark in marks for slot in range(mark.first_slot, mark.last_slot + 1) if slot in HORIZON}
    worlds = with_default_scopes(before), with_default_scopes(after)
    touched = differing_slots(*worlds, HORIZON, SLOT_S).get("P", set()) & set(range(now // SLOT_S))
    assert touched - marked == set()
    graces = [(o, 4.0 if o.ramp_down_h is None else o.ramp_down_h) for o in standing(after.orders).values()]
    followers = {slot for order, h in graces for slot in HORIZON if 0 <= slot * SLOT_S - order.valid_from < h * HOUR}
    exempted = {slot for e in new.exemptions for slot in HORIZON if e.valid_from <= slot * SLOT_S < e.valid_to}
    assert marked - touched <= followers | exempted
