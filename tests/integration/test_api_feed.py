"""The change feed: shape, cursors, contiguity beside writers, long-poll, scoped readers."""

import asyncio
import time
import uuid
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.api import schemas
from tests.integration.service_client import Service
from tests.integration.world import add_alert, alert_document, publish_alert, slot_end

FEED = "/v1/alert-events"


async def test_page_has_the_shape_of_the_contract(service: Service) -> None:
    """CONTRACTS §4, name by name."""
    alert = await add_alert(service.engine, "P1")
    page = await service.json(FEED, "city")
    schemas.FeedAnswer.model_validate(page)
    assert list(page) == [
        "events", "next", "scanned_to_seq", "head_seq", "has_more", "data_as_of", "ingest_lag_s", "degraded",
    ]  # fmt: skip
    (event,) = page["events"]
    assert event == {
        "seq": 1,
        "type": "opened",
        "occurred_at": "2017-11-16T12:00:00+08:00",
        "backfill": False,
        "alert": alert,
    }
    assert (page["scanned_to_seq"], page["head_seq"], page["has_more"]) == (1, 1, False)
    assert page["data_as_of"] == "2017-11-16T12:00:00+08:00"
    assert page["ingest_lag_s"] == 10.0
    assert page["degraded"] is False


async def test_pages_follow_each_other_without_hole_or_repeat(service: Service) -> None:
    """A small limit and the `next` of each page reach the head."""
    for _ in range(7):
        await add_alert(service.engine, "P1")
    seen, after, pages = [], None, 0
    while True:
        page = await service.json(FEED, "city", limit=3, **({"after": after} if after else {}))
        seen += [e["seq"] for e in page["events"]]
        after, pages = page["next"], pages + 1
        if not page["has_more"]:
            break
    assert seen == list(range(1, 8))
    assert pages == 3
    again = await service.json(FEED, "city", after=after)
    assert again["events"] == []
    assert again["scanned_to_seq"] == again["head_seq"] == 7


async def test_pollers_beside_writers_miss_nothing(service: Service) -> None:
    """Four writers, two pollers: both see 1..n in order (I6)."""
    writers, each = 4, 25

    async def write() -> None:
        for _ in range(each):
            await add_alert(service.engine, "P1")

    async def poll() -> list[int]:
        seen: list[int] = []
        after: dict[str, Any] = {}
        while len(seen) < writers * each:
            page = await service.json(FEED, "city", limit=10, wait=5, **after)
            seen += [e["seq"] for e in page["events"]]
            after = {"after": page["next"]}
        return seen

    async with asyncio.timeout(60):
        results = await asyncio.gather(poll(), poll(), *(write() for _ in range(writers)))
    assert results[0] == results[1] == list(range(1, writers * each + 1))


async def test_county_sees_its_rows_and_can_prove_absence(service: Service) -> None:
    """Holes in the global seq are covered by scanned_to_seq."""
    for plant in ("P1", "P3", "P1", "P3"):
        await add_alert(service.engine, plant)
    page = await service.json(FEED, "county:登封市")
    assert [e["seq"] for e in page["events"]] == [2, 4]
    assert {e["alert"]["county"] for e in page["events"]} == {"登封市"}
    first = await service.json(FEED, "county:登封市", limit=1)
    assert (first["scanned_to_seq"], first["has_more"]) == (2, True)
    await add_alert(service.engine, "P1")
    rest = await service.json(FEED, "county:登封市", after=page["next"])
    assert rest["events"] == []
    assert rest["scanned_to_seq"] == rest["head_seq"] == 5


async def test_filters_narrow_the_feed(service: Service) -> None:
    """county, plant_id, rule."""
    await add_alert(service.engine, "P1")
    await add_alert(service.engine, "P2", rule="offline")
    await add_alert(service.engine, "P3")
    for query, expected in (({"county": "新密市"}, [1, 2]), ({"plant_id": "P3"}, [3]), ({"rule": "offline"}, [2])):
        page = await service.json(FEED, "city", **query)
        assert [e["seq"] for e in page["events"]] == expected, query
        assert page["scanned_to_seq"] == 3


async def test_long_poll_wakes_at_an_event(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer comes with the notification, the check of each second is off."""
    monkeypatch.setattr("service.api.feed_watch.CHECK_S", 60.0)
    await asyncio.sleep(1.1)
    start = await service.json(FEED, "city")
    begun = time.monotonic()
    waiting = asyncio.create_task(service.json(FEED, "city", after=start["next"], wait=20))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await add_alert(service.engine, "P1")
    page = await waiting
    assert [e["seq"] for e in page["events"]] == [1]
    assert time.monotonic() - begun < 2


async def test_long_poll_sees_an_event_whose_notification_was_lost(service: Service) -> None:
    """NOTIFY is a hint: the check of each second finds the event without it."""
    start = await service.json(FEED, "city")
    async with service.engine.begin() as connection:
        await connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cuofeng-listen'")
        )
    waiting = asyncio.create_task(service.json(FEED, "city", after=start["next"], wait=20))
    await asyncio.sleep(0.1)
    async with service.engine.begin() as connection:
        await publish_alert(connection, alert_document("a1", "P1"))
    async with asyncio.timeout(5):
        page = await waiting
    assert [e["alert"]["id"] for e in page["events"]] == ["a1"]


async def test_long_poll_ends_empty_and_holds_no_connection(service: Service) -> None:
    """Waiting readers, more than the pool has connections, leave it free."""
    start = await service.json(FEED, "city")
    waiting = [asyncio.create_task(service.json(FEED, "city", after=start["next"], wait=2)) for _ in range(12)]
    await asyncio.sleep(0.5)
    pool: Any = service.engine.pool
    assert pool.checkedout() == 0
    pages = await asyncio.gather(*waiting)
    assert all(page["events"] == [] and page["next"] for page in pages)


async def test_county_long_poll_is_not_ended_by_another_countys_event(service: Service) -> None:
    """It wakes, sees nothing of its own and goes on waiting, from where it is."""
    start = await service.json(FEED, "county:登封市")
    waiting = asyncio.create_task(service.json(FEED, "county:登封市", after=start["next"], wait=10))
    await asyncio.sleep(0.2)
    await add_alert(service.engine, "P1")
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await add_alert(service.engine, "P3")
    page = await waiting
    assert [e["seq"] for e in page["events"]] == [2]


async def test_cursor_of_another_store_is_409_with_the_resync_point(service: Service) -> None:
    """A restored or replaced database has another epoch."""
    await add_alert(service.engine, "P1")
    page = await service.json(FEED, "city")
    async with service.engine.begin() as connection:
        await connection.execute(text("UPDATE feed_head SET store_epoch = :epoch"), {"epoch": uuid.uuid4()})
    problem = await service.problem(FEED, "city", 409, after=page["next"])
    resync = await service.json(FEED, "city", after=problem["resync"]["cursor"])
    assert [e["seq"] for e in resync["events"]] == [1]
    assert problem["resync"]["seq"] == 0


async def test_cursor_ahead_of_the_store_is_409(service: Service) -> None:
    """An older backup came back: the reader has seen what is no more."""
    await add_alert(service.engine, "P1")
    page = await service.json(FEED, "city")
    async with service.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE alert_events DISABLE TRIGGER alert_events_immutable"))
        await connection.execute(text("DELETE FROM alert_events"))
        await connection.execute(text("UPDATE feed_head SET seq = 0"))
    await service.problem(FEED, "city", 409, after=page["next"])


async def test_cursor_older_than_retention_is_410(service: Service) -> None:
    """With the resync point at the oldest event that is kept."""
    start = await service.json(FEED, "city")
    for _ in range(3):
        await add_alert(service.engine, "P1")
    async with service.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE alert_events DISABLE TRIGGER alert_events_immutable"))
        await connection.execute(text("DELETE FROM alert_events WHERE seq <= 2"))
    problem = await service.problem(FEED, "city", 410, after=start["next"])
    resync = await service.json(FEED, "city", after=problem["resync"]["cursor"])
    assert [e["seq"] for e in resync["events"]] == [3]
    assert [e["seq"] for e in (await service.json(FEED, "city"))["events"]] == [3]


@pytest.mark.parametrize("cursor", ["AAAA", "x", "A" * 88, "__--"])
async def test_cursor_that_was_not_issued_is_400(service: Service, cursor: str) -> None:
    """Garbage, too short, wrong signature."""
    await service.problem(FEED, "city", 400, after=cursor)


async def test_changed_cursor_is_400(service: Service) -> None:
    """One bit of the signed part."""
    good = (await service.json(FEED, "city"))["next"]
    changed = good[:30] + ("A" if good[30] != "A" else "B") + good[31:]
    await service.problem(FEED, "city", 400, after=changed)


async def test_cursor_of_another_filter_or_reader_is_400(service: Service) -> None:
    """A county's cursor would skip other counties' events in a city's hands."""
    county = (await service.json(FEED, "county:新密市"))["next"]
    await service.problem(FEED, "city", 400, after=county)
    await service.problem(FEED, "county:登封市", 400, after=county)
    filtered = (await service.json(FEED, "city", rule="stop_run"))["next"]
    await service.problem(FEED, "city", 400, after=filtered)
    same = await service.json(FEED, "city", county="新密市", after=county)
    assert same["events"] == []
    listed = await service.problem("/v1/alerts", "city", 400, cursor=county)
    assert "cursor" in listed["detail"]


async def test_folding_the_events_gives_the_list_of_alerts(service: Service) -> None:
    """CONTRACTS §4, last sentence."""
    a, b = await add_alert(service.engine, "P1"), await add_alert(service.engine, "P3")
    async with service.engine.begin() as connection:
        grown = {**a, "peak_kw": 512.5, "last_slot_end": slot_end(20)}
        await publish_alert(connection, grown, event="updated")
        await publish_alert(connection, {**b, "condition": "retracted", "evidence": "retracted"}, event="retracted")
    await service.acknowledge(a["id"], "city")
    events = (await service.json(FEED, "city"))["events"]
    fold = {e["alert"]["id"]: e["alert"] for e in events}
    listed = {alert["id"]: alert for alert in (await service.json("/v1/alerts", "city"))["alerts"]}
    assert fold == listed
    assert listed[a["id"]]["work"] == "acknowledged"
    assert listed[a["id"]]["peak_kw"] == 512.5


async def test_the_seq_of_an_event_never_changes_what_a_reader_saw(service: Service) -> None:
    """The prefix is immutable."""
    alert = await add_alert(service.engine, "P1")
    before = (await service.json(FEED, "city"))["events"]
    await service.acknowledge(alert["id"], "city")
    after = (await service.json(FEED, "city"))["events"]
    assert after[: len(before)] == before
    assert [e["type"] for e in after] == ["opened", "acknowledged"]
    assert (after[1]["actor"], after[1]["reason"]) == ("王工", "已派人")


async def test_event_beyond_the_scan_limit_is_reached_by_paging(
    service: Service, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A narrow reader of a long feed gets empty pages that say `has_more`, never a missed event."""
    monkeypatch.setattr("service.db.feed_read.SCAN_LIMIT", 3)
    for plant in ("P1", "P1", "P1", "P1", "P3"):
        await add_alert(engine, plant)
    first = await service.json(FEED, "county:登封市")
    assert (first["events"], first["scanned_to_seq"], first["has_more"]) == ([], 3, True)
    second = await service.json(FEED, "county:登封市", after=first["next"])
    assert [e["seq"] for e in second["events"]] == [5]
