"""SEMANTICS §5.24 to §5.26, §5.30, §5.31: how slot alerts open, grow and close."""

import hashlib

from detectors.vocab import CloseReason, Condition, Rule, Verdict
from tests.cases.expect import Alert, Count, Expectation, Slot, case
from tests.cases.worlds import at, cap, flat, limit, loads, registry, stop, world
from tests.oracles.rows import World

HIGH, LOW = 500.0, 20.0


@case(24)
def stop_run_is_3_of_4() -> tuple[World, list[Expectation]]:
    # over, low, over, over: the third over slot is the fourth of four
    return world(registry(stop()), loads(at("0:00"), [HIGH, LOW, HIGH, HIGH]), at("1:00")), [
        Alert(Rule.STOP_RUN, at("0:15"), opened=at("1:00"), last=at("1:00"), closed=None, grade=2, order="O")
    ]


@case(24)
def three_of_five_are_not_enough() -> tuple[World, list[Expectation]]:
    # over, low, low, over, over
    return world(registry(stop()), loads(at("0:00"), [HIGH, LOW, LOW, HIGH, HIGH]), at("1:15")), [
        Count(Rule.STOP_RUN, 0)
    ]


@case(24)
def first_slot_is_the_earliest_of_the_n() -> tuple[World, list[Expectation]]:
    # over, low, low, over, over, over: the first over slot is out of the window of the sixth
    kws = [HIGH, LOW, LOW, HIGH, HIGH, HIGH]
    return world(registry(stop()), loads(at("0:00"), kws), at("1:30")), [
        Alert(Rule.STOP_RUN, at("1:00"), opened=at("1:30")),
        Count(Rule.STOP_RUN, 1),
    ]


@case(24)
def unknown_slots_take_a_place() -> tuple[World, list[Expectation]]:
    # over, silent, over, over is 3 of 4; over, silent, silent, over, over is not
    return world(registry(stop()), loads(at("0:00"), [HIGH, None, HIGH, HIGH]), at("1:00")), [
        Alert(Rule.STOP_RUN, at("0:15"), opened=at("1:00"), coverage=0.75)
    ]


@case(24)
def two_unknown_slots_are_too_many() -> tuple[World, list[Expectation]]:
    return world(registry(stop()), loads(at("0:00"), [HIGH, None, None, HIGH, HIGH]), at("1:15")), [
        Count(Rule.STOP_RUN, 0)
    ]


@case(24)
def limit_slot_is_6_of_8_and_cap_abs_2_of_4() -> tuple[World, list[Expectation]]:
    # the limit: 800 in six of eight, the sixth is the eighth slot; the cap: the second over slot is the fourth
    of = registry(limit("L", valid_to=at("2:00")), cap(300, "C", start=at("3:00")))
    kws = [800.0, LOW, 800.0, 800.0, LOW, 800.0, 800.0, 800.0] + [LOW] * 4 + [HIGH, LOW, LOW, HIGH]
    return world(of, loads(at("0:00"), kws), at("4:00")), [
        Alert(Rule.LIMIT_SLOT, at("0:15"), order="L", opened=at("2:00"), closed=at("2:00")),
        Alert(Rule.CAP_ABS, at("3:15"), order="C", opened=at("4:00"), closed=None),
    ]


@case(24)
def windows_do_not_reach_over_the_edge_of_a_daily_window() -> tuple[World, list[Expectation]]:
    # 22:00 to 06:00: two over slots at the end of one window and one at the start of the next are no run
    of = registry(stop(daily_from_s=22 * 3600, daily_to_s=6 * 3600))
    readings = (
        flat(at("0:00"), at("5:30"), LOW) + flat(at("5:30"), at("22:15"), HIGH) + flat(at("22:15"), at("24:00"), LOW)
    )
    return world(of, readings, at("24:00")), [Count(Rule.STOP_RUN, 0)]


@case(24)
def minutes_not_slots() -> tuple[World, list[Expectation]]:
    # 5-minute slots: 9 of 12; the ninth over slot ends 00:45
    readings = flat(at("0:00"), at("0:45"), HIGH, step=300)
    return world(registry(stop()), readings, at("0:45"), slot_s=300), [
        Alert(Rule.STOP_RUN, at("0:05"), opened=at("0:45"))
    ]


@case(24)
def minutes_not_slots_at_one_minute() -> tuple[World, list[Expectation]]:
    # 45 of 60; 44 are not enough
    of = registry(stop(valid_to=at("0:44")), stop("Q", start=at("2:00")))
    readings = flat(at("0:00"), at("0:44"), HIGH, step=60) + flat(at("2:00"), at("2:45"), HIGH, step=60)
    return world(of, readings, at("2:45"), slot_s=60), [
        Count(Rule.STOP_RUN, 0, order="O"),
        Alert(Rule.STOP_RUN, at("2:01"), order="Q", opened=at("2:45")),
    ]


@case(25)
def closes_after_30_min_at_95_percent_of_the_cap() -> tuple[World, list[Expectation]]:
    # cap 70: 66.5 is 0.95 of it. After the run: 66, 67 (too high), 66, 66: the last completes the test
    kws = [HIGH] * 3 + [66.0, 67.0, 66.0, 66.0, LOW]
    return world(registry(stop()), loads(at("0:00"), kws), at("2:00")), [
        Alert(Rule.STOP_RUN, at("0:15"), last=at("0:45"), closed=at("1:45"), reason=CloseReason.BELOW_CAP)
    ]


@case(25)
def closes_after_m_compliant_slots() -> tuple[World, list[Expectation]]:
    # 70 kW is compliant but never under 0.95 of the cap: four slots close it
    return world(registry(stop()), loads(at("0:00"), [HIGH] * 3 + [70.0] * 4), at("1:45")), [
        Alert(Rule.STOP_RUN, at("0:15"), closed=at("1:45"), reason=CloseReason.COMPLIANT, condition=Condition.CLOSED)
    ]


@case(25)
def recovering_while_the_last_slot_meets_the_test() -> tuple[World, list[Expectation]]:
    return world(registry(stop()), loads(at("0:00"), [HIGH] * 3 + [LOW]), at("1:00")), [
        Alert(Rule.STOP_RUN, at("0:15"), closed=None, condition=Condition.RECOVERING)
    ]


@case(25)
def closes_at_the_end_of_the_order() -> tuple[World, list[Expectation]]:
    # the order ends 01:07: its last slot ends 01:00
    return world(registry(stop(valid_to=at("1:07"))), flat(at("0:00"), at("2:00"), HIGH), at("2:00")), [
        Alert(Rule.STOP_RUN, at("0:15"), last=at("1:00"), closed=at("1:00"), reason=CloseReason.ORDER_END)
    ]


@case(25)
def closes_at_the_end_of_a_daily_window() -> tuple[World, list[Expectation]]:
    of = registry(stop(daily_from_s=0, daily_to_s=6 * 3600))
    return world(of, flat(at("0:00"), at("7:00"), HIGH), at("7:00")), [
        Alert(Rule.STOP_RUN, at("0:15"), closed=at("6:00"), reason=CloseReason.WINDOW_END)
    ]


@case(25)
def after_a_close_windows_hold_only_later_slots() -> tuple[World, list[Expectation]]:
    # closed at 01:15; over, over at 01:30 and 01:45 need a third, at 02:00
    kws = [HIGH] * 3 + [LOW] * 2 + [HIGH] * 3
    return world(registry(stop()), loads(at("0:00"), kws), at("2:00")), [
        Alert(Rule.STOP_RUN, at("0:15"), closed=at("1:15")),
        Alert(Rule.STOP_RUN, at("1:30"), opened=at("2:00"), condition=Condition.FIRING),
        Count(Rule.STOP_RUN, 2),
    ]


@case(26)
def silence_neither_extends_nor_closes() -> tuple[World, list[Expectation]]:
    # open, then nothing for six hours: still firing, its last slot is the last over one
    return world(registry(stop()), flat(at("0:00"), at("1:00"), HIGH), at("7:00")), [
        Alert(Rule.STOP_RUN, at("0:15"), last=at("1:00"), closed=None, condition=Condition.FIRING)
    ]


@case(26)
def silence_between_quiet_slots_breaks_the_closing_test() -> tuple[World, list[Expectation]]:
    # low, silent, low, low: the two that close are adjacent
    return world(registry(stop()), loads(at("0:00"), [HIGH] * 3 + [LOW, None, LOW, LOW]), at("1:45")), [
        Alert(Rule.STOP_RUN, at("0:15"), closed=at("1:45"))
    ]


@case(26)
def silence_opens_no_load_alert() -> tuple[World, list[Expectation]]:
    return world(registry(stop()), flat(at("0:00"), at("1:00"), LOW), at("12:00")), [
        Slot(at("6:00"), Verdict.UNKNOWN),
        Count(Rule.STOP_RUN, 0),
        Count(Rule.STOP_DAY, 0),
    ]


@case(30)
def id_is_a_hash_of_scope_rule_order_and_first_slot() -> tuple[World, list[Expectation]]:
    key = f"P|stop_run|O|{at('0:15')}"
    return world(registry(stop()), flat(at("0:00"), at("1:00"), HIGH), at("1:00")), [
        Alert(Rule.STOP_RUN, at("0:15"), alert_id=hashlib.sha256(key.encode()).hexdigest()[:16], scope="P")
    ]


@case(31)
def energy_over_and_the_cap_at_the_peak() -> tuple[World, list[Expectation]]:
    # loads 270, 570, silent, 470 against 70: (200 + 500 + 400) x 0.25 h; the low slots after the last do not count
    kws = [270.0, 570.0, None, 470.0, LOW, LOW]
    return world(registry(stop()), loads(at("0:00"), kws), at("1:30")), [
        Alert(Rule.STOP_RUN, at("0:15"), last=at("1:00"), energy_over=275.0, peak=570.0, cap=70.0, coverage=0.75)
    ]
