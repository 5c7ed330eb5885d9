"""What the demo shows, on a terminal and elsewhere."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from detectors.vocab import Rule
from service.demo.expected import Expected, FoundAlert, Planted, compare
from service.demo.player import Moment
from service.demo.poller import Event
from service.demo.season import instant
from service.demo.show import LiveShow, PlainShow, Show, event_line, report

NIGHT = instant(16, "22:45")
ALERT: dict[str, Any] = {
    "id": "a1",
    "rule": "stop_run",
    "scope_id": "DEMO-S02",
    "condition": "firing",
    "opened_at_slot_end": "2017-11-16T14:45:00+00:00",
    "summary": {"zh": "停产期间运行", "en": "ran during a stop"},
}
PLANTED = (
    Planted("run", ("DEMO-S02",), "昼停夜开", "a night run", (Expected(Rule.STOP_RUN, "DEMO-S02", None, NIGHT),)),
    Planted("honest", ("DEMO-S01",), "如实停产", "an honest stop"),
)
FOUND = FoundAlert("stop_run", "DEMO-S02", "O", "closed", NIGHT)
OTHER = FoundAlert("offline", "DEMO-S01", "O", "firing", NIGHT)


def console(*, is_terminal: bool) -> tuple[Console, StringIO]:
    out = StringIO()
    return Console(file=out, force_terminal=is_terminal, width=160, _environ={"TERM": "xterm"}), out


def test_an_event_is_one_line_in_local_time() -> None:
    assert event_line(Event(1, "opened", ALERT)).split() == [
        "11-16",
        "22:45",
        "opened",
        "stop_run",
        "DEMO-S02",
        "停产期间运行",
    ]


def play(show: Show) -> None:
    show.say("http://127.0.0.1:1/#key=cuo_x")
    for hours in (0, 1, 24):
        moment = Moment(instant(16, "01:00") + hours * 3600, 100 + hours, 38000, instant(16, "00:00"))
        show.progress(moment, {"a1": ALERT})
    show.event(Event(1, "opened", ALERT))
    show.event(Event(2, "updated", ALERT | {"scope_id": "DEMO-GROWS"}))
    show.progress(Moment(instant(17, "02:00"), 200, 38000, None), {"a1": ALERT})
    show.close()


def test_plain_lines_one_a_day_and_one_an_event() -> None:
    made, out = console(is_terminal=False)
    play(PlainShow(made))
    lines = out.getvalue().splitlines()
    assert lines == [
        "http://127.0.0.1:1/#key=cuo_x",
        "-- 2017-11-16 01:00 周四: 100 of 38000 readings sent",
        "-- 2017-11-17 01:00 周五: 124 of 38000 readings sent",
        event_line(Event(1, "opened", ALERT)),
    ]


def test_a_terminal_shows_the_clock_the_open_alerts_and_the_last_events() -> None:
    made, out = console(is_terminal=True)
    play(LiveShow(made))
    text = out.getvalue()
    for said in ("#key=cuo_x", "2017-11-17 02:00 周五", "200 / 38,000", "stop_run 1", "停产期间运行"):
        assert said in text
    assert "DEMO-GROWS" not in text


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_report_names_what_was_found_missed_and_not_planted(is_terminal: bool) -> None:
    made, out = console(is_terminal=is_terminal)
    report(made, compare(PLANTED, [OTHER]))
    text = out.getvalue()
    assert "昼停夜开" in text
    assert "MISSED run: stop_run DEMO-S02 11-16 22:45 周四" in text
    assert "UNPLANTED offline DEMO-S01 11-16 22:45 周四 (firing)" in text
    assert "0 of 2 planted things found, 1 alerts not planted" in text


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_report_of_a_good_run(is_terminal: bool) -> None:
    made, out = console(is_terminal=is_terminal)
    report(made, compare(PLANTED, [FOUND]))
    text = out.getvalue()
    assert "2 of 2 planted things found, 0 alerts not planted" in text
    assert "MISSED" not in text
    assert "UNPLANTED" not in text
