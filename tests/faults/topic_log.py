"""The topic read back from its beginning, and what the database must hold after exactly that: a fold in plain Python.

Knows the forms that the stories send, and believes of spoilt messages what their sender wrote on them.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from detectors.registry import Registry
from detectors.vocab import Kind, Quality, Scale
from tests.oracles.rows import Reading
from tests.oracles.winner import winners

#: Header of a message that is no good reading: the code that it must get.
EXPECTED = "harness-code"
FETCH_MS = 500
Place = tuple[int, int]
Key = tuple[str, Kind, int]
Value = tuple[float | None, Quality, int, Scale, int]


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record of the topic. code: what it must be refused or held for; None: every row is a reading."""

    part: int
    offset: int
    body: bytes
    code: str | None
    readings: tuple[Reading, ...]

    @property
    def place(self) -> Place:
        """Partition and offset."""
        return self.part, self.offset


@dataclass(slots=True)
class Folded:
    """What must stand. standing: value, collection time and the had-evidence flag of each key; conflicts: the other
    values; entries: quarantine by place and code; rows: of the account in all; by_code: of those the faulty ones."""

    standing: dict[Key, tuple[Value, int, bool]] = field(default_factory=dict)
    conflicts: dict[tuple[Key, Value], int] = field(default_factory=dict)
    entries: Counter[tuple[Place, str]] = field(default_factory=Counter)
    rows: int = 0
    by_code: Counter[str] = field(default_factory=Counter)

    def take(self, registry: Registry, readings: Iterable[Reading]) -> None:
        """Settle which reading of each key stands, and which are left over; the order of ``readings`` is nothing."""
        values_of = distinct(readings)
        every = [r for values in values_of.values() for r in values.values()]
        for won in winners(registry, every):
            key = key_of(won.reading)
            best = value_of(won.reading)
            self.standing[key] = (best, won.reading.coll_ms, won.turned_to_none)
            for value, reading in values_of[key].items():
                if value != best:
                    self.conflicts[(key, value)] = reading.coll_ms


async def read_log(bootstrap: str, topic: str) -> list[LogRecord]:
    """Every record of the topic, by partition and offset."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="none")
    await consumer.start()
    try:
        parts = [
            TopicPartition(topic, p)
            for p in sorted(consumer.partitions_for_topic(topic) or await _parts(consumer, topic))
        ]
        consumer.assign(parts)
        for part in parts:
            consumer.seek(part, 0)
        found: list[LogRecord] = []
        while got := await consumer.getmany(timeout_ms=FETCH_MS):
            found += [_record(r) for records in got.values() for r in records]
    finally:
        await consumer.stop()
    return sorted(found, key=lambda r: r.place)


async def _parts(consumer: Any, topic: str) -> set[int]:
    await consumer._client.add_topic(topic)
    return set(consumer.partitions_for_topic(topic))


def _record(record: Any) -> LogRecord:
    code = dict(record.headers).get(EXPECTED)
    readings = () if code is not None else tuple(decode(record.value))
    return LogRecord(record.partition, record.offset, record.value, None if code is None else code.decode(), readings)


def decode(body: bytes) -> list[Reading]:
    """Readings of a good message: a single one, or a slot of many meters."""
    told = json.loads(body)
    meters, values, letters = told["meter_id"], told.get("values"), told["q"]
    if values is None:
        meters, values, letters = [meters], [told["value"]], [letters]

    def epoch_s(name: str) -> float:
        return datetime.fromisoformat(told[name]).timestamp()

    return [
        Reading(
            meter,
            Kind[told["kind"].upper()],
            int(epoch_s("ts")),
            value,
            Quality[letter],
            told["rev"],
            round(epoch_s("coll") * 1000),
            Scale[told["scale"].upper()],
            told["period_s"],
        )
        for meter, value, letter in zip(meters, values, letters, strict=True)
    ]


def key_of(reading: Reading) -> Key:
    """What a reading is a value of."""
    return reading.meter_id, reading.kind, reading.ts


def value_of(reading: Reading) -> Value:
    """What makes two readings of a key the same."""
    return reading.value, reading.q, reading.rev, reading.scale, reading.period_s


def distinct(readings: Iterable[Reading]) -> dict[Key, dict[Value, Reading]]:
    """The different values of each key, each with its latest collection time."""
    found: dict[Key, dict[Value, Reading]] = {}
    for reading in readings:
        values = found.setdefault(key_of(reading), {})
        known = values.get(value_of(reading))
        latest = reading.coll_ms if known is None else max(known.coll_ms, reading.coll_ms)
        values[value_of(reading)] = replace(reading, coll_ms=latest)
    return found


def fold(log: Sequence[LogRecord], registry: Registry) -> Folded:
    """What the database must hold after the whole log."""
    folded = Folded()
    for record in log:
        if record.code is not None:
            folded.entries[(record.place, record.code)] += 1
            folded.by_code[record.code] += 1
        folded.rows += max(1, len(record.readings))
    folded.take(registry, (r for record in log for r in record.readings))
    return folded
