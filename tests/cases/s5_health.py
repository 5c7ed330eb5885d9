"""SEMANTICS §5.28, §5.29: silent meters and silent feeds."""

from detectors.registry import Meter, Plant, Registry, Source, with_default_scopes
from detectors.vocab import CloseReason, Condition, Rule
from tests.cases.expect import Alert, Count, Expectation, case
from tests.cases.worlds import DAY0, at, baseline, flat, registry, stop, world
from tests.oracles.rows import Reading, World

LONG_AGO = DAY0 - 5 * 86400


def _gap(start: int, end: int, until: int, order_start: int = LONG_AGO) -> World:
    """A stop since ``order_start``, 20 kW, silent over (start, end]."""
    of = registry(stop(start=order_start))
    return world(of, flat(min(order_start, at("0:00")), start, 20) + flat(end, until, 20), until)


@case(28)
def offline_opens_at_two_hours() -> tuple[World, list[Expectation]]:
    # silent from 01:00 to 03:15: the eighth slot ends 03:00, full coverage with the slot ending 03:30
    return _gap(at("1:00"), at("3:15"), at("5:00")), [
        Alert(
            Rule.OFFLINE,
            at("1:15"),
            opened=at("3:00"),
            last=at("3:15"),
            closed=at("3:30"),
            reason=CloseReason.COVERAGE,
            grade=1,
            peak=None,
            cap=None,
            energy_over=None,
            coverage=0.0,
        )
    ]


@case(28)
def seven_slots_are_not_offline() -> tuple[World, list[Expectation]]:
    return _gap(at("1:00"), at("2:45"), at("5:00")), [Count(Rule.OFFLINE, 0)]


@case(28)
def offline_escalates_when_a_days_missing_slots_sum_to_4_hours() -> tuple[World, list[Expectation]]:
    # 16 slots from 01:00 to 05:00: grade 2; 15 would be grade 1
    return _gap(at("1:00"), at("5:00"), at("8:00")), [Alert(Rule.OFFLINE, at("1:15"), grade=2, last=at("5:00"))]


@case(28)
def fifteen_missing_slots_are_grade_1() -> tuple[World, list[Expectation]]:
    return _gap(at("1:00"), at("4:45"), at("8:00")), [Alert(Rule.OFFLINE, at("1:15"), grade=1)]


@case(28)
def missing_slots_of_one_day_sum_over_gaps() -> tuple[World, list[Expectation]]:
    # 8 silent slots in the morning, 8 in the evening of the same day: the second alert is grade 2
    of = registry(stop(start=LONG_AGO))
    readings = flat(LONG_AGO, at("1:00"), 20) + flat(at("3:00"), at("18:00"), 20) + flat(at("20:00"), at("21:00"), 20)
    return world(of, readings, at("21:00")), [
        Alert(Rule.OFFLINE, at("1:15"), grade=1),
        Alert(Rule.OFFLINE, at("18:15"), grade=2),
    ]


@case(28)
def gap_near_the_orders_start_is_grade_2_at_once() -> tuple[World, list[Expectation]]:
    # the order begins 12:00; silent from 07:00, within 6 h before: counts before the order too
    start = at("12:00")
    readings = flat(at("0:00"), at("7:00"), 20) + flat(at("9:15"), at("12:00"), 20)
    return world(registry(stop(start=start)), readings, at("12:00")), [
        Alert(Rule.OFFLINE, at("7:15"), opened=at("9:00"), grade=2, closed=at("9:30"))
    ]


@case(28)
def slots_more_than_6_hours_before_the_order_do_not_count() -> tuple[World, list[Expectation]]:
    # silent from 03:00 to 07:30, the order begins 12:00: only six slots count
    readings = flat(at("0:00"), at("3:00"), 20) + flat(at("7:30"), at("12:00"), 20)
    return world(registry(stop(start=at("12:00"))), readings, at("12:00")), [Count(Rule.OFFLINE, 0)]


@case(28)
def offline_is_grade_2_after_24_hours() -> tuple[World, list[Expectation]]:
    # daily window 00:00 to 03:30, 14 slots a day: never 4 h a day. The gap begins at 01:00 and is 24 h long with the
    # slot ending 01:00 of the next day
    order = stop(start=LONG_AGO, daily_from_s=0, daily_to_s=12600)
    return world(registry(order), flat(LONG_AGO, at("1:00"), 20), at("1:05", 1)), [
        Alert(Rule.OFFLINE, at("1:15"), grade=2, last=at("1:00", 1), closed=None, condition=Condition.FIRING)
    ]


@case(28)
def offline_is_grade_1_before_24_hours() -> tuple[World, list[Expectation]]:
    order = stop(start=LONG_AGO, daily_from_s=0, daily_to_s=12600)
    return world(registry(order), flat(LONG_AGO, at("1:00"), 20), at("0:50", 1)), [
        Alert(Rule.OFFLINE, at("1:15"), grade=1, last=at("0:45", 1))
    ]


@case(28)
def offline_closes_at_the_orders_end() -> tuple[World, list[Expectation]]:
    of = registry(stop(start=LONG_AGO, valid_to=at("4:00")))
    return world(of, flat(LONG_AGO, at("1:00"), 20), at("8:00")), [
        Alert(Rule.OFFLINE, at("1:15"), last=at("4:00"), closed=at("4:00"), reason=CloseReason.ORDER_END)
    ]


@case(28)
def half_a_scope_is_offline_too() -> tuple[World, list[Expectation]]:
    # n is silent from 01:00 on, m speaks: coverage 0.5
    of = registry(stop(start=LONG_AGO), meters=[Meter("m", "P"), Meter("n", "P")])
    readings = flat(LONG_AGO, at("4:00"), 20) + flat(LONG_AGO, at("1:00"), 20, "n")
    return world(of, readings, at("4:00")), [Alert(Rule.OFFLINE, at("1:15"), coverage=0.5)]


def _feed(plants: int, speaking: int, until: int) -> World:
    """Plants P0, P1, ... with one meter each of source "feed"; from 01:00 on only the first ``speaking`` speak."""
    ids = [f"P{i}" for i in range(plants)]
    of = with_default_scopes(
        Registry(
            sources=(Source("feed", delay_min=5),),
            plants=tuple(Plant(p, p, "county") for p in ids),
            meters=tuple(Meter(f"m{p}", p, source="feed") for p in ids),
            orders=tuple(stop(f"O{p}", DAY0 - 86400, scope_id=p) for p in ids),
            baselines=tuple(baseline(scope_id=p) for p in ids),
        )
    )
    readings: list[Reading] = []
    for i, p in enumerate(ids):
        readings += flat(DAY0 - 86400, until if i < speaking else at("1:00"), 20, f"m{p}")
    return world(of, readings, until)


@case(29)
def source_that_is_down_accuses_no_plant() -> tuple[World, list[Expectation]]:
    # three plants, no meter speaks from 01:00 on: one alert of the source, no offline. as_of 05:00: the slot ending
    # 04:45 is the last one decided (delay 5 min)
    return _feed(3, 0, at("5:00")), [
        Alert(Rule.FEED_DOWN, at("1:15"), scope="source:feed", order=None, last=at("4:45"), closed=None, grade=1),
        Count(Rule.OFFLINE, 0),
    ]


@case(29)
def two_plants_are_no_feed() -> tuple[World, list[Expectation]]:
    return _feed(2, 0, at("5:00")), [
        Count(Rule.FEED_DOWN, 0),
        Alert(Rule.OFFLINE, at("1:15"), order="OP0"),
        Alert(Rule.OFFLINE, at("1:15"), order="OP1"),
    ]


@case(29)
def a_fifth_of_the_meters_keeps_the_feed_up() -> tuple[World, list[Expectation]]:
    # 1 of 5 is 20 %, not fewer
    return _feed(5, 1, at("5:00")), [Count(Rule.FEED_DOWN, 0), Count(Rule.OFFLINE, 4)]


@case(29)
def fewer_than_a_fifth_is_down() -> tuple[World, list[Expectation]]:
    return _feed(6, 1, at("5:00")), [Count(Rule.FEED_DOWN, 1), Count(Rule.OFFLINE, 0)]
