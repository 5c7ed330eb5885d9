"""Alerts: filters, keyset, history and evidence, acknowledging."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from service.api import schemas
from tests.integration.service_client import ACK_BODY, Service, problem_of
from tests.integration.world import add_alert, slot_end


async def ids(service: Service, **query: Any) -> list[str]:
    """Ids of a page."""
    return [alert["id"] for alert in (await service.json("/v1/alerts", "city", **query))["alerts"]]


async def test_list_shows_the_latest_opened_first(service: Service) -> None:
    """By opened_at, then id; the answer says how far the data goes."""
    await add_alert(service.engine, "P1", "a1", opened_at_slot_end=slot_end(10))
    await add_alert(service.engine, "P1", "b1", opened_at_slot_end=slot_end(20))
    await add_alert(service.engine, "P1", "b2", opened_at_slot_end=slot_end(20))
    page = await service.json("/v1/alerts", "city")
    schemas.AlertsAnswer.model_validate(page)
    assert [a["id"] for a in page["alerts"]] == ["b2", "b1", "a1"]
    assert page["next"] is None
    assert page["data_as_of"] == "2017-11-16T12:00:00+08:00"


async def test_the_feed_goes_on_where_the_list_was_read(service: Service) -> None:
    """A reader begins with the list and follows the feed, and misses nothing, whatever filter the list had."""
    await add_alert(service.engine, "P1", "a1")
    for who, query in (("city", {}), ("city", {"rule": "offline"}), ("county:新密市", {"open": "true"})):
        page = await service.json("/v1/alerts", who, **query)
        assert (await service.json("/v1/alert-events", who, after=page["feed"]))["events"] == []
    await add_alert(service.engine, "P1", "a2")
    events = (await service.json("/v1/alert-events", "county:新密市", after=page["feed"]))["events"]
    assert [e["alert"]["id"] for e in events] == ["a2"]


async def test_every_filter_chooses(service: Service) -> None:
    """Each filter keeps the one that differs."""
    other = {
        "rule": "limit_day",
        "grade": 1,
        "condition": "closed",
        "evidence": "final",
        "order_id": "O2",
        "scope_id": "P2-line",
        "work": "concluded",
    }
    await add_alert(service.engine, "P1", "a1")
    await add_alert(service.engine, "P2", "a2", opened_at_slot_end=slot_end(30), **other)
    for name, value in other.items():
        assert await ids(service, **{name: value}) == ["a2"], name
    assert await ids(service, plant_id="P1") == ["a1"]
    assert await ids(service, county="新密市") == ["a2", "a1"]
    assert await ids(service, county="登封市") == []
    assert await ids(service, open="true") == ["a1"]
    assert await ids(service, open="false") == ["a2", "a1"]
    assert await ids(service, grade=2, rule="limit_day") == []


async def test_from_and_to_are_half_open(service: Service) -> None:
    """opened_at = from is in, opened_at = to is out; another offset is the same instant."""
    await add_alert(service.engine, "P1", "a1", opened_at_slot_end="2017-11-16T10:00:00+08:00")
    assert await ids(service, **{"from": "2017-11-16T10:00:00+08:00"}) == ["a1"]
    assert await ids(service, **{"from": "2017-11-16T02:00:00Z"}) == ["a1"]
    assert await ids(service, **{"from": "2017-11-16T10:00:01+08:00"}) == []
    assert await ids(service, to="2017-11-16T10:00:00+08:00") == []
    assert await ids(service, to="2017-11-16T10:00:01+08:00") == ["a1"]


async def test_pages_by_keyset_hold_every_alert_once(service: Service) -> None:
    """Equal opening times, a page boundary among them, and one that opens while paging."""
    for i in range(7):
        await add_alert(service.engine, "P1", f"a{i}", opened_at_slot_end=slot_end(10 + i // 4))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await service.json("/v1/alerts", "city", limit=3, **cursor)
        seen += [a["id"] for a in page["alerts"]]
        if len(seen) == 3:
            await add_alert(service.engine, "P1", "new", opened_at_slot_end=slot_end(40))
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == ["a6", "a5", "a4", "a3", "a2", "a1", "a0"]
    await service.problem("/v1/alerts", "city", 400, rule="offline", **cursor)
    await service.problem("/v1/plants", "city", 400, **cursor)


async def test_one_alert_has_its_history_and_its_evidence(service: Service) -> None:
    """Per slot load, cap, verdict, coverage, from 2 h before the first to 2 h after the last."""
    alert = await add_alert(service.engine, "P1", "a1")
    await service.acknowledge("a1", "city")
    response = await service.get("/v1/alerts/a1", "city")
    body = response.json()
    schemas.AlertAnswer.model_validate(body)
    assert body["alert"] == {**alert, "work": "acknowledged"}
    assert [e["type"] for e in body["events"]] == ["opened", "acknowledged"]
    assert body["events"][0]["alert"] == alert
    assert [s["slot_end"] for s in body["series"]] == [slot_end(i) for i in range(24)]
    by_end = {s["slot_end"]: s for s in body["series"]}
    assert by_end[slot_end(8)] == {
        "slot_end": slot_end(8),
        "load_kw": 400.0,
        "coverage": 1.0,
        "cap_kw": 100.0,
        "verdict": "violating",
        "reasons": [],
        "order_id": "O1",
        "baseline_version": "2017-10",
    }
    assert by_end[slot_end(7)]["verdict"] == "compliant"
    assert body["series_is_cut"] is False
    assert response.headers["etag"]


async def test_a_long_alerts_series_is_bounded(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest slots are shown, and the answer says that there were more."""
    monkeypatch.setattr("service.api.routes.alerts.SERIES_LIMIT", 10)
    await add_alert(service.engine, "P1", "a1")
    body = await service.json("/v1/alerts/a1", "city")
    assert body["series_is_cut"] is True
    assert [s["slot_end"] for s in body["series"]] == [slot_end(i) for i in range(14, 24)]


async def test_acknowledge_publishes_an_event_and_an_audit_line(service: Service) -> None:
    """Actor and reason are kept; the alert's other axes stay as they were."""
    alert = await add_alert(service.engine, "P1", "a1")
    response = await service.acknowledge("a1", "county:新密市")
    assert response.status_code == 200, response.text
    schemas.AckAnswer.model_validate(response.json())
    assert response.json() == {"alert": {**alert, "work": "acknowledged"}, "seq": 2}
    events = (await service.json("/v1/alert-events", "city"))["events"]
    assert [(e["type"], e.get("actor"), e.get("reason")) for e in events] == [
        ("opened", None, None),
        ("acknowledged", "王工", "已派人"),
    ]
    assert await ids(service, work="acknowledged") == ["a1"]
    async with service.engine.connect() as connection:
        audit = (await connection.execute(text("SELECT actor, action, subject, detail FROM audit_log"))).all()
    assert [(r.actor, r.action, r.subject) for r in audit] == [("王工", "alert.acknowledge", "a1")]


async def test_a_second_acknowledgement_is_409(service: Service) -> None:
    """Somebody was there before; nothing is written."""
    await add_alert(service.engine, "P1", "a1")
    assert (await service.acknowledge("a1", "city")).status_code == 200
    problem_of(await service.acknowledge("a1", "operator"), 409)
    assert (await service.json("/v1/alert-events", "city"))["head_seq"] == 2


async def test_the_same_idempotency_key_answers_the_same(service: Service) -> None:
    """A lost answer can be asked for again: one event, equal bodies."""
    await add_alert(service.engine, "P1", "a1")
    first = await service.acknowledge("a1", "city", Idempotency_Key="k-1")
    second = await service.acknowledge("a1", "city", Idempotency_Key="k-1")
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert first.headers["etag"] == second.headers["etag"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert (await service.json("/v1/alert-events", "city"))["head_seq"] == 2


async def test_equal_requests_at_once_write_one_event(service: Service) -> None:
    """Eight at the same moment."""
    await add_alert(service.engine, "P1", "a1")
    answers = await asyncio.gather(*(service.acknowledge("a1", "city", Idempotency_Key="k-1") for _ in range(8)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.text for a in answers}) == 1
    assert (await service.json("/v1/alert-events", "city"))["head_seq"] == 2


async def test_an_idempotency_key_belongs_to_one_request(service: Service) -> None:
    """Another body or another alert under it is 422; another holder's equal key is another key."""
    await add_alert(service.engine, "P1", "a1")
    await add_alert(service.engine, "P1", "a2")
    await add_alert(service.engine, "P1", "a3")
    assert (await service.acknowledge("a1", "city", Idempotency_Key="k-1")).status_code == 200
    problem_of(await service.acknowledge("a1", "city", {**ACK_BODY, "reason": "x"}, Idempotency_Key="k-1"), 422)
    problem_of(await service.acknowledge("a2", "city", Idempotency_Key="k-1"), 422)
    assert (await service.acknowledge("a3", "operator", Idempotency_Key="k-1")).status_code == 200
    assert await ids(service, work="new") == ["a2"]


async def test_different_alerts_under_one_key_at_once_write_one_event(service: Service) -> None:
    """Their rows do not make them take turns: the key does."""
    for i in range(4):
        await add_alert(service.engine, "P1", f"a{i}")
    answers = await asyncio.gather(*(service.acknowledge(f"a{i}", "city", Idempotency_Key="k-1") for i in range(4)))
    assert sorted(a.status_code for a in answers) == [200, 422, 422, 422]
    assert (await service.json("/v1/alert-events", "city"))["head_seq"] == 5


async def test_if_match_of_an_older_state_is_412(service: Service) -> None:
    """The reader has not seen what came meanwhile; with the present tag, or `*`, it passes."""
    await add_alert(service.engine, "P1", "a1")
    old = (await service.get("/v1/alerts/a1", "city")).headers["etag"]
    await add_alert(service.engine, "P1", "a1", peak_kw=500.0)
    problem_of(await service.acknowledge("a1", "city", If_Match=old), 412)
    assert await ids(service, work="new") == ["a1"]
    new = (await service.get("/v1/alerts/a1", "city")).headers["etag"]
    done = await service.acknowledge("a1", "city", If_Match=new)
    assert done.status_code == 200
    assert done.headers["etag"] == (await service.get("/v1/alerts/a1", "city")).headers["etag"] != new


async def test_a_failed_acknowledgement_leaves_nothing(service: Service) -> None:
    """A refused one stores no answer: the same key works afterwards."""
    await add_alert(service.engine, "P1", "a1")
    problem_of(await service.acknowledge("a1", "city", If_Match='"r9s9"', Idempotency_Key="k-1"), 412)
    problem_of(await service.acknowledge("missing", "city", Idempotency_Key="k-1"), 404)
    assert (await service.acknowledge("a1", "city", Idempotency_Key="k-1")).status_code == 200
    async with service.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM audit_log")) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"actor": "x"},
        {"actor": "", "reason": "y"},
        {"actor": "  ", "reason": "y"},
        {"actor": "x", "reason": "a\x00b"},
        {"actor": "x\ny", "reason": "z"},
        {"actor": "x", "reason": "y" * 2001},
        {"actor": 5, "reason": "y"},
        {"actor": "x", "reason": "y", "work": "concluded"},
        [],
    ],
)
async def test_a_bad_acknowledgement_is_400(service: Service, body: Any) -> None:
    """Who and why are needed, and nothing else is taken."""
    await add_alert(service.engine, "P1", "a1")
    response = await service.client.post("/v1/alerts/a1/acknowledge", json=body, headers=service.world.bearer("city"))
    problem_of(response, 400)
    assert await ids(service, work="new") == ["a1"]
