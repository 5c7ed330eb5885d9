"""A reading travels from Kafka into the store, with its cursor, its marks and its line in the account."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.ingest_world import (
    NOW,
    T0,
    account,
    insert_registry,
    make_settings,
    message,
    reading,
    rows,
    run_until_consumed,
    send,
)

pytestmark = pytest.mark.kafka


async def test_one_reading_of_each_form_arrives(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    await insert_registry(engine)
    frame = {"v": 1, "meter_id": "MP1", "kind": "power_inst", "unit": "W", "scale": "primary", "step_s": 900}
    frame |= {"t0": "2017-11-16T08:15:00+08:00", "values": [1000, None, 2500.5], "q": "MNM", "rev": 0}
    slot = {"v": 1, "ts": "2017-11-16T10:15:00+08:00", "period_s": 900, "kind": "power_inst", "unit": "kW"}
    slot |= {"scale": "secondary", "meter_id": ["MP2", "MP4"], "values": [0.5, 0.25], "q": "MM"}
    messages = [
        message(reading(1, 7.5)),
        message({"meter_id": "MP3", "ts": "2017-11-16T10:15:00+08:00", "kw": 3.25}, partition=1),
        message(frame, headers=(("content-type", b"application/vnd.load.frame.v1+json"),), partition=2),
        message(slot, partition=3),
    ]
    await send(broker, topic, messages)
    await run_until_consumed(database_url, engine, broker, make_settings(topic), 4)

    stored = await rows(
        engine,
        "SELECT m.meter_id, extract(epoch FROM r.ts)::bigint, r.value, r.q, r.scale, r.period_s, r.src_partition"
        " FROM readings r JOIN meters m USING (meter_no) ORDER BY 1, 2",
    )
    nan = float("nan")
    eight = T0 - 7200
    assert repr([tuple(row) for row in stored]) == repr(
        [
            ("MP1", eight, 1.0, 0, 0, 900, 2),
            ("MP1", eight + 900, nan, 6, 0, 900, 2),
            ("MP1", eight + 1800, 2.5005, 0, 0, 900, 2),
            ("MP1", T0, 7.5, 0, 0, 900, 0),
            ("MP2", T0, 0.5, 0, 1, 900, 3),
            ("MP3", T0, 3.25, 0, 0, 900, 1),
            ("MP4", T0, 0.25, 0, 1, 900, 3),
        ]
    )
    assert await account(engine) == {("accepted", ""): 7}
    by_source = await rows(engine, "SELECT source, extract(epoch FROM hour)::bigint, row_count FROM ingest_account")
    assert [tuple(row) for row in by_source] == [("henan-yc", NOW // 3600 * 3600, 7)]
    marks = await rows(
        engine,
        "SELECT s.scope_id, d.first_slot, d.last_slot FROM dirty_scopes d JOIN scopes s USING (scope_no) ORDER BY 1, 2",
    )
    last = T0 // 900 - 1
    assert [tuple(row) for row in marks] == [
        ("P1", last - 8, last - 6),
        ("P1", last, last),
        ("P2", last, last),
        ("P3", last, last),
        ("P4", last, last),
    ]
    cursors = await rows(engine, "SELECT part, next_offset, stopped_reason FROM cursors ORDER BY part")
    assert [tuple(row) for row in cursors] == [(0, 1, None), (1, 1, None), (2, 1, None), (3, 1, None)]
