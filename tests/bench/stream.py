"""Catch-up of a backlog: what the bare client drains, what ingest commits, what is committed and judged.

Ingest and evaluation are processes of their own, as in an office; this process only watches the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.bench.messages import PARTITIONS, Form, count
from tests.bench.office import Office, Prepare, office
from tests.bench.world import SLOT_S, World


@dataclass(frozen=True, slots=True)
class Caught:
    """A finished catch-up. cpu_s: by ``ingest``, ``evaluate``, ``postgres``; peak_mib: of the largest process."""

    readings: int
    wall_s: float
    cpu_s: Mapping[str, float]
    peak_mib: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Readings per second."""
        return self.readings / self.wall_s

    @property
    def spent_us(self) -> dict[str, float]:
        """CPU time a reading, microseconds, by role and ``postgres``."""
        return {role: cpu_s / self.readings * 1e6 for role, cpu_s in self.cpu_s.items()}


async def drain_rate(bootstrap: str, topic: str, messages: int) -> float:
    """Messages/s of the bare client, nothing done with them."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="none", enable_auto_commit=False)
    await consumer.start()
    try:
        parts = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        consumer.assign(parts)
        for part in parts:
            consumer.seek(part, 0)
        seen, begun = 0, perf_counter()
        while seen < messages:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=40_000)).values():
                seen += len(records)
        return seen / (perf_counter() - begun)
    finally:
        await consumer.stop()


async def catch_up(
    bootstrap: str,
    topic: str,
    world: World,
    *,
    judge: bool,
    form: Form = Form.SHORT,
    consumers: int = 1,
    prepare: Prepare | None = None,
) -> Caught:
    """From the broker to committed, or to committed and judged up to the world's end, with a fresh database.

    consumers: processes of each role. The clock runs from the moment every partition has its owner; joining a group
    is not what is measured.
    """
    async with office(
        bootstrap, topic, world, ingest=consumers, evaluate=consumers if judge else 0, prepare=prepare
    ) as found:
        stored = await found.scalar("SELECT count(*) FROM readings") if prepare is not None else 0
        before, begun, taken = found.cpu_s(), perf_counter(), await found.taken()
        messages = count(world, form)
        ended = await found.until(lambda: found.is_taken(messages))
        if judge:
            ended = await found.until(lambda: is_judged(found))
        spent = {role: cpu_s - before[role] for role, cpu_s in found.cpu_s().items()}
        peaks = found.peak_mib()
        await _check(found, stored, judge=judge)
    return Caught(int(world.readings * (1 - taken / messages)), ended - begun, spent, peaks)


async def is_judged(found: Office) -> bool:
    """No mark is left, and the clock's part (silence) is done up to the world's end."""
    if not await found.has_no_marks():
        return False
    return await found.scalar("SELECT min(next_slot) FROM ticks") * SLOT_S >= found.world.end_s


async def _check(found: Office, stored: int, *, judge: bool) -> None:
    """Nothing is fast that is not right: every reading is there, and every alert that the world holds."""
    world = found.world
    come = await found.scalar("SELECT count(*) FROM readings") - stored
    if come != world.readings:
        raise RuntimeError(f"{come} readings were stored, {world.readings} were sent")
    if judge:
        alerts = await found.scalar(
            "SELECT count(*) FROM alerts WHERE rule = 'stop_run' AND condition <> 'retracted' AND first_slot_end > :b",
            b=world.begin,
        )
        if alerts != world.stop_runs():
            raise RuntimeError(f"{alerts} alerts of stop_run are stored, the readings hold {world.stop_runs()}")
