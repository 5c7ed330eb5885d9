"""A registry that is imported while marks of the one before are claimed, judged or waited for."""

import asyncio
import gc
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from detectors.world import World as Compiled
from service.db.registry import apply_registry
from service.db.registry_load import StoredRegistry, load_registry
from tests.cases.fast import fast
from tests.integration.lock_waits import waiting
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.integration.test_recount import AS_OF, BEGIN, PLANTS, REGISTRY, reading
from tests.oracles.rows import World


async def test_marks_of_an_import_are_never_judged_by_the_registry_before_it(engine: AsyncEngine) -> None:
    sent = tuple(replace(reading(p, ts), value=400.0) for p in PLANTS for ts in range(BEGIN + 900, AS_OF + 1, 900))
    eased = replace(REGISTRY, orders=tuple(replace(o, revision=2, residual_kw=900.0) for o in REGISTRY.orders))
    stream = Stream(engine, 900, BEGIN)
    await stream.start(REGISTRY)
    await stream.take_in(REGISTRY, sent)
    await stream.judge_until(AS_OF)
    async with asyncio.timeout(30):
        async with engine.begin() as importing:
            await importing.execute(text("LOCK TABLE dirty_scopes IN ACCESS EXCLUSIVE MODE"))
            judging = asyncio.create_task(stream.step())
            while not await waiting(engine):
                assert not judging.done(), "it claims marks"
                await asyncio.sleep(0.02)
            await apply_registry(importing, eased, AS_OF, slot_s=900)
        await judging
    await stream.judge_until(AS_OF)
    expected = fast(eased, [*sent], AS_OF, 900)
    assert fast(REGISTRY, [*sent], AS_OF, 900).alerts
    assert not expected.alerts
    assert disagreements(await stream.judgement(), expected, World(eased, sent, AS_OF)) == []


async def test_the_registry_before_is_gone_when_the_new_one_is_loaded(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at a time would be twice the memory, and holes where the first one was."""
    alive: list[int] = []

    async def load(connection: AsyncConnection) -> StoredRegistry:
        gc.unfreeze()  # what is frozen is not told
        alive.append(sum(isinstance(o, Compiled) for o in gc.get_objects()))
        return await load_registry(connection)

    monkeypatch.setattr("consumers.evaluate.load_registry", load)
    stream = Stream(engine, 900, BEGIN)
    await stream.start(REGISTRY)
    sent = [reading(p, ts) for p in PLANTS for ts in range(BEGIN + 900, AS_OF + 1, 900)]
    for number in range(3):
        await stream.take_in(REGISTRY, sent[number::3])
        await stream.advance_to(AS_OF)
        await stream.step()
        await stream.change(replace(REGISTRY, orders=tuple(replace(o, revision=number + 2) for o in REGISTRY.orders)))
    await stream.judge_until(AS_OF)
    await stream.end()
    assert len(alive) == 4
    assert set(alive) == {alive[0]}
