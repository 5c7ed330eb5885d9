"""The fast judgement equals the slow reference in every row: on generated worlds, and on the worlds of the cases."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.cases.catalogue import CASES
from tests.cases.expect import CaseMaker
from tests.cases.fast import fast
from tests.oracles.compare import differences
from tests.oracles.judge import judge
from tests.oracles.rows import World
from tests.oracles.strategies import worlds


#: Worlds are large: shrinking one takes longer than a test may.
@settings(
    max_examples=70,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(world=worlds())
def test_fast_equals_reference(world: World) -> None:
    arguments = (world.registry, world.readings, world.as_of, world.slot_s, world.day_types)
    assert differences(fast(*arguments), judge(*arguments)) == []


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(world=worlds(by_units=True))
def test_fast_equals_reference_by_lines(world: World) -> None:
    arguments = (world.registry, world.readings, world.as_of, world.slot_s, world.day_types)
    assert differences(fast(*arguments), judge(*arguments)) == []


@pytest.mark.parametrize("make", [m for _, _, m in CASES], ids=[f"{number}-{name}" for number, name, _ in CASES])
def test_fast_equals_reference_where_a_sentence_decides(make: CaseMaker) -> None:
    world, _ = make()
    arguments = (world.registry, world.readings, world.as_of, world.slot_s, world.day_types)
    assert differences(fast(*arguments), judge(*arguments)) == []
