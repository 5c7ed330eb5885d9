"""Plants, curves, days, status: what the judged world looks like from outside."""

from typing import Any

import pytest
from sqlalchemy import text

from service.api import schemas
from service.db.health import read_health
from tests.integration.service_client import Service, problem_of
from tests.integration.world import FIRST_SLOT, JUDGED, NOON, SLOT_S, add_alert, set_progress, slot_end

MORNING = {"from": "2017-11-16T00:00:00+08:00", "to": "2017-11-16T12:00:00+08:00"}


async def test_plants_show_what_each_scope_does_now(service: Service) -> None:
    """The slot that ends at data_as_of: P1 violates, P2 is silent, P3 obeys."""
    await add_alert(service.engine, "P1", "a1")
    await add_alert(service.engine, "P1", "a2", condition="closed")
    body = await service.json("/v1/plants", "city")
    schemas.PlantsAnswer.model_validate(body)
    current = {p["plant_id"]: p["scopes"][0]["current"] for p in body["plants"]}
    assert [p["plant_id"] for p in body["plants"]] == ["P1", "P2", "P3"]
    assert {c["slot_end"] for c in current.values()} == {body["data_as_of"]} == {slot_end(JUDGED - 1)}
    assert (current["P1"]["verdict"], current["P1"]["load_kw"]) == ("violating", 400.0)
    assert (current["P2"]["verdict"], current["P2"]["load_kw"]) == ("unknown", None)
    assert (current["P2"]["coverage"], current["P2"]["reasons"]) == (0.0, ["missing"])
    assert (current["P3"]["verdict"], current["P3"]["load_kw"]) == ("compliant", 40.0)
    assert [p["open_alerts"] for p in body["plants"]] == [["a1"], [], []]
    assert [p["leading_alert"] for p in body["plants"]] == ["a1", None, None]


async def test_the_leading_alert_of_a_plant_is_the_first_in_merge_order(service: Service) -> None:
    """A step up that opened later, and silence, do not stand before a run under a stop."""
    for alert_id, rule in (("a1", "offline"), ("a2", "stop_run"), ("a3", "step_up")):
        await add_alert(service.engine, "P1", alert_id, rule=rule)
    plant, *_ = (await service.json("/v1/plants", "city"))["plants"]
    assert (set(plant["open_alerts"]), plant["leading_alert"]) == ({"a1", "a2", "a3"}, "a2")


async def test_plants_by_page(service: Service) -> None:
    """Keyset by plant_id."""
    first = await service.json("/v1/plants", "city", limit=2)
    second = await service.json("/v1/plants", "city", limit=2, cursor=first["next"])
    assert [p["plant_id"] for p in first["plants"] + second["plants"]] == ["P1", "P2", "P3"]
    assert second["next"] is None
    (one,) = (await service.json("/v1/plants", "city", plant_id="P2"))["plants"]
    assert one["plant_id"] == "P2"


async def test_plants_before_anything_was_judged(service: Service) -> None:
    """No tick: nothing is known, and the answer says that it is degraded."""
    async with service.engine.begin() as connection:
        await connection.execute(text("DELETE FROM ticks"))
    body = await service.json("/v1/plants", "city")
    assert body["data_as_of"] is None
    assert body["degraded"] is True
    assert [p["scopes"][0]["current"] for p in body["plants"]] == [None, None, None]


async def test_a_curve_shows_every_slot_of_the_span(service: Service) -> None:
    """Load, cap, baseline, verdict; a silent slot is null, never 0."""
    body = await service.json("/v1/scopes/P2/load", "city", **MORNING)
    schemas.LoadAnswer.model_validate(body)
    slots = body["slots"]
    assert [s["slot_end"] for s in slots] == [slot_end(i) for i in range(48)]
    assert [s["load_kw"] for s in slots] == [60.0] * 40 + [None] * 8
    assert {s["cap_kw"] for s in slots} == {100.0}
    assert {s["baseline_kw"] for s in slots} == {500.0}
    assert [s["verdict"] for s in slots] == ["compliant"] * 40 + ["unknown"] * 8


async def test_slots_that_are_not_judged_are_null(service: Service) -> None:
    """Beyond the judged ones the curve goes on with nothing in it."""
    body = await service.json(
        "/v1/scopes/P1/load", "city", **{"from": "2017-11-16T11:45:00+08:00", "to": "2017-11-16T12:15:00+08:00"}
    )
    judged, ahead = body["slots"]
    assert (judged["load_kw"], judged["verdict"]) == (400.0, "violating")
    assert ahead == {
        "slot_end": slot_end(48),
        "load_kw": None,
        "coverage": None,
        "cap_kw": None,
        "verdict": None,
        "order_id": None,
        "baseline_version": None,
        "reasons": [],
        "baseline_kw": 500.0,
    }


async def test_a_span_holds_the_slots_that_lie_wholly_in_it(service: Service) -> None:
    """Half-open, and a slot cut by either end is not shown."""
    cut = {"from": "2017-11-16T00:00:01+08:00", "to": "2017-11-16T00:59:59+08:00"}
    body = await service.json("/v1/scopes/P1/load", "city", **cut)
    assert [s["slot_end"] for s in body["slots"]] == [slot_end(1), slot_end(2)]
    assert body["from"] == "2017-11-16T00:00:01+08:00"


@pytest.mark.parametrize(
    "span",
    [
        {"from": "2017-11-16T00:00:00+08:00"},
        {"from": "2017-11-16T00:00:00", "to": "2017-11-16T12:00:00+08:00"},
        {"from": "2017-11-16", "to": "2017-11-17"},
        {"from": "1510000000", "to": "1510003600"},
        {"from": "2017-11-16T12:00:00+08:00", "to": "2017-11-16T12:00:00+08:00"},
        {"from": "2017-11-17T00:00:00+08:00", "to": "2017-11-16T00:00:00+08:00"},
        {"from": "2017-01-01T00:00:00Z", "to": "2018-11-16T00:00:00Z"},
        {"from": "0001-01-01T00:00:00+14:00", "to": "0001-01-02T00:00:00+14:00"},
        {"from": "9999-12-31T00:00:00-14:00", "to": "9999-12-31T23:59:59-14:00"},
        {"from": "2017-02-30T00:00:00Z", "to": "2017-03-01T00:00:00Z"},
    ],
)
async def test_a_bad_span_is_400(service: Service, span: dict[str, str]) -> None:
    """Missing, naive, a date, a number, empty, backwards, too long, out of the calendar."""
    await service.problem("/v1/scopes/P1/load", "city", 400, **span)


async def test_a_plus_that_became_a_space_is_explained(service: Service) -> None:
    """The classic trap of offsets in addresses."""
    response = await service.client.get(
        "/v1/scopes/P1/load?from=2017-11-16T00:00:00+08:00&to=2017-11-16T12:00:00%2B08:00",
        headers=service.world.bearer("city"),
    )
    (fault,) = problem_of(response, 400)["errors"]
    assert fault["name"] == "from"
    assert "%2B" in fault["reason"]


async def test_the_baseline_is_that_of_the_slot(service: Service) -> None:
    """Valid half-open; the version that was judged by comes first, then day type all."""
    async with service.engine.begin() as connection:
        await connection.execute(
            text("UPDATE baselines SET valid_to = :to WHERE scope_id = 'P1'"),
            {"to": NOON.replace(hour=6)},
        )
        for day_type, kw in (("restday", 100), ("workday", 800)):
            await connection.execute(
                text(
                    "INSERT INTO baselines (scope_id, version, day_type, valid_from, running_kw)"
                    " VALUES ('P1', '2017-11', :day_type, :begin, :kw)"
                ),
                {"day_type": day_type, "kw": kw, "begin": NOON.replace(hour=6)},
            )
    slots = (await service.json("/v1/scopes/P1/load", "city", **MORNING))["slots"]
    assert [s["baseline_kw"] for s in slots] == [500.0] * 24 + [800.0] * 24


async def test_days_show_each_scopes_verdict(service: Service) -> None:
    """By scope id, keyset, county."""
    body = await service.json("/v1/days/2017-11-16", "city")
    schemas.DaysAnswer.model_validate(body)
    assert [(d["scope_id"], d["verdict"]) for d in body["days"]] == [
        ("P1", "violating"),
        ("P2", "compliant"),
        ("P3", "compliant"),
    ]
    day = body["days"][0]
    assert (day["energy_kwh"], day["cap_kwh"], day["violating_hours"]) == (960.0, 2400.0, 2.5)
    assert day["as_of"] == "2017-11-16T12:00:00+08:00"
    first = await service.json("/v1/days/2017-11-16", "city", limit=2)
    second = await service.json("/v1/days/2017-11-16", "city", limit=2, cursor=first["next"])
    assert [d["scope_id"] for d in first["days"] + second["days"]] == ["P1", "P2", "P3"]
    assert (await service.json("/v1/days/2017-11-15", "city"))["days"] == []
    await service.problem("/v1/days/2017-11-15", "city", 400, cursor=first["next"])


@pytest.mark.parametrize("day", ["2017-13-01", "yesterday", "20171116", "0001-01-01", "1510000000"])
async def test_a_bad_date_is_400(service: Service, day: str) -> None:
    """A path is checked like a parameter."""
    await service.problem(f"/v1/days/{day}", "city", 400)


async def test_status_tells_partition_by_partition(service: Service) -> None:
    """Lag in records and seconds, and the clock that judged it."""
    body = await service.json("/v1/status", "city")
    schemas.StatusAnswer.model_validate(body)
    assert body["now"] == "2017-11-16T12:00:10+08:00"
    (partition,) = body["partitions"]
    assert partition["lag_records"] == 10
    assert partition["watermark"] == "2017-11-16T12:00:00+08:00"


async def test_data_as_of_is_held_back_by_marks_that_a_tick_wrote(service: Service) -> None:
    """The end of slot min(min ticks.next_slot - 1, min due_slot - 1); marks of late data do not hold it back."""
    async with service.engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO ticks (source, next_slot) VALUES ('late', :s)"), {"s": FIRST_SLOT + 40}
        )
        assert (await read_health(connection, SLOT_S)).judged_slots == FIRST_SLOT + 40
        mark = "INSERT INTO dirty_scopes (scope_no, first_slot, last_slot, due_slot) VALUES (1, :s, :s, :due)"
        await connection.execute(text(mark), {"s": FIRST_SLOT, "due": None})
        assert (await read_health(connection, SLOT_S)).judged_slots == FIRST_SLOT + 40
        await connection.execute(text(mark), {"s": FIRST_SLOT, "due": FIRST_SLOT + 30})
        health = await read_health(connection, SLOT_S)
    as_of = health.data_as_of(SLOT_S)
    assert as_of is not None
    assert as_of.timestamp() == (FIRST_SLOT + 30) * SLOT_S


@pytest.mark.parametrize(
    "progress, later_s, degraded",
    [
        ({"judged": JUDGED, "watermark": NOON}, 0, False),
        ({"judged": JUDGED, "watermark": NOON}, 14, False),
        ({"judged": JUDGED, "watermark": NOON}, 16, True),  # the clock stands 10 s after noon: 26 s of lag
        ({"judged": JUDGED, "watermark": None}, 0, True),
        ({"judged": JUDGED, "watermark": NOON, "stopped": "wrong topic"}, 0, True),
        ({"judged": JUDGED - 1, "watermark": NOON}, 0, False),
        ({"judged": JUDGED - 2, "watermark": NOON}, 0, True),  # 30 min 10 s > 15 + 5 min 25 s
    ],
)
async def test_degraded_says_when_an_empty_page_may_hide_something(
    service: Service, progress: dict[str, Any], later_s: float, degraded: bool
) -> None:
    """Late, never read, stopped, not judged in time: on every answer, so that absence is never mistaken for peace."""
    async with service.engine.begin() as connection:
        await set_progress(connection, **progress)
    service.clock.advance_to(service.clock.now() + later_s)
    for path in ("/v1/alert-events", "/v1/alerts", "/v1/plants", "/v1/days/2017-11-16", "/v1/status"):
        assert (await service.json(path, "city"))["degraded"] is degraded, path


async def test_no_cursor_at_all_is_degraded_and_not_ready(service: Service) -> None:
    """Nothing was ever read."""
    async with service.engine.begin() as connection:
        await connection.execute(text("DELETE FROM cursors"))
    page = await service.json("/v1/alert-events", "city")
    assert (page["ingest_lag_s"], page["degraded"]) == (None, True)
    problem = await service.problem("/readyz", None, 503)
    assert problem["detail"] == "not ready"
    assert problem["faults"] == ["never_read"]


async def test_ready_means_lag_under_the_bar(service: Service) -> None:
    """And the answer tells nothing else."""
    assert (await service.client.get("/readyz")).json() == {"status": "ready"}
    service.clock.advance_to(service.clock.now() + 120)
    await service.problem("/readyz", None, 503)
    assert (await service.client.get("/livez")).json() == {"status": "alive"}
