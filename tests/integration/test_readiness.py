"""`/readyz`, `/v1/status`, `/metrics` and `degraded` tell of every fault, all the same, and of none that is not."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from service.api.exporter import Exporter
from service.db.health import Fault
from service.observability.metrics import FAULT
from tests.integration.service_client import Service
from tests.integration.test_api_metrics import parsed
from tests.integration.world import FIRST_SLOT, JUDGED, SLOT_S, add_orders


async def told(service: Service) -> set[str]:
    """Faults that `/readyz` names; the other three ways of telling say the same."""
    service.app.state.parts.health._seen = None  # what was remembered for half a second
    answer = await service.client.get("/readyz")
    faults = set(answer.json().get("faults", []))
    assert (answer.status_code == 200) == (not faults)
    status = await service.json("/v1/status", "city")
    assert (set(status["faults"]), status["degraded"]) == (faults, bool(faults))
    shown = parsed((await Exporter(service.engine, service.clock, SLOT_S).payload()).decode())
    assert {f.value for f in Fault if shown[FAULT.name][f'fault="{f.value}"']} == faults
    assert shown["cuofeng_degraded"][""] == bool(faults)
    return faults


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ("SELECT", set()),
        ("DELETE FROM cursors", {"never_read"}),
        ("INSERT INTO cursors (topic, part, next_offset) VALUES ('t', 1, 0)", {"never_read"}),
        ("UPDATE cursors SET stopped_reason = 'poison: x'", {"partition_stopped"}),
        ("UPDATE cursors SET stopped_reason = 'truncated: x'", {"partition_stopped"}),
        # The clock stands 10 s after the watermark.
        ("UPDATE cursors SET watermark = watermark - interval '14 s'", set()),
        ("UPDATE cursors SET watermark = watermark - interval '16 s'", {"ingest_late"}),
        ("DELETE FROM heartbeats", {"evaluate_silent"}),
        ("UPDATE heartbeats SET beat_at = beat_at - interval '20 s'", set()),
        ("UPDATE heartbeats SET beat_at = beat_at - interval '26 s'", {"evaluate_silent"}),
        ("UPDATE heartbeats SET moved_at = moved_at - interval '26 s'", {"evaluate_stalled"}),
        # A second process that works is enough.
        (
            "UPDATE heartbeats SET moved_at = moved_at - interval '26 s'; INSERT INTO heartbeats"
            " (role, process, beat_at, moved_at, worked_at) VALUES ('evaluate', 'other', now(), now(), now())",
            set(),
        ),
        ("UPDATE ticks SET next_slot = next_slot - 2", {"judged_late"}),
        ("DELETE FROM ticks", {"judged_late"}),
        ("UPDATE heartbeats SET clock_ahead_s = -31", {"clock_off"}),
        ("UPDATE heartbeats SET clock_ahead_s = 29", set()),
        ("UPDATE cursors SET watermark = watermark + interval '1 h'", {"clock_off"}),
        ("TRUNCATE plants CASCADE", {"registry_empty"}),
    ],
)
async def test_a_fault_is_told_and_a_moment_is_none(service: Service, change: str, faults: set[str]) -> None:
    async with service.engine.begin() as connection:
        for statement in change.split("; "):
            await connection.execute(text(statement))
    assert await told(service) == faults


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ("DELETE FROM orders", set()),
        ("UPDATE orders SET valid_from = '2017-11-17T00:00:00+08'", set()),
        ("UPDATE orders SET valid_from = '2017-11-16T11:40:00+08'", set()),  # its first slot may still come
        ("UPDATE orders SET valid_from = '2017-11-16T11:35:00+08'", {"judged_late"}),
        ("DELETE FROM orders; INSERT INTO source_slots VALUES ('grid', 1, 3, 0, 3, false)", {"judged_late"}),
    ],
)
async def test_before_the_history_begins_nothing_is_late(service: Service, change: str, faults: set[str]) -> None:
    """Without a reading and an order that holds the ticks stand where the first one left them."""
    await add_orders(service.engine)
    async with service.engine.begin() as connection:
        await connection.execute(text("TRUNCATE source_slots"))
        await connection.execute(text("UPDATE ticks SET next_slot = next_slot - 900"))
        for statement in change.split("; "):
            await connection.execute(text(statement))
    assert await told(service) == faults


@pytest.mark.parametrize(
    ("slot", "age_s", "idle_s", "faults"),
    [
        (FIRST_SLOT + JUDGED - 1, 26, 26, {"evaluate_stalled"}),  # nobody claims
        (FIRST_SLOT + JUDGED - 1, 20, 26, set()),  # not for long
        (FIRST_SLOT + JUDGED - 1, 3600, 1, set()),  # a backlog that is worked on
        (FIRST_SLOT + JUDGED + 40, 3600, 3600, set()),  # its time has not come
    ],
)
async def test_marks_that_nobody_claims(service: Service, slot: int, age_s: int, idle_s: int, faults: set[str]) -> None:
    async with service.engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO dirty_scopes (scope_no, first_slot, last_slot, marked_at)"
                 " VALUES (1, :slot, :slot, now() - make_interval(secs => :age))"),
            {"slot": slot, "age": age_s},
        )  # fmt: skip
        await connection.execute(
            text("UPDATE heartbeats SET worked_at = now() - make_interval(secs => :idle)"), {"idle": idle_s}
        )
    assert await told(service) == faults


async def test_counts_that_nobody_makes(service: Service) -> None:
    """What is asked for waits as marks do."""
    async with service.engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO recounts VALUES ('grid', :slot, :slot, now() - interval '26 s')"), {"slot": FIRST_SLOT}
        )
        await connection.execute(text("UPDATE heartbeats SET worked_at = now() - interval '26 s'"))
    assert await told(service) == {"evaluate_stalled"}


async def test_a_database_that_blocks_is_away_within_the_time_of_a_probe(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers everything but what is asked."""
    monkeypatch.setattr("service.api.routes.health.READY_TIMEOUT_S", 0.3)
    async with service.engine.connect() as holder:
        await holder.execute(text("LOCK TABLE cursors IN ACCESS EXCLUSIVE MODE"))
        service.app.state.parts.health._seen = None
        answer = await asyncio.wait_for(service.client.get("/readyz"), 5)
        assert (answer.status_code, answer.json()["faults"]) == (503, ["database_away"])
        await holder.rollback()
    assert await told(service) == set()


async def test_long_polls_that_would_not_be_woken(service: Service) -> None:
    watch = service.app.state.parts.feed
    watch._tasks[0].cancel()
    await asyncio.sleep(0.05)
    body: Any = (await service.client.get("/readyz")).json()
    assert body["faults"] == ["feed_unwatched"]
    assert "cuofeng_feed_watched 0.0" in (await service.get("/metrics", "metrics")).text
