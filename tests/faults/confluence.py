"""Any order of arrival comes to the same readings, days and standing alerts (RELIABILITY §6.3).

Arrivals go through the storing and the judging of the consumers into a real database, one after the other, as many side
by side as the machine has cores. Each must end as a fold and a back-test of the same readings do.
"""

import asyncio
import os
import traceback
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic
from unittest import mock

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers import evaluate
from detectors.errors import InfrastructureError
from service.db.sessions import ContentionError
from service.db.tables import METADATA
from tests.cases.fast import fast
from tests.faults.arrivals import ARRIVALS, arrival_of, input_of
from tests.faults.checks import SHOWN, Findings
from tests.faults.dose import Proof
from tests.faults.scratch import scratch_engine
from tests.faults.stored import read_stored, unlike
from tests.faults.topic_log import Folded
from tests.faults.workers import workers
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.oracles.rows import Judgement

#: Tables in which the migrations put a row.
BEGUN = ("feed_head", "registry_state")


@dataclass(slots=True)
class Tally:
    """What a part of the arrivals came to. others: those that were not as collected; differing: by number, in words."""

    others: int = 0
    alerts: int = 0
    readings: int = 0
    differing: dict[int, list[str]] = field(default_factory=dict)


async def confluence(server_url: str, first: int, count: int) -> tuple[Proof, Findings]:
    """Arrivals ``first`` to ``first + count - 1``."""
    proof, findings = Proof(), Findings()
    began = monotonic()
    shares = _shares(first, count, os.cpu_count() or 1)
    with workers(len(shares)) as pool:
        loop = asyncio.get_running_loop()
        tallies = await asyncio.gather(*(loop.run_in_executor(pool, go, server_url, share) for share in shares))
    seconds = monotonic() - began
    for tally in tallies:
        for number, told in sorted(tally.differing.items()):
            findings.differing += 1
            findings.tell(f"make faults CLASS=confluence FIRST_SEED={number} COUNT=1", told)
    proof.proven = sum(t.others for t in tallies)
    readings, alerts = sum(t.readings for t in tallies), sum(t.alerts for t in tallies)
    print(
        f"confluence {first}…{first + count - 1}: {readings} readings, {alerts} alerts, {count / seconds:.1f} orders/s"
    )
    if not alerts and count >= 10 * ARRIVALS:
        findings.problems.append("no input has an alert: it proves nothing")
    proof.figures["per_s"].append(count / seconds)
    return proof, findings


def _shares(first: int, count: int, parts: int) -> list[list[int]]:
    """Numbers for each worker: inputs go round, the arrivals of one input stay together."""
    shares: list[list[int]] = [[] for _ in range(parts)]
    for number in range(first, first + count):
        shares[number // ARRIVALS % parts].append(number)
    return [share for share in shares if share]


def go(server_url: str, numbers: list[int]) -> Tally:
    """One worker: its arrivals in a database of its own."""
    # Evaluation walks the whole heap whenever it has loaded a registry; here that is each time, and the heap is ours.
    with mock.patch.object(evaluate, "gc"):
        return asyncio.run(_all(server_url, numbers))


async def _all(server_url: str, numbers: list[int]) -> Tally:
    tally = Tally()
    async with scratch_engine(server_url, "confluence") as engine:
        for number in numbers:
            arrival, world = arrival_of(number), input_of(number)
            tally.others += arrival.is_other
            tally.readings += sum(len(p.readings) for p in arrival.pieces)
            tally.alerts += len(_expected(number // ARRIVALS)[1].alerts)
            try:
                told = await differences_of(engine, number)
            except Exception as error:  # of this arrival: the others go on, and its number is told
                if isinstance(error, (InfrastructureError, OSError)) and not isinstance(error, ContentionError):
                    raise
                told = [traceback.format_exc()]
            if told:
                print(f"confluence: seed {number} ends otherwise: {told[0][-300:]}", flush=True)
                tally.differing[number] = [f"{len(world.readings)} readings, {len(arrival.pieces)} pieces", *told]
    return tally


async def differences_of(engine: AsyncEngine, number: int) -> list[str]:
    """Where an arrival ends otherwise than it must, in words."""
    world, arrival = input_of(number), arrival_of(number)
    await _clear(engine)
    stream = Stream(engine, world.slot_s, arrival.begin_s)
    await stream.start(world.registry)
    for piece in arrival.pieces:
        await stream.take_in(world.registry, piece.readings)
        await stream.judge_until(piece.until_s)
    folded, judged = _expected(number // ARRIVALS)
    async with engine.connect() as connection:
        stored = await read_stored(connection)
    return [*unlike(stored, folded), *disagreements(await stream.judgement(), judged, world)][:SHOWN]


@lru_cache(maxsize=2)
def _expected(of_input: int) -> tuple[Folded, Judgement]:
    """What must come of an input: its fold, and its back-test."""
    world = input_of(of_input * ARRIVALS)
    folded = Folded()
    folded.take(world.registry, world.readings)
    return folded, fast(world.registry, world.readings, world.as_of, world.slot_s)


async def _clear(engine: AsyncEngine) -> None:
    """Back to what the migrations left."""
    names = [table.name for table in reversed(METADATA.sorted_tables)]  # those that refer to others first
    tied = {t.name for table in METADATA.sorted_tables for k in table.foreign_keys for t in (table, k.column.table)}
    filled = ", ".join(f"CASE WHEN EXISTS (SELECT 1 FROM {name}) THEN '{name}' END" for name in names)
    async with engine.begin() as connection:
        found = [name for name in (await connection.execute(text(f"SELECT {filled}"))).one() if name]
        await connection.execute(text(f"TRUNCATE {', '.join(n for n in found if n not in tied)} RESTART IDENTITY"))
        for name in (n for n in found if n in tied):
            await connection.execute(text(f"DELETE FROM {name}"))
        for name in BEGUN:
            await connection.execute(text(f"INSERT INTO {name} DEFAULT VALUES"))
