"""The random worlds that comparisons use: what they contain, and that the reference holds its laws on them."""

import random
from collections import Counter
from dataclasses import replace

from hypothesis import HealthCheck, Phase, given, settings

from detectors.vocab import Rule, Verdict
from tests.cases.s4_verdicts import energy_limit_violates_from_the_crossing_slot_on
from tests.oracles.compare import differences
from tests.oracles.judge import judge
from tests.oracles.rows import Judgement, World
from tests.oracles.strategies import worlds

SOME = settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _judged(world: World) -> Judgement:
    return judge(world.registry, world.readings, world.as_of, world.slot_s, world.day_types)


@SOME
@given(worlds())
def test_arrival_order_and_duplicates_change_nothing(world: World) -> None:
    again = [*world.readings, *world.readings[::2]]
    random.Random(3).shuffle(again)
    twin = judge(world.registry, again, world.as_of, world.slot_s, world.day_types)
    assert differences(_judged(world), twin) == []


@SOME
@given(worlds())
def test_load_is_known_only_where_all_meters_speak_or_the_slot_violates(world: World) -> None:
    for row in _judged(world).slots:
        assert 0 <= row.coverage <= 1
        if row.load_kw is not None:
            assert row.coverage == 1 or row.verdict == Verdict.VIOLATING


@SOME
@given(worlds())
def test_alerts_are_named_once_and_their_slots_are_in_order(world: World) -> None:
    found = _judged(world)
    assert max(Counter(a.alert_id for a in found.alerts).values(), default=1) == 1
    for alert in found.alerts:
        assert alert.first_slot_end <= alert.opened_at_slot_end <= alert.last_slot_end <= world.as_of
        assert alert.closed_slot_end is None or alert.closed_slot_end <= world.as_of


def test_worlds_reach_most_rules_and_verdicts() -> None:
    rules: Counter[Rule] = Counter()
    verdicts: Counter[Verdict] = Counter()

    @settings(SOME, max_examples=60, derandomize=True, phases=[Phase.generate])
    @given(worlds())
    def count(world: World) -> None:
        found = _judged(world)
        rules.update(a.rule for a in found.alerts)
        verdicts.update(r.verdict for r in found.slots)

    count()
    assert len(rules) >= 8
    assert len(verdicts) >= 5


def test_differences_see_every_kind_of_change() -> None:
    world, _ = energy_limit_violates_from_the_crossing_slot_on()
    found = _judged(world)
    assert differences(found, found) == []
    without = replace(found, alerts=())
    assert differences(found, without)[0].startswith("alert")
    moved = replace(found, days=(replace(found.days[0], energy_kwh=1.0),))
    assert differences(found, moved)[0].startswith("day")
    other = replace(found, slots=(replace(found.slots[0], verdict=Verdict.EXEMPT), *found.slots[1:]))
    assert differences(found, other)[0].startswith("slot")
