"""Which local days a back-test judges (SEMANTICS §6.33): from midnight on, whatever begins later on that day."""

import pytest

from tests.cases.fast import fast
from tests.cases.worlds import at, flat, registry, stop
from tests.oracles.compare import differences
from tests.oracles.judge import judge


@pytest.mark.parametrize(
    ("order_day", "as_of", "slots"),
    [(0, at("09:00"), 36), (0, at("00:15"), 1), (0, at("00:00"), 0), (1, at("09:00"), 0), (-1, at("09:00"), 132)],
    ids=["later today", "the first slot", "not one", "tomorrow", "yesterday"],
)
def test_a_silent_scope_has_rows_from_the_midnight_of_the_order(order_day: int, as_of: int, slots: int) -> None:
    """The order begins at 10:00."""
    office = registry(stop(start=at("10:00", order_day)))
    found = fast(office, [], as_of)
    assert len(found.slots) == slots
    assert differences(found, judge(office, [], as_of, 900, None)) == []


def test_an_earlier_reading_goes_before_the_order() -> None:
    office = registry(stop(start=at("10:00", 1)))
    found = fast(office, flat(at("06:00"), at("07:00"), 5.0), at("09:00"))
    assert len(found.slots) == 36


def test_nothing_read_and_nothing_ordered() -> None:
    assert fast(registry(), [], at("09:00")).slots == ()
