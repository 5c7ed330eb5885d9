"""A registry that is imported between a look at it and the claim of its marks is what these are judged by."""

import asyncio
from dataclasses import replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.db.registry import apply_registry
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
