"""Days that marks ask for: in whatever pieces they are judged, every pass leaves less than it found."""

from datetime import date, timedelta

import numpy as np
import pytest

from consumers.pending import Pending, Spans
from detectors.registry import Plant, Registry, with_default_scopes
from detectors.slots import local_day
from detectors.world import compile_world
from service.calendar import office_day_type

REGISTRY = with_default_scopes(Registry(plants=(Plant("P", "P", "county"),)))
WORLD = compile_world(REGISTRY, 900, office_day_type(REGISTRY))
#: 2017-11-15 in Zhengzhou.
DAY = local_day(WORLD.zone, date(2017, 11, 15), 900)
AS_OF = (DAY.end_slot + 5 * 96) * 900


def spans(first: int, last: int) -> Spans:
    """One span of the only scope."""
    return Spans(np.array([0]), np.array([first]), np.array([last]), np.array([False]))


@pytest.mark.parametrize("first", [DAY.first_slot, DAY.first_slot + 3, DAY.first_slot + 50, DAY.end_slot - 1])
@pytest.mark.parametrize("length", [1, 20, 96, 300])
def test_passes_that_are_ended_at_once_come_to_an_end(first: int, length: int) -> None:
    """Each pass stops as soon as it may; the days are judged in order, none of the marked ones is left out."""
    left, judged = spans(first, first + length - 1), []
    for _ in range(10):
        pending = Pending(WORLD, left, AS_OF, 31)
        while (work := pending.pop()) is not None:
            judged.append(work.day.day)
            if pending.is_shorter:
                break
        before, left = left, pending.left()
        if len(left.row) == 0:
            break
        assert left.first.min() > before.first.min()
    else:
        raise AssertionError("it never ends")
    days = (length + first - DAY.first_slot - 1) // 96 + 1
    assert set(judged) >= {DAY.day + timedelta(days=d) for d in range(days)}


def test_a_day_of_context_alone_is_no_progress() -> None:
    pending = Pending(WORLD, spans(DAY.first_slot, DAY.first_slot), AS_OF, 31)
    first = pending.pop()
    assert first is not None
    assert first.day.day == DAY.day - timedelta(days=1)
    assert not pending.is_shorter
    assert pending.pop() is not None
    assert pending.is_shorter
