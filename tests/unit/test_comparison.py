"""Two judgements side by side: what is added, removed and moved, and which days have another verdict."""

from datetime import date
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.alerts import Alert
from detectors.comparison import ChangeKind, JudgedDays, compare, compare_alerts, compare_days
from detectors.vocab import Rule, Verdict
from service.whatif.document import COLUMNS, document, lines, rows

DAYS = (date(2017, 11, 15), date(2017, 11, 16))
NO_DAYS = JudgedDays((), (), np.zeros((0, 0), np.uint8))


def alert(first: int, closed: int | None = None, **fields: Any) -> Alert:
    """An alert from a slot on."""
    known: dict[str, Any] = {"scope_id": "P", "rule": Rule.STOP_RUN, "order_id": "O", "grade": 2}
    return Alert(
        **{
            **known,
            "first_slot": first,
            "opened_slot": first + 2,
            "last_slot": first + 4,
            "closed_slot": closed,
            **fields,
        }
    )


def kinds(before: list[Alert], after: list[Alert]) -> list[tuple[str, tuple[str, ...]]]:
    return [(c.kind.value, c.moved) for c in compare_alerts(before, after)[0]]


def test_what_is_alike_is_no_change() -> None:
    assert compare_alerts([alert(10, 20), alert(30)], [alert(30), alert(10, 20)]) == ([], 2)


def test_added_and_removed() -> None:
    assert kinds([alert(10, 20)], []) == [("removed", ())]
    assert kinds([], [alert(10, 20)]) == [("added", ())]
    assert kinds([alert(10, 20)], [alert(40, 50)]) == [("removed", ()), ("added", ())]


def test_moved_names_what_moved() -> None:
    assert kinds([alert(10, 20)], [alert(10, 24)]) == [("moved", ("closed_slot",))]
    assert kinds([alert(10, 20)], [alert(10)]) == [("moved", ("closed_slot",))]
    assert kinds([alert(10, 20)], [alert(8, 20)]) == [("moved", ("first_slot", "opened_slot"))]
    assert kinds([alert(10, 20)], [alert(10, 20, grade=1)]) == [("moved", ("grade",))]


def test_another_scope_rule_or_order_is_another_alert() -> None:
    for other in ({"scope_id": "Q"}, {"rule": Rule.STOP_DAY}, {"order_id": "N"}, {"order_id": None}):
        assert sorted(k for k, _ in kinds([alert(10, 20)], [alert(10, 20, **other)])) == ["added", "removed"]


def test_one_alert_split_in_two_is_moved_and_added() -> None:
    """The part with the same beginning is the old one; the other is new."""
    assert kinds([alert(10, 40)], [alert(10, 20), alert(30, 40)]) == [("moved", ("closed_slot",)), ("added", ())]
    assert kinds([alert(10, 20), alert(30, 40)], [alert(10, 40)]) == [("moved", ("closed_slot",)), ("removed", ())]


def test_an_equal_beginning_goes_before_an_earlier_overlap() -> None:
    changes, same = compare_alerts([alert(10, 40)], [alert(8, 12), alert(10, 40)])
    assert ([c.kind for c in changes], same) == ([ChangeKind.ADDED], 1)


ALERTS = st.lists(
    st.builds(
        lambda first, length, grade, scope: alert(
            first, None if length is None else first + length, grade=grade, scope_id=scope
        ),
        st.integers(0, 60),
        st.none() | st.integers(0, 20),
        st.integers(1, 2),
        st.sampled_from("PQ"),
    ),
    max_size=8,
    unique_by=lambda a: (a.scope_id, a.first_slot),
)


@given(ALERTS, ALERTS)
def test_every_alert_is_counted_once(before: list[Alert], after: list[Alert]) -> None:
    found = compare(before, after, NO_DAYS, NO_DAYS)
    added, removed, moved = (found.count(kind) for kind in (ChangeKind.ADDED, ChangeKind.REMOVED, ChangeKind.MOVED))
    assert found.same + moved + removed == len(before)
    assert found.same + moved + added == len(after)
    assert compare(before, before, NO_DAYS, NO_DAYS).alerts == ()


def test_days_that_both_judged_are_compared() -> None:
    before = JudgedDays(("P", "Q"), DAYS, np.array([[4, 6], [6, 6]], np.uint8))
    after = JudgedDays(("A", "P"), DAYS[1:], np.array([[4], [5]], np.uint8))
    changes, compared = compare_days(before, after)
    assert compared == 1
    assert [(c.scope_id, c.day, c.before, c.after) for c in changes] == [
        ("P", DAYS[1], Verdict.COMPLIANT, Verdict.UNKNOWN)
    ]
    assert compare_days(before, NO_DAYS) == ([], 0)
    assert compare_days(before, before) == ([], 4)


def test_the_document_its_rows_and_lines_say_the_same() -> None:
    days = [JudgedDays(("P",), DAYS[:1], np.array([[v]], np.uint8)) for v in (6, 4)]
    first = 1510675200 // 900
    found = compare([alert(first, first + 9)], [alert(first), alert(first + 60, order_id=None)], *days)
    told = document(found, {"P": "plant"}, as_of=1510761600, zone="Asia/Shanghai", slot_s=900)
    assert told["as_of"] == "2017-11-16T00:00:00+08:00"
    assert told["alerts"] == {"before": 1, "after": 2, "same": 0, "added": 1, "removed": 0, "moved": 1}
    assert told["days"] == {"compared": 1, "changed": 1}
    assert [c["change"] for c in told["alert_changes"]] == ["moved", "added"]
    assert told["alert_changes"][0]["moved"] == ["closed_slot_end"]
    assert told["alert_changes"][1]["before"] is None
    table = [dict(zip(COLUMNS, row, strict=True)) for row in rows(told)]
    assert [row["change"] for row in table] == ["moved", "added", "verdict"]
    assert (table[0]["before_closed_slot_end"], table[0]["after_closed_slot_end"]) == ("2017-11-15T02:30:00+08:00", "")
    assert (table[2]["before_verdict"], table[2]["after_verdict"]) == ("compliant", "violating")
    shown = lines(told, 40)
    assert shown[0] == "alerts: 1 before, 2 after: 1 added, 0 removed, 1 moved, 0 the same"
    assert shown[1] == "days: 1 of 1 with another verdict"
    assert "closed_slot_end 2017-11-15 02:30 -> open" in shown[2]
    assert shown[4].endswith("2017-11-15  compliant -> violating")
    assert lines(told, 1)[-1] == "and 2 more"
