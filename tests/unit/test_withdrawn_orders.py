"""A revision whose end is its beginning takes its order back: it is judged as if it had never been."""

from dataclasses import replace

from detectors.registry import Order, Plant, Registry
from detectors.vocab import Control
from detectors.world import compile_world

HOUR = 3600
STOP = Order("O1", "P1", Control.STOP, 100 * HOUR, 200 * HOUR, residual_kw=5.0)
LATER = Order("O2", "P1", Control.STOP, 150 * HOUR, 250 * HOUR, residual_kw=5.0)
OFFICE = Registry(plants=(Plant("P1", "甲厂", "登封市"),), orders=(STOP, LATER))


def test_a_withdrawn_order_stands_nowhere_and_a_later_revision_puts_it_back() -> None:
    withdrawn = replace(STOP, valid_to=STOP.valid_from, revision=2)
    world = compile_world(replace(OFFICE, orders=(STOP, LATER, withdrawn)))
    assert world.order_ids == ("O2",)
    # No longer the continuation of a stop that is already in force: it has its own grace again (SEMANTICS §3.19).
    assert world.order_grace_to.tolist() == [154 * HOUR]
    assert compile_world(OFFICE).order_grace_to.tolist() == [104 * HOUR, 150 * HOUR]
    back = replace(STOP, revision=3)
    assert compile_world(replace(OFFICE, orders=(STOP, LATER, withdrawn, back))).order_ids == ("O1", "O2")
