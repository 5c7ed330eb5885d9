"""From what pollers saw to what is judged now: which events lead there (SEMANTICS §5.30, §5.31)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers.alert_sync import Changes, View, changes
from service.db.alert_store import StoredAlert

T0 = datetime(2017, 11, 16, 8, 0, tzinfo=UTC)
AS_OF = T0 + timedelta(hours=6)


def at(minutes: float) -> str:
    return (T0 + timedelta(minutes=minutes)).isoformat()


def view(alert_id: str = "a", last_min: float = 30, closed_min: float | None = None, **fields: Any) -> View:
    """A `stop_run` whose first slot ends at T0 and that opened half an hour later."""
    base: View = {
        "id": alert_id,
        "scope_id": "P",
        "plant_id": "P",
        "county": "C",
        "rule": "stop_run",
        "grade": 2,
        "order_id": "O",
        "order_revision": 1,
        "baseline_version": "v1",
        "condition": "firing" if closed_min is None else "closed",
        "evidence": "provisional",
        "work": "new",
        "first_slot_end": at(0),
        "opened_at_slot_end": at(30),
        "last_slot_end": at(last_min),
        "closed_slot_end": None if closed_min is None else at(closed_min),
        "close_reason": None if closed_min is None else "below_cap",
        "peak_kw": 500.0,
        "cap_kw": 70.0,
        "energy_over_kwh": 100.0 + last_min,
        "coverage": 1.0,
        "thresholds": {"tolerance": 0.0, "origin": "SEMANTICS default"},
        "replaced_by": None,
        "summary": {"zh": "。", "en": "."},
    }
    return base | fields


def stored(published: View, live: View | None = None, work: str = "new") -> StoredAlert:
    """The alert as it was last published, and as it was last judged."""
    return StoredAlert(published["id"], published["scope_id"], work, published, live or published)


def sync(
    judged: Iterable[View], known: Iterable[StoredAlert] = (), published_at: datetime = AS_OF, rejudged: bool = True
) -> Changes:
    judged_by_id = {v["id"]: v for v in judged}
    return changes(judged_by_id, {s.alert_id: s for s in known}, lambda _: rejudged, AS_OF, published_at)


def types(result: Changes) -> list[str]:
    return [e.type for e in result.events]


def test_a_new_alert_is_opened_at_its_slot() -> None:
    result = sync([view()])
    (event,) = result.events
    assert (event.type, event.occurred_at.isoformat(), event.backfill) == ("opened", at(30), False)
    assert event.alert["work"] == "new"
    assert result.published["a"]["condition"] == "firing"


def test_an_alert_that_is_over_when_it_is_found_is_opened_and_closed() -> None:
    result = sync([view(last_min=60, closed_min=90)])
    opened, closed = result.events
    assert (opened.type, opened.alert["condition"], opened.alert["closed_slot_end"]) == ("opened", "firing", None)
    assert (closed.type, closed.occurred_at.isoformat()) == ("closed", at(90))
    assert result.published["a"]["condition"] == "closed"


def test_a_close_is_told_with_its_slot_and_reason() -> None:
    result = sync([view(last_min=60, closed_min=90)], [stored(view(last_min=60))])
    (event,) = result.events
    assert (event.type, event.occurred_at.isoformat(), event.alert["close_reason"]) == ("closed", at(90), "below_cap")


def test_nothing_new_is_no_event() -> None:
    result = sync([view()], [stored(view())])
    assert (result.events, result.published, result.live) == ([], {}, [])


@pytest.mark.parametrize(
    ("last_min", "expected"), [(45, []), (75, []), (89, []), (90, ["updated"]), (240, ["updated"])]
)
def test_growth_is_updated_at_most_hourly_in_event_time(last_min: float, expected: list[str]) -> None:
    result = sync([view(last_min=last_min)], [stored(view(last_min=30))])
    assert types(result) == expected
    assert [v["last_slot_end"] for v in result.live] == ([] if expected else [at(last_min)])


def test_the_hour_counts_from_what_was_published_not_from_what_was_last_judged() -> None:
    result = sync([view(last_min=90)], [stored(view(last_min=30), live=view(last_min=75))])
    assert types(result) == ["updated"]
    assert result.events[0].occurred_at.isoformat() == at(90)


@pytest.mark.parametrize("change", [{"grade": 1}, {"evidence": "final"}])
def test_a_change_of_grade_or_evidence_does_not_wait_for_the_hour(change: dict[str, Any]) -> None:
    assert types(sync([view(last_min=45, **change)], [stored(view(last_min=30))])) == ["updated"]


@pytest.mark.parametrize(
    "change",
    [
        {"peak_kw": 900.0},
        {"opened_at_slot_end": at(15)},
        {"order_revision": 2},
        {"baseline_version": "v2"},
        {"coverage": 0.5},
        {"last_slot_end": at(15)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_past_is_a_revision(change: dict[str, Any]) -> None:
    result = sync([view() | change], [stored(view())])
    (event,) = result.events
    assert (event.type, event.alert["evidence"], event.occurred_at) == ("revised", "revised", AS_OF)


def test_a_closed_alert_with_other_numbers_is_revised() -> None:
    result = sync([view(closed_min=90, energy_over_kwh=1.0)], [stored(view(closed_min=90))])
    assert types(result) == ["revised"]


def test_the_energy_of_a_day_that_goes_on_is_no_revision() -> None:
    before, after = (view(rule="limit_day", energy_over_kwh=kwh) for kwh in (10.0, 20.0))
    result = sync([after], [stored(before)])
    assert types(result) == []
    assert result.live[0]["energy_over_kwh"] == 20.0


def test_revised_evidence_stays_revised() -> None:
    known = stored(view() | {"evidence": "revised"})
    assert types(sync([view(evidence="final")], [known])) == []
    closing = sync([view(closed_min=90, evidence="final")], [known])
    assert [(e.type, e.alert["evidence"]) for e in closing.events] == [("closed", "revised")]


def test_what_no_longer_holds_is_retracted_and_not_deleted() -> None:
    result = sync([], [stored(view(), work="acknowledged")])
    (event,) = result.events
    assert (event.type, event.occurred_at) == ("retracted", AS_OF)
    told = {k: event.alert[k] for k in ("condition", "evidence", "replaced_by", "work", "peak_kw")}
    assert told == {
        "condition": "retracted",
        "evidence": "retracted",
        "replaced_by": None,
        "work": "acknowledged",
        "peak_kw": 500.0,
    }


def test_what_was_not_judged_again_stays() -> None:
    assert sync([], [stored(view())], rejudged=False).events == []


def test_a_moved_first_slot_retracts_the_old_and_hands_on_its_work() -> None:
    moved = view("b", first_slot_end=at(-15))
    result = sync([moved], [stored(view(), work="dispatched")])
    retracted, opened = result.events
    assert (retracted.type, retracted.alert["id"], retracted.alert["replaced_by"]) == ("retracted", "a", "b")
    assert (opened.type, opened.alert["id"], opened.alert["work"]) == ("opened", "b", "dispatched")
    assert {i: v["work"] for i, v in result.published.items()} == {"a": "dispatched", "b": "dispatched"}


@pytest.mark.parametrize(
    "other",
    [
        {"order_id": "O2"},
        {"rule": "stop_day"},
        {"first_slot_end": at(300), "opened_at_slot_end": at(330), "last_slot_end": at(330)},
    ],
    ids=["order", "rule", "time"],
)
def test_only_an_overlapping_alert_of_the_same_rule_and_order_inherits(other: dict[str, Any]) -> None:
    result = sync([view("b") | other], [stored(view(), work="dispatched")])
    assert [(e.type, e.alert["replaced_by"], e.alert["work"]) for e in result.events] == [
        ("retracted", None, "dispatched"),
        ("opened", None, "new"),
    ]


def test_a_removed_close_reopens() -> None:
    result = sync([view(last_min=120)], [stored(view(closed_min=90), work="acknowledged")])
    (event,) = result.events
    assert (event.type, event.alert["condition"], event.alert["evidence"]) == ("reopened", "firing", "revised")
    assert event.alert["work"] == "acknowledged"


def test_over_slots_after_a_close_are_a_new_alert_and_reopen_nothing() -> None:
    later = view("b", 330, first_slot_end=at(300), opened_at_slot_end=at(330))
    result = sync([view(closed_min=90), later], [stored(view(closed_min=90))])
    assert [(e.type, e.alert["id"]) for e in result.events] == [("opened", "b")]


def test_a_retracted_alert_that_holds_after_all_reopens() -> None:
    gone = view() | {"condition": "retracted", "evidence": "retracted"}
    result = sync([view()], [stored(gone)])
    (event,) = result.events
    assert (event.type, event.alert["condition"], event.alert["evidence"]) == ("reopened", "firing", "revised")


def test_a_retracted_alert_is_not_retracted_again() -> None:
    gone = view() | {"condition": "retracted", "evidence": "retracted"}
    assert sync([], [stored(gone)]).events == []


@pytest.mark.parametrize(("hours", "is_backfill"), [(24, False), (24.01, True)])
def test_backfill_opened_more_than_a_day_before_it_was_published(hours: float, is_backfill: bool) -> None:
    result = sync([view()], published_at=datetime.fromisoformat(at(30)) + timedelta(hours=hours))
    assert result.events[0].backfill is is_backfill
    assert result.published["a"]["backfill"] is is_backfill


def test_events_stand_in_the_order_of_their_openings_after_what_is_taken_back() -> None:
    judged = [view("c", opened_at_slot_end=at(60)), view("b", opened_at_slot_end=at(45))]
    result = sync(judged, [stored(view("z", order_id="O9"))])
    assert [(e.type, e.alert_id) for e in result.events] == [("retracted", "z"), ("opened", "b"), ("opened", "c")]
