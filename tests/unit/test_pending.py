"""Marks become days to judge: their own, the ones whose context they are in, and what is handed on; in whatever pieces
they are judged, every pass leaves less than it found."""

from datetime import date, timedelta

import numpy as np
import pytest

from consumers.pending import DayWork, Pending, Spans
from detectors.registry import Registry
from detectors.slots import local_day
from detectors.world import World, compile_world

DAY = date(2017, 11, 15)
FIRST = local_day("Asia/Shanghai", DAY, 900).first_slot
END = FIRST + 96
AS_OF = (FIRST + 10 * 96) * 900
WORLD: World = compile_world(Registry())


def pending(*spans: tuple[int, int, int], as_of_slot: int = FIRST + 10 * 96, most_days: int = 31) -> Pending:
    """Spans are (row, first, last), slots from the day's midnight on."""
    row, first, last = np.array(spans, np.int64).reshape(-1, 3).T
    due = np.zeros(len(row), np.bool_)
    return Pending(WORLD, Spans(row, FIRST + first, FIRST + last, due), as_of_slot * 900, most_days)


def days(work: Pending) -> list[tuple[int, list[int]]]:
    """(days after DAY, rows) of everything that is left to pop."""
    found = []
    while (day := work.pop()) is not None:
        found.append(((day.day.day - DAY).days, day.row.tolist()))
    return found


def popped(work: Pending) -> DayWork:
    day = work.pop()
    assert day is not None
    return day


def test_a_mark_in_the_middle_is_one_day_and_one_near_midnight_two() -> None:
    assert days(pending((3, 40, 41))) == [(0, [3])]
    assert days(pending((3, 7, 7))) == [(-1, [3]), (0, [3])]
    assert days(pending((3, 90, 90), (1, 40, 40))) == [(0, [1, 3]), (1, [3])]


def test_the_hull_of_the_marks_of_a_scope_reaches_into_the_context() -> None:
    work = pending((3, 50, 60), (3, 90, 120), (1, 10, 10))
    day = popped(work)
    assert (day.row.tolist(), (day.first - FIRST).tolist(), (day.last - FIRST).tolist()) == (
        [1, 3],
        [10, 50],
        [10, 103],
    )


def test_nothing_is_judged_before_its_time_is_over() -> None:
    assert days(pending((1, 40, 40), as_of_slot=FIRST + 40)) == []
    assert days(pending((1, 90, 200), as_of_slot=FIRST + 93)) == [(0, [1])]
    assert pending((1, 90, 200), as_of_slot=FIRST + 93).left().last.tolist() == [FIRST + 92]


def test_what_is_handed_on_is_judged_on_the_next_day_unless_there_is_none_yet() -> None:
    work = pending((3, 40, 40), as_of_slot=FIRST + 100)
    today = popped(work)
    assert work.walk_on(today, [3])
    tomorrow = popped(work)
    assert tomorrow.day.day == DAY + timedelta(days=1)
    assert tomorrow.first[0] > tomorrow.last[0]
    assert not work.walk_on(tomorrow, [3])
    assert work.pop() is None


def test_what_a_pass_does_not_come_to_is_left_and_comes_to_the_same_days() -> None:
    work = pending((3, 40, 40 + 5 * 96), (1, 300, 300), most_days=2)
    assert [(popped(work).day.day - DAY).days for _ in range(2)] == [0, 1]
    assert work.pop() is None
    again = Pending(WORLD, work.left(), AS_OF, 31)
    assert days(again) == [(1, [3]), (2, [3]), (3, [1, 3]), (4, [3]), (5, [3])]


def test_what_is_handed_on_is_judged_in_the_same_pass_though_it_has_ended() -> None:
    work = pending((3, 40, 40 + 5 * 96), (7, 60, 60), (1, 300, 300))
    today = popped(work)
    work.walk_on(today, [7, 3])
    work.end()
    tomorrow = popped(work)
    assert ((tomorrow.day.day - DAY).days, tomorrow.row.tolist()) == (1, [3, 7])
    assert tomorrow.first[0] <= tomorrow.last[0]  # the marks of a scope on that day are judged with it
    work.walk_on(tomorrow, [7])
    assert days(work) == [(2, [7])]
    assert set(work.left().row.tolist()) == {1, 3}


def spans(first: int, last: int) -> Spans:
    """One span of the only scope."""
    return Spans(np.array([0]), np.array([first]), np.array([last]), np.array([False]))


@pytest.mark.parametrize("first", [FIRST, FIRST + 3, FIRST + 50, END - 1])
@pytest.mark.parametrize("length", [1, 20, 96, 300])
def test_passes_that_are_ended_at_once_come_to_an_end(first: int, length: int) -> None:
    """Each pass stops as soon as it may; the days are judged in order, none of the marked ones is left out."""
    left, judged = spans(first, first + length - 1), []
    for _ in range(10):
        work = Pending(WORLD, left, AS_OF, 31)
        while (day := work.pop()) is not None:
            judged.append(day.day.day)
            if work.is_shorter:
                work.end()
        before, left = left, work.left()
        if len(left.row) == 0:
            break
        assert left.first.min() > before.first.min()
    else:
        raise AssertionError("it never ends")
    days = (length + first - FIRST - 1) // 96 + 1
    assert set(judged) >= {DAY + timedelta(days=d) for d in range(days)}


def test_a_day_of_context_alone_is_no_progress() -> None:
    work = Pending(WORLD, spans(FIRST, FIRST), AS_OF, 31)
    first = work.pop()
    assert first is not None
    assert first.day.day == DAY - timedelta(days=1)
    assert not work.is_shorter
    assert work.pop() is not None
    assert work.is_shorter


def test_the_evening_of_the_last_day_of_a_pass_is_left_as_context_of_the_next() -> None:
    """Late data of the last slot of a day: where nothing is handed on, only this has the next day judged again."""
    work = pending((1, 40, 40), (3, 95, 95), most_days=1)
    assert days(work) == [(0, [1, 3])]
    assert work.left().row.tolist() == [3]
    again = Pending(WORLD, work.left(), AS_OF, 31)
    assert days(again) == [(0, [3]), (1, [3])]
