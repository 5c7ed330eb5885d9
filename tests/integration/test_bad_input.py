"""Bad input through a real broker into a real database: nothing crashes the stream, and nothing is lost."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import InvalidTimestampError, MessageSizeTooLargeError
from sqlalchemy.ext.asyncio import AsyncEngine

from service.clock import VirtualClock
from tests.integration.ingest_world import (
    NOW,
    T0,
    Message,
    account,
    consumed,
    ingesting,
    insert_registry,
    make_settings,
    message,
    reading,
    rows,
    send,
    until,
)

pytestmark = pytest.mark.kafka
LONG_ID = "0001234567890123456789"
Body = dict[str, Any] | bytes | str | None
WHOLE: list[tuple[Body, str]] = [
    (json.dumps(reading(1))[:57], "bad_json"),
    (b"", "bad_json"),
    (None, "bad_json"),
    ('{"meter_id":"MP1","ts":"2017-11-16T10:15:00+08:00","kw":1,"kw":2}', "bad_json"),
    (b'{"meter_id":"MP\xff1","ts":"2017-11-16T10:15:00+08:00","kw":1}', "bad_encoding"),
    ({"order_no": 4711, "customer": "not a reading at all"}, "bad_schema"),
    (b"[]", "bad_schema"),
    (reading(1, v=2), "unsupported_version"),
]
ROW: list[tuple[Body, str]] = [
    (json.dumps(reading(1)).replace('"value": 1.0', '"value": NaN'), "bad_number"),
    (json.dumps(reading(1)).replace('"value": 1.0', '"value": 1e999'), "bad_number"),
    (reading(1, value=None, q="M"), "bad_number"),
    (reading(1) | {"value": "12.3"}, "bad_type"),
    (reading(1, value=True), "bad_type"),
    (reading("MP\x001"), "bad_type"),
    (reading(1, ts=T0) | {"ts": "2017-11-16T10:15:00"}, "naive_ts"),
    (reading(1) | {"ts": "the day before"}, "bad_ts"),
    (reading(1, ts=T0 + 100), "misaligned"),
    (reading(1, unit="kWh"), "bad_unit"),
    (reading(1, kind="power"), "bad_kind"),
    (reading(1, scale=...), "scale_unknown"),
    (reading(1, unit=...), "missing_field"),
]
HELD: list[tuple[Body, str]] = [
    (reading("NOBODY"), "unknown_meter"),
    (reading("9" * 22), "unknown_meter"),
    (reading(1, scale="secondary"), "multiplier_unknown"),
    (reading(2, scale="secondary", t_factor=11999), "multiplier_mismatch"),
    (reading(2, 81.0, scale="secondary"), "scale_suspect"),
    (reading(1) | {"ts": "2099-01-01T00:00:00+08:00"}, "future_ts"),
    (reading(1, ts=T0 - 46 * 86400), "late_beyond_horizon"),
]


async def read_topic(bootstrap: str, topic: str, count: int) -> list[Any]:
    """The first records of all partitions of a topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    found: list[Any] = []
    try:
        async with asyncio.timeout(30):
            parts = None
            while not parts:
                await consumer._client.force_metadata_update()
                parts = consumer.partitions_for_topic(topic)
            consumer.assign([TopicPartition(topic, part) for part in parts])
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
    finally:
        await consumer.stop()
    return found


async def test_every_bad_record_gets_its_code_and_the_good_ones_go_on(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    await insert_registry(engine)
    good = 0
    messages: list[Message] = []
    for body, _code in WHOLE + ROW + HELD:
        messages += [message(body, key=b"MP1"), message(reading(3, ts=T0 - 900 * good))]
        good += 1
    await send(broker, topic, messages)
    settings = make_settings(topic)
    async with ingesting(database_url, broker, settings):
        await until(lambda: _consumed(engine, topic, len(messages)))
        await until(lambda: _delivered(engine, len(WHOLE + ROW)), what="dead letters")
        letters = await read_topic(broker, settings.kafka_dlq_topic, len(WHOLE + ROW))
    found = await rows(engine, "SELECT src_offset, code, state FROM quarantine ORDER BY src_offset")
    assert [(r[0], r[1]) for r in found] == [(2 * i, code) for i, (_, code) in enumerate(WHOLE + ROW + HELD)]
    assert [r[2] for r in found] == ["dead"] * len(WHOLE + ROW) + ["held"] * len(HELD)
    assert (await rows(engine, "SELECT count(*) FROM readings"))[0][0] == good
    counts = await account(engine)
    assert sum(counts.values()) == len(messages)
    assert counts["accepted", ""] == good
    by_offset = {int(dict(letter.headers)["err-offset"]): letter for letter in letters}
    for i, (_body, code) in enumerate(WHOLE + ROW):
        letter, sent = by_offset[2 * i], messages[2 * i]
        headers = dict(letter.headers)
        assert (letter.key, letter.value) == (b"MP1", sent.value)
        assert headers["err-code"].decode() == code
        assert headers["err-detail"]
        assert headers["err-topic"].decode() == topic
        assert headers["err-partition"] == b"0"
        assert headers["err-time"].decode() == "2017-11-16T02:17:00+00:00"


async def _consumed(engine: AsyncEngine, topic: str, count: int) -> bool:
    return await consumed(engine, topic) >= count


async def _delivered(engine: AsyncEngine, count: int) -> bool:
    found = await rows(engine, "SELECT count(*) FROM quarantine WHERE state = 'dead'")
    return int(found[0][0]) == count


async def test_one_bad_slot_of_a_frame_is_one_dead_letter_that_names_it(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    await insert_registry(engine)
    frame = {"v": 1, "meter_id": "MP1", "kind": "power_inst", "unit": "kW", "scale": "primary", "step_s": 900}
    frame |= {"t0": "2017-11-15T00:15:00+08:00", "values": [0.5] * 17 + ["0.5"] + [0.5] * 78, "q": "M"}
    headers = (("content-type", b"application/vnd.load.frame.v1+json"), ("feed-source", b"another"), ("mine", b"\x00"))
    await send(broker, topic, [message(frame, headers=headers)])
    settings = make_settings(topic)
    async with ingesting(database_url, broker, settings):
        await until(lambda: _delivered(engine, 1))
        (letter,) = await read_topic(broker, settings.kafka_dlq_topic, 1)
    assert [h for h in letter.headers if not h[0].startswith("err-")] == list(headers)
    assert dict(letter.headers)["err-row"] == b"values[17]"
    assert dict(letter.headers)["err-code"] == b"bad_type"
    assert await account(engine) == {("accepted", ""): 95, ("rejected", "bad_type"): 1}
    assert (await rows(engine, "SELECT DISTINCT source FROM ingest_account"))[0][0] == "another"


async def test_a_22_digit_id_survives(database_url: str, engine: AsyncEngine, broker: str, topic: str) -> None:
    await insert_registry(engine)
    await send(broker, topic, [message(reading(LONG_ID)), message(reading(LONG_ID[1:]))])
    async with ingesting(database_url, broker, make_settings(topic)):
        await until(lambda: _consumed(engine, topic, 2))
    found = await rows(engine, "SELECT meter_id FROM quarantine ORDER BY src_offset")
    assert [r[0] for r in found] == [LONG_ID, LONG_ID[1:]]


async def test_a_message_over_the_limit_is_refused_and_delays_nobody(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    """10 MB where the broker takes that; else the largest that it takes."""
    await insert_registry(engine)
    try:
        await send(broker, topic, [message(json.dumps(reading(1, note="x" * 10_000_000)))])
    except MessageSizeTooLargeError:  # Apache Kafka's default limit is 1 MiB and a little: it never becomes a record
        await send(broker, topic, [message(json.dumps(reading(1, note="x" * ((1 << 20) - 250))))])
    await send(broker, topic, [message(reading(3)), message(reading(3), partition=1)])
    settings = make_settings(topic)
    async with ingesting(database_url, broker, settings):
        await until(lambda: _consumed(engine, topic, 3))
        await until(lambda: _delivered(engine, 1))
    found = await account(engine)
    assert sum(found.values()) == 3
    assert found["rejected", "too_large"] == 1


async def test_a_producer_whose_clock_is_wrong_moves_no_clock(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    """Year 2099 in the record's own timestamp: neither the watermark nor the partitions follow."""
    await insert_registry(engine)
    future = 4070908800
    bad = message(reading(1) | {"ts": "2099-01-01T00:00:00+00:00"}, timestamp_ms=future * 1000)
    try:
        await send(broker, topic, [bad])
    except InvalidTimestampError:  # Apache Kafka 4 itself takes no more than an hour
        await send(broker, topic, [replace(bad, timestamp_ms=NOW * 1000)])
    await send(broker, topic, [message(reading(3))])
    async with ingesting(database_url, broker, make_settings(topic)):
        await until(lambda: _consumed(engine, topic, 2))
    assert await account(engine) == {("accepted", ""): 1, ("quarantined", "future_ts"): 1}
    marks = await rows(engine, "SELECT extract(epoch FROM max(watermark))::bigint FROM cursors")
    assert marks[0][0] <= NOW
    months = await rows(engine, "SELECT count(*) FROM pg_class WHERE relname LIKE 'readings_2099%'")
    assert months[0][0] == 0


async def test_the_wrong_topic_stops_the_partition_until_an_operator_resumes(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    from service.cli.consume import resume_partition

    await insert_registry(engine)
    junk = [message({"order": i}) for i in range(150)]
    await send(broker, topic, [message(reading(1)), *junk, message(reading(3))])
    await send(broker, topic, [message(reading(3), partition=1)])
    settings = make_settings(topic, database_url=database_url)
    async with ingesting(database_url, broker, settings):
        await until(lambda: _stopped(engine, is_stopped=True))
        stopped = await rows(engine, "SELECT part, next_offset, stopped_reason FROM cursors WHERE part = 0")
        assert stopped[0][1] == 101
        assert "poison" in stopped[0][2]
        await until(lambda: _consumed(engine, topic, 102))
        assert (await account(engine))["rejected", "bad_schema"] == 100
        await resume_partition(settings, 0, 151)
        await until(lambda: _stopped(engine, is_stopped=False))
        await until(lambda: _offset(engine, 0, 152))
    assert (await account(engine))["accepted", ""] + (await account(engine)).get(("duplicate", ""), 0) == 3


async def _stopped(engine: AsyncEngine, *, is_stopped: bool) -> bool:
    found = await rows(engine, "SELECT stopped_reason FROM cursors WHERE part = 0")
    return bool(found) and (found[0][0] is not None) == is_stopped


async def _offset(engine: AsyncEngine, part: int, offset: int) -> bool:
    found = await rows(engine, "SELECT next_offset FROM cursors WHERE part = :part", part=part)
    return bool(found) and found[0][0] >= offset


async def test_an_unknown_meter_storm_is_held_and_capped_and_stops_nobody(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    await insert_registry(engine)
    storm = [message(reading(f"X{i}"), partition=i % 2) for i in range(3000)]
    await send(broker, topic, [*storm, message(reading(1), partition=0), message(reading(3), partition=3)])
    settings = make_settings(topic, quarantine_cap=1000, batch_records=500)
    async with ingesting(database_url, broker, settings):
        await until(lambda: _consumed(engine, topic, 3002))
    found = await account(engine)
    assert sum(found.values()) == 3002
    assert found["accepted", ""] == 2
    assert found["quarantined", "unknown_meter"] == 1000
    assert found["rejected", "unknown_meter"] == 2000


async def test_held_rows_go_in_by_themselves_when_the_registry_learns_their_meter(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    """Frames, slots of several meters and single readings; the account moves with them."""
    await insert_registry(engine, count=2)
    slot = {"v": 1, "ts": "2017-11-16T10:15:00+08:00", "period_s": 900, "kind": "power_inst", "unit": "kW"}
    slot |= {"scale": "primary", "meter_id": ["MP1", "MP3", "MP7", "MP5"], "values": [1, 3, 7, 5], "q": "MMMM"}
    messages = [
        message(slot),
        message(reading(3, 30.0, rev=1), partition=1),
        message({"meter_id": "MP4", "ts": "2017-11-16T10:15:00+08:00", "kw": 4.0}, partition=2),
        message(reading(3, 2.0, ts=T0 - 900, scale="secondary"), partition=1),
    ]
    await send(broker, topic, messages)
    settings = make_settings(topic)
    async with ingesting(database_url, broker, settings):
        await until(lambda: _consumed(engine, topic, 4))
        assert await account(engine) == {("accepted", ""): 1, ("quarantined", "unknown_meter"): 6}
        await insert_registry(engine, first=3, count=2)
        await until(lambda: _standing(engine, 3))
        assert await account(engine) == {
            ("accepted", ""): 3,
            ("superseded", ""): 1,
            ("quarantined", "unknown_meter"): 2,
            ("quarantined", "multiplier_unknown"): 1,
        }
        await insert_registry(engine, first=5, count=3)
        await until(lambda: _standing(engine, 5))
    found = await rows(engine, "SELECT m.meter_id, r.value FROM readings r JOIN meters m USING (meter_no) ORDER BY 1")
    assert [tuple(r) for r in found] == [("MP1", 1.0), ("MP3", 30.0), ("MP4", 4.0), ("MP5", 5.0), ("MP7", 7.0)]
    assert await account(engine) == {
        ("accepted", ""): 5,
        ("superseded", ""): 1,
        ("quarantined", "multiplier_unknown"): 1,
    }
    marked = await rows(engine, "SELECT DISTINCT scope_id FROM dirty_scopes JOIN scopes USING (scope_no) ORDER BY 1")
    assert [r[0] for r in marked] == ["P1", "P3", "P4", "P5", "P7"]
    left = await rows(engine, "SELECT code FROM quarantine WHERE state = 'held'")
    assert [r[0] for r in left] == ["multiplier_unknown"]


async def _standing(engine: AsyncEngine, count: int) -> bool:
    return bool((await rows(engine, "SELECT count(*) FROM readings"))[0][0] == count)


async def test_a_future_row_goes_in_when_its_time_has_come_and_an_old_one_expires(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    await insert_registry(engine)
    clock = VirtualClock(NOW)
    await send(broker, topic, [message(reading(1, ts=T0 + 900)), message(reading("NOBODY"))])
    settings = make_settings(topic, quarantine_days=7)
    async with ingesting(database_url, broker, settings, clock=clock):
        await until(lambda: _consumed(engine, topic, 2))
        assert await account(engine) == {("quarantined", "future_ts"): 1, ("quarantined", "unknown_meter"): 1}
        clock.advance_to(T0 + 900 - 300)
        await until(lambda: _standing(engine, 1))
        assert await account(engine) == {("accepted", ""): 1, ("quarantined", "unknown_meter"): 1}
    clock.advance_to(NOW + 7 * 86400 + 1)
    async with ingesting(database_url, broker, settings, clock=clock):
        await until(lambda: _delivered(engine, 1))
        (letter,) = await read_topic(broker, settings.kafka_dlq_topic, 1)
    assert dict(letter.headers)["err-code"] == b"unknown_meter"
    assert await account(engine) == {("accepted", ""): 1, ("rejected", "unknown_meter"): 1}


async def test_the_statement_says_where_every_row_went(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    from detectors.errors import InputError
    from service.cli.statement import day_statement, render

    await insert_registry(engine)
    late = message(reading(1, ts=T0), timestamp_ms=(NOW + 3600) * 1000)
    await send(broker, topic, [message(reading(1)), late, message(reading(1) | {"value": "x"}), message(b"{")])
    settings = make_settings(topic, database_url=database_url)
    async with ingesting(database_url, broker, settings, clock=VirtualClock(NOW + 3600)):
        await until(lambda: _consumed(engine, topic, 4))
    found = await day_statement(settings, "henan-yc", "2017-11-16")
    assert found["rows_in"] == 3
    assert found["outcomes"] == {"accepted": 1, "duplicate": 1, "superseded": 0, "rejected": 1, "quarantined": 0}
    assert found["codes"] == {"rejected: bad_type": 1}
    assert [(h["hour"], h["rows_in"]) for h in found["hours"]] == [
        ("2017-11-16T10:00:00+08:00", 2),
        ("2017-11-16T11:00:00+08:00", 1),
    ]
    assert "3 rows in" in render(found)
    assert (await day_statement(settings, "henan-yc", "2017-11-17"))["rows_in"] == 0
    assert (await day_statement(settings, "unknown", "2017-11-16"))["codes"] == {"rejected: bad_json": 1}
    for source, day in (("nobody", "2017-11-16"), ("henan-yc", "2017-13-01"), ("henan-yc", "today")):
        with pytest.raises(InputError):
            await day_statement(settings, source, day)
