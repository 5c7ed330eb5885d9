"""A night belongs to the day of its morning: in what judges it, in the thresholds beside it, in what is handed on."""

from datetime import date

import pytest

from detectors.alert_thresholds import thresholds_of
from detectors.alerts import NOTHING_CARRIED, Alert, Carry
from detectors.judge import MARGIN_MIN, judged_on
from detectors.registry import Threshold
from detectors.rules.night_run import BEGINS_BEFORE_S
from detectors.thresholds import kind_of
from detectors.vocab import Rule
from detectors.world import compile_world
from tests.cases.worlds import at, registry, stop


def slot(clock: str, day: int = 0) -> int:
    """The slot that ends at a time."""
    return at(clock, day) // 900 - 1


def alert(rule: Rule, clock: str, day: int = 0) -> Alert:
    return Alert("P", rule, "O", 2, slot(clock, day), slot(clock, day), slot(clock, day))


@pytest.mark.parametrize(
    ("rule", "clock", "day", "judged"),
    [
        (Rule.NIGHT_RUN, "22:15", 0, date(2017, 11, 16)),
        (Rule.NIGHT_RUN, "24:00", 0, date(2017, 11, 16)),
        (Rule.NIGHT_RUN, "6:00", 1, date(2017, 11, 16)),
        (Rule.STOP_RUN, "22:15", 0, date(2017, 11, 15)),
        (Rule.STOP_RUN, "24:00", 0, date(2017, 11, 15)),
    ],
)
def test_which_days_judging_makes_an_alert(rule: Rule, clock: str, day: int, judged: date) -> None:
    assert judged_on(compile_world(registry(stop())), rule, slot(clock, day)) == judged


def test_no_night_begins_before_its_day_sees_it() -> None:
    kind = kind_of("night_run", "begin_h")
    assert kind is not None
    assert BEGINS_BEFORE_S == MARGIN_MIN * 60
    assert (24 - kind.low) * 3600 <= BEGINS_BEFORE_S


def test_thresholds_beside_a_night_are_those_of_its_morning() -> None:
    row = Threshold("night_run", "sigmas", 2, "a decision", valid_from=at("0:00", 1))
    world = compile_world(registry(stop(), thresholds=(row,)))
    shown = thresholds_of(world, alert(Rule.NIGHT_RUN, "22:45"), world.orders[0])
    assert (shown["sigmas"], shown["origins"]) == (2, {"sigmas": "a decision"})
    assert "origins" not in thresholds_of(world, alert(Rule.NIGHT_RUN, "5:45"), world.orders[0])


def test_a_carry_keeps_what_the_night_rests_on() -> None:
    carry = Carry(ran=(("O", slot("22:15"), slot("22:45")),))
    assert Carry.from_json(carry.to_json()) == carry
    # as releases wrote it that knew no nights
    assert NOTHING_CARRIED.to_json() == {"open": [], "closed": []}
    assert Carry.from_json({"open": [], "closed": []}) == NOTHING_CARRIED
