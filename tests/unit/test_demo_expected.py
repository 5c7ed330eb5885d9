"""The comparison of planted things with found alerts."""

from detectors.vocab import Rule
from service.demo.expected import Expected, FoundAlert, Planted, compare

RUN = Expected(Rule.STOP_RUN, "P1", "O1", 900)
TAKEN_BACK = Expected(Rule.OFFLINE, "P2", None, 1800, is_retracted=True)
THINGS = (
    Planted("run", ("P1",), "昼停夜开", "a night run", (RUN,)),
    Planted("silence", ("P2",), "补采", "re-collected", (TAKEN_BACK,)),
    Planted("nothing", ("P3",), "如实停产", "an honest stop"),
)
FOUND_RUN = FoundAlert("stop_run", "P1", "O1", "closed", 900)
FOUND_SILENCE = FoundAlert("offline", "P2", "O2", "retracted", 1800)


def test_everything_found() -> None:
    comparison = compare(THINGS, [FOUND_RUN, FOUND_SILENCE])
    assert comparison.is_good
    assert all(o.is_found for o in comparison.outcomes)


def test_a_missing_alert_is_missed() -> None:
    comparison = compare(THINGS, [FOUND_SILENCE])
    assert not comparison.is_good
    assert comparison.outcomes[0].missed == (RUN,)


def test_another_slot_another_order_or_another_rule_is_not_the_planted_one() -> None:
    for other in (
        FoundAlert("stop_run", "P1", "O1", "closed", 1800),
        FoundAlert("stop_run", "P1", "O9", "closed", 900),
        FoundAlert("stop_day", "P1", "O1", "closed", 900),
    ):
        comparison = compare(THINGS, [other, FOUND_SILENCE])
        assert comparison.outcomes[0].missed == (RUN,)
        assert comparison.unplanted == (other,)


def test_an_alert_that_should_have_been_taken_back_is_missed_and_unplanted() -> None:
    standing = FoundAlert("offline", "P2", "O2", "firing", 1800)
    comparison = compare(THINGS, [FOUND_RUN, standing])
    assert comparison.outcomes[1].missed == (TAKEN_BACK,)
    assert comparison.outcomes[1].raised == (standing,)


def test_a_retracted_alert_that_nobody_planted_is_unplanted() -> None:
    passing = FoundAlert("stop_run", "P3", "O3", "retracted", 900)
    comparison = compare(THINGS, [FOUND_RUN, FOUND_SILENCE, passing])
    assert comparison.unplanted == (passing,)
    assert not comparison.outcomes[2].is_found


def test_an_alert_replaced_by_one_with_another_first_slot_does_not_count() -> None:
    replaced = FoundAlert("stop_run", "P1", "O1", "retracted", 1800, is_replaced=True)
    assert compare(THINGS, [FOUND_RUN, FOUND_SILENCE, replaced]).is_good


def test_a_judgement_of_everything_at_once_never_has_what_is_taken_back() -> None:
    assert compare(THINGS, [FOUND_RUN], saw_everything_at_once=True).is_good
    assert not compare(THINGS, [FOUND_RUN, FOUND_SILENCE], saw_everything_at_once=True).is_good


def test_one_alert_does_not_serve_two_expectations() -> None:
    twice = (Planted("twice", ("P1",), "两次", "twice", (RUN, RUN)),)
    assert compare(twice, [FOUND_RUN]).outcomes[0].missed == (RUN,)
