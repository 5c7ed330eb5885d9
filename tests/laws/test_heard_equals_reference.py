"""`shift` and `treatment_off` as the slow reference finds them, on worlds made for them; and no scope looks at another
that is judged beside it."""

from dataclasses import replace

import numpy as np
import pytest

from detectors.days import SLOT, packed, unpacked_row
from detectors.heard import HEARD_FIELDS
from detectors.history import History
from detectors.reading_days import ReadingDays
from detectors.vocab import Rule
from detectors.world import compile_world
from tests.cases.fast import columns_of, fast
from tests.oracles.compare import differences
from tests.oracles.judge import judge
from tests.oracles.rows import World
from tests.oracles.strategies_heard import heard_world

#: Seeds in one test, so that each of them can be seen not to be empty.
SEEDS = 10


def _rules(world: World) -> list[Rule]:
    """What the fast judgement finds, once it is what the reference finds."""
    arguments = (world.registry, world.readings, world.as_of, world.slot_s, world.day_types)
    found = fast(*arguments)
    assert differences(found, judge(*arguments)) == []
    return [a.rule for a in found.alerts]


@pytest.mark.parametrize("block", range(4))
def test_shifts(block: int) -> None:
    found = [_rules(heard_world(seed, treated=False)) for seed in range(block * SEEDS, (block + 1) * SEEDS)]
    assert any(Rule.SHIFT in rules for rules in found)
    assert any(Rule.SHIFT not in rules for rules in found)


@pytest.mark.parametrize("block", range(3))
def test_treatment_that_stands_still(block: int) -> None:
    found = [_rules(heard_world(seed, treated=True)) for seed in range(block * SEEDS, (block + 1) * SEEDS)]
    assert any(Rule.TREATMENT_OFF in rules for rules in found)
    assert any(Rule.TREATMENT_OFF not in rules for rules in found)


@pytest.mark.parametrize("seed", range(100, 110))
def test_a_scope_judged_alone_hears_the_same_and_keeps_it(seed: int) -> None:
    world = heard_world(seed, treated=seed % 2 == 0)
    compiled = compile_world(world.registry, world.slot_s)
    readings = columns_of(compiled.registry, [r for r in world.readings if r.ts <= world.as_of])
    history = History(compiled, ReadingDays.of(compiled, readings), world.as_of)
    together = list(history)
    for scope in range(len(compiled.scope_ids)):
        for one, all_of_them in zip(history.judge(np.array([scope])), together, strict=True):
            assert one.slots[0].tobytes() == all_of_them.slots[scope].tobytes()
            assert one.alerts[0] == all_of_them.alerts[scope]
            kept = unpacked_row(packed(one.slots)[0])
            assert kept.dtype == SLOT
            assert all((kept[name] == one.slots[0][name]).all() for name in HEARD_FIELDS)


@pytest.mark.parametrize("seed", range(200, 210))
def test_what_nobody_is_asked_for_is_not_heard(seed: int) -> None:
    """Without orders there is no shift to look for, and without treatment no pair."""
    world = heard_world(seed, treated=False)
    compiled = compile_world(replace(world.registry, orders=()), world.slot_s)
    assert (compiled.enterprises.of_scope == -1).all()
    assert set(compiled.heard_scope.tolist()) == set(compiled.pairs.scope.tolist())
