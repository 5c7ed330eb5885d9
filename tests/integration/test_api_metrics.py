"""`/metrics`: the closed list, honest values, and a payload that does not hold up the loop."""

import asyncio
import re
import time
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.api.exporter import Exporter, render_look
from service.clock import VirtualClock
from service.db.engine import make_engine
from service.db.health import Health
from service.db.metrics_read import Look, PlantLook
from service.db.scope_days_read import SlotView
from service.observability.ingest_metrics import IngestMetrics
from service.observability.metrics import METRICS, PLANT_INFO, Samples, by_name, render
from tests.integration.service_client import Service
from tests.integration.world import JUDGED, NOON, SLOT_S, add_alert, add_feed_health, set_progress

SAMPLE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (\S+)")


def parsed(payload: str) -> dict[str, dict[str, float]]:
    """name -> labels as written -> value; the suffixes of histograms belong to their metric."""
    found: dict[str, dict[str, float]] = {}
    for line in payload.splitlines():
        if line and not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match, line
            found.setdefault(match[1], {})[match[2] or ""] = float(match[3])
    return found


async def scrape(service: Service) -> dict[str, dict[str, float]]:
    """One scrape."""
    response = await service.get("/metrics", "metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parsed(response.text)


async def test_what_is_exported_is_the_closed_list(service: Service) -> None:
    """Every listed metric shows in a full world, and no other."""
    async with service.engine.begin() as connection:
        await add_feed_health(connection)
        await connection.execute(text("UPDATE heartbeats SET clock_ahead_s = 0.5"))
    await add_alert(service.engine, "P1")
    await service.get("/livez", None)
    text_form = (await service.get("/metrics", "metrics")).text
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text_form, re.MULTILINE))
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text_form, re.MULTILINE))
    created = {name for name in types if name.endswith("_created")}
    assert {name: kind for name, kind in types.items() if name not in created} == {m.name: m.kind for m in METRICS}
    for name, metric in by_name().items():
        assert helps[name] == metric.help
        assert name.startswith("cuofeng_")


def test_every_metric_is_documented() -> None:
    """docs/metrics.md shows the list, row by row."""
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(cuofeng_\w+)` \| (\w+) \| (.*?) \| (.+) \|$", page, re.MULTILINE)
    shown = [(n, k, tuple(re.findall(r"`(\w+)`", labels)), h) for n, k, labels, h in rows]
    listed = [(m.name, m.kind, m.labels, m.help) for m in METRICS]
    assert shown[: len(listed)] == listed
    of_ingest = {
        (f"{m.name}_total" if m.type == "counter" else m.name, m.type, m.documentation)
        for m in IngestMetrics().registry.collect()
    }
    assert {(n, k, h) for n, k, _, h in shown[len(listed) :]} == of_ingest


async def test_plants_show_the_last_judged_slot_and_a_silent_one_disappears(service: Service) -> None:
    """P1 violates, P3 obeys, P2 fell silent: no series, not 0 and not its last value."""
    await add_alert(service.engine, "P1", "a1")
    await add_alert(service.engine, "P1", "a2", condition="closed")
    seen = await scrape(service)
    assert seen["cuofeng_plant_load_watts"] == {'plant_id="P1"': 400_000.0, 'plant_id="P3"': 40_000.0}
    assert seen["cuofeng_plant_cap_watts"] == {'plant_id="P1"': 100_000.0, 'plant_id="P3"': 100_000.0}
    assert seen["cuofeng_plant_violating"] == {'plant_id="P1"': 1.0, 'plant_id="P3"': 0.0}
    assert seen["cuofeng_plant_coverage_ratio"] == {'plant_id="P1"': 1.0, 'plant_id="P3"': 1.0}
    assert seen["cuofeng_plant_open_alerts"] == {'plant_id="P1"': 1.0, 'plant_id="P2"': 0.0, 'plant_id="P3"': 0.0}
    assert len(seen["cuofeng_plant_info"]) == 3
    assert seen["cuofeng_alerts_open"] == {'rule="stop_run",grade="2"': 1.0}


async def test_no_plant_is_shown_when_judging_stands_still(service: Service) -> None:
    """A slot that is too old is not the present."""
    service.clock.advance_to(service.clock.now() + 3600)
    seen = await scrape(service)
    assert "cuofeng_plant_load_watts" not in seen
    assert "cuofeng_plant_violating" not in seen
    assert seen["cuofeng_degraded"][""] == 1
    assert seen["cuofeng_data_as_of_timestamp_seconds"][""] == NOON.timestamp()


async def test_feed_health_is_shown(service: Service) -> None:
    """Lag, watermark, cursor, account, evidence of the source's latest slot."""
    async with service.engine.begin() as connection:
        await add_feed_health(connection)
    seen = await scrape(service)
    partition = 'topic="load.readings.v1",partition="0"'
    assert seen["cuofeng_ingest_lag_seconds"] == {partition: 10.0}
    assert seen["cuofeng_ingest_lag_records"] == {partition: 10.0}
    assert seen["cuofeng_ingest_cursor_offset"] == {partition: 90.0}
    assert seen["cuofeng_ingest_watermark_timestamp_seconds"] == {partition: NOON.timestamp()}
    assert seen["cuofeng_ingest_partition_stopped"] == {partition: 0.0}
    assert seen["cuofeng_readings_total"]['source="grid",outcome="accepted"'] == 900
    assert seen["cuofeng_readings_total"]['source="grid",outcome="rejected"'] == 7
    assert seen["cuofeng_readings_refused_total"] == {
        'source="grid",outcome="rejected",code="bad_value"': 7.0,
        'source="grid",outcome="quarantined",code="unknown_meter"': 3.0,
    }
    assert seen["cuofeng_source_evidence_ratio"] == {'source="grid"': pytest.approx(2 / 3)}
    assert seen["cuofeng_source_down"] == {'source="grid"': 0.0}
    assert seen["cuofeng_degraded"][""] == 0
    assert seen["cuofeng_database_up"][""] == 1


async def test_a_stopped_partition_shows(service: Service) -> None:
    """And makes the whole degraded."""
    async with service.engine.begin() as connection:
        await set_progress(connection, judged=JUDGED, watermark=NOON, stopped="wrong topic")
    seen = await scrape(service)
    assert list(seen["cuofeng_ingest_partition_stopped"].values()) == [1.0]
    assert seen["cuofeng_degraded"][""] == 1


async def test_before_anything_was_read_there_is_no_time_to_show(service: Service) -> None:
    """No tick, no watermark: no series, and degraded."""
    async with service.engine.begin() as connection:
        await connection.execute(text("DELETE FROM ticks"))
        await set_progress(connection, judged=JUDGED, watermark=None)
        await connection.execute(text("DELETE FROM ticks"))
    seen = await scrape(service)
    assert "cuofeng_data_as_of_timestamp_seconds" not in seen
    assert "cuofeng_ingest_watermark_timestamp_seconds" not in seen
    assert "cuofeng_plant_load_watts" not in seen
    assert seen["cuofeng_degraded"][""] == 1


async def test_requests_are_counted_by_route_never_by_path(service: Service) -> None:
    """A thousand ids are one series; what matches nothing is one too."""
    for i in range(3):
        await service.get(f"/v1/alerts/x{i}", "city")
        await service.get(f"/wp-login{i}.php", None)
    counted = (await scrape(service))["cuofeng_http_requests_total"]
    assert counted['method="GET",route="/v1/alerts/{alert_id}",status="404"'] == 3
    assert counted['method="GET",route="unmatched",status="404"'] == 3
    await service.client.request("BREW", "/livez")
    counted = (await scrape(service))["cuofeng_http_requests_total"]
    assert any(labels.startswith('method="other"') for labels in counted)


async def test_a_database_that_is_away_takes_its_series_with_it(engine: AsyncEngine) -> None:
    """No last value for ever: one look fails, and all that is left is that it failed."""
    away = engine.url.set(port=9)
    dead = make_engine(away.render_as_string(hide_password=False), name="test")
    try:
        assert parsed((await Exporter(dead, VirtualClock(0), SLOT_S).payload()).decode()) == {
            "cuofeng_database_up": {"": 0.0}
        }
    finally:
        await dead.dispose()


async def test_a_known_scraper_sees_that_the_database_is_away(
    service: Service, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are in the database too: without this rule nobody could be told. Everything else is 503."""
    monkeypatch.setattr("service.api.exporter.FRESH_S", 0.0)
    monkeypatch.setattr("service.api.parts.KEY_CACHE_S", 0.0)
    assert (await scrape(service))["cuofeng_database_up"][""] == 1
    name = service.engine.url.database
    outside = await asyncpg.connect(postgres_url)
    try:
        await outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await outside.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        seen = await scrape(service)
        assert seen["cuofeng_database_up"][""] == 0
        assert "cuofeng_plant_load_watts" not in seen
        await service.problem("/metrics", "operator", 503)  # not known before
        await service.problem("/v1/alerts", "metrics", 503)
        await service.problem("/v1/alerts", "city", 503)
    finally:
        await outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await outside.close()
    assert (await scrape(service))["cuofeng_database_up"][""] == 1
    assert (await service.get("/v1/alerts", "city")).status_code == 200


async def test_scrapes_share_a_payload(service: Service) -> None:
    """Ten at once are one look; later ones within its time are none."""
    exporter = Exporter(service.engine, service.clock, SLOT_S)
    payloads = await asyncio.gather(*(exporter.payload() for _ in range(10)))
    assert all(p is payloads[0] for p in payloads)
    assert await exporter.payload() is payloads[0]


async def test_the_payload_is_renewed_while_somebody_scrapes(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next scrape finds a new one ready, without waiting."""
    monkeypatch.setattr("service.api.exporter.REFRESH_S", 0.1)
    exporter = Exporter(service.engine, service.clock, SLOT_S)
    async with exporter.running():
        first = await exporter.payload()
        await add_alert(service.engine, "P3", "a3")
        later, begun = first, time.monotonic()
        for _ in range(200):
            later = await exporter.payload()
            if b'open_alerts{plant_id="P3"} 1' in later:
                break
            await asyncio.sleep(0.05)
    assert time.monotonic() - begun < 11  # FRESH_S is 12: without renewing, the old payload would still be shown
    assert 'cuofeng_plant_open_alerts{plant_id="P3"} 0' in first.decode()
    assert parsed(later.decode())["cuofeng_plant_open_alerts"]['plant_id="P3"'] == 1


async def test_the_loop_goes_on_while_ten_thousand_plants_are_rendered() -> None:
    """Rendering runs in a thread; the loop still gets its turns, many of them."""
    seen = _big_look(10_000)
    turns = 0
    task = asyncio.create_task(asyncio.to_thread(render_look, seen, NOON.timestamp(), SLOT_S, time.monotonic()))
    while not task.done():
        await asyncio.sleep(0.001)
        turns += 1
    payload = parsed((await task).decode())
    assert len(payload["cuofeng_plant_load_watts"]) == 10_000
    assert turns > 3


def _big_look(count: int) -> Look:
    slot = NOON.timestamp() // SLOT_S
    ids = [f"P{i}" for i in range(count)]
    return Look(
        health=Health((), int(slot), 300, NOON.timestamp()),
        plants=[PlantLook(i, i, "新密市", "3011", [i], 0) for i in ids],
        slots={i: SlotView(int(slot) - 1, 1.5, 1.0, 2.0, "compliant", [], "O1", "v") for i in ids},
        sources=[],
        account=[],
        open_alerts=[],
        head_seq=0,
        dirty_marks=0,
    )


def test_labels_are_escaped() -> None:
    """Quotes, backslashes and line ends in a plant's name."""
    samples = Samples()
    samples.add(PLANT_INFO, 1, "P\n1", 'a"b', "c\\d", "")
    assert render(samples).decode().splitlines()[-1] == (
        'cuofeng_plant_info{plant_id="P\\n1",name="a\\"b",county="c\\\\d",industry=""} 1'
    )
