"""Parts of the reference judgement that no row shows by itself: §1.3, §2.6, §6.32, §6.33."""

import random
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from detectors.registry import Registry, Scope
from detectors.vocab import Kind, Quality, Scale
from tests.cases.catalogue import CASES
from tests.cases.expect import CaseMaker
from tests.cases.worlds import DAY0, at, flat, reading, registry, stop, world
from tests.oracles.judge import default_as_of, judge, visible
from tests.oracles.local_time import LocalTime
from tests.oracles.winner import winners


def test_default_as_of_is_the_last_interval_end() -> None:
    # the reading that arrived last is not the one whose interval ends last
    assert default_as_of([reading(at("2:00"), 1), reading(at("1:00"), 1, coll_ms=at("9:00") * 1000)]) == at("2:00")


def test_explicit_as_of_hides_what_was_collected_later() -> None:
    in_time, late = reading(at("1:00"), 1, coll_ms=at("2:00") * 1000), reading(at("1:00"), 2, coll_ms=at("2:01") * 1000)
    assert visible([in_time, late], at("2:00")) == [in_time]


def test_local_days_of_92_96_and_100_slots() -> None:
    berlin = LocalTime(ZoneInfo("Europe/Berlin"), 900)
    days = (date(2018, 3, 25), date(2018, 3, 26), date(2018, 10, 28))
    assert [len(berlin.slots_of(day)) for day in days] == [92, 96, 100]


@pytest.mark.parametrize("slot_s, slots", [(900, 8), (300, 24), (60, 120)])
def test_minutes_are_slots_of_any_width(slot_s: int, slots: int) -> None:
    assert LocalTime(ZoneInfo("Asia/Shanghai"), slot_s).slots_in(120) == slots


def test_winner_does_not_depend_on_the_order_of_arrival() -> None:
    candidates = [
        reading(at("1:00"), value, q=q, rev=rev, coll_ms=coll, scale=scale)
        for value in (1.0, 2.0)
        for q in Quality
        for rev in (0, 1)
        for coll in (5, 6)
        for scale in Scale
    ]
    shuffled = candidates[:]
    random.Random(1).shuffle(shuffled)
    [one], [other] = winners(Registry(), candidates), winners(Registry(), shuffled)
    assert one == other
    assert one.reading == reading(at("1:00"), 2.0, rev=1, coll_ms=6)


@pytest.mark.parametrize("make", [m for _, _, m in CASES], ids=[name for _, name, _ in CASES])
def test_order_and_duplicates_change_nothing(make: CaseMaker) -> None:
    # §6.32, on every case
    of, _ = make()
    again = list(of.readings) + list(of.readings[::3])
    random.Random(2).shuffle(again)
    assert judge(of.registry, again, of.as_of, of.slot_s, of.day_types) == judge(
        of.registry, of.readings, of.as_of, of.slot_s, of.day_types
    )


def test_rows_reach_from_local_midnight_to_as_of_for_silent_scopes_too() -> None:
    # §6.33: the first reading ends 10:15 of day 0; the scope Q has no meter at all
    of = registry(stop(start=at("0:00", 1)))
    of = replace(of, scopes=(*of.scopes, Scope("Q", "P", "empty")))
    found = judge(of, flat(at("10:00"), at("12:00"), 20), at("14:07"))
    ends = [DAY0 + 900 * (i + 1) for i in range(56)]
    assert [(r.scope_id, r.slot_end) for r in found.slots] == [(s, end) for s in ("P", "Q") for end in ends]
    assert [(r.scope_id, r.coverage) for r in found.days] == [("P", 8 / 56), ("Q", 0.0)]


def test_rows_begin_at_an_order_that_is_earlier_than_every_reading() -> None:
    of = world(registry(stop(start=at("5:00"))), flat(at("0:00", 1), at("1:00", 1), 20), at("1:00", 1))
    assert judge(of.registry, of.readings, of.as_of).slots[0].slot_end == DAY0 + 900


def test_a_reading_after_as_of_does_not_exist_yet() -> None:
    # §1.4: as_of is the clock; the hour that ends after it tiles nothing before it
    of = registry(stop())
    hour = reading(at("1:00"), 400, kind=Kind.ENERGY_INT, period_s=3600)
    before, after = judge(of, [hour], at("0:45")), judge(of, [hour], at("1:00"))
    assert [r.coverage for r in before.slots] == [0.0] * 3
    assert [r.coverage for r in after.slots] == [1.0] * 4


def test_nothing_to_judge() -> None:
    found = judge(registry(), [], at("1:00"))
    assert (found.slots, found.days, found.alerts) == ((), (), ())
