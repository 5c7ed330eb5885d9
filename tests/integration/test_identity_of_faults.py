"""Streaming and back-test set the same readings aside, in whatever order these come (§6.32)."""

import random

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.vocab import SUSPECT
from tests.cases.fast import fast
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.oracles.strategies_faults import faulty_world

DAY_S = 86_400


@pytest.mark.parametrize("seed", [1, 4, 13, 18, 20, 22, 34, 36, 42, 55, 56, 59])
async def test_faulty_meters(engine: AsyncEngine, seed: int) -> None:
    """As they were measured, shuffled, or a part of them days late, while the clock goes on between the pieces."""
    world = faulty_world(seed)
    expected = fast(world.registry, world.readings, world.as_of, world.slot_s)
    assert any(r in SUSPECT for row in expected.slots for r in row.reasons)
    chance = random.Random(seed)
    readings = sorted((r for r in world.readings if r.ts <= world.as_of), key=lambda r: r.ts)
    if seed % 3 == 1:
        chance.shuffle(readings)
    elif seed % 3 == 2:
        late = set(chance.sample(range(len(readings)), len(readings) // 4))
        readings = [r for i, r in enumerate(readings) if i not in late] + [readings[i] for i in sorted(late)]
    begin = min(r.ts for r in readings) - DAY_S
    stream = Stream(engine, world.slot_s, begin)
    await stream.start(world.registry)
    pieces = 12
    for p in range(pieces):
        part = readings[len(readings) * p // pieces : len(readings) * (p + 1) // pieces]
        await stream.take_in(world.registry, part)
        latest = max(r.ts for r in part) if seed % 3 == 0 else begin + (world.as_of - begin) * (p + 1) // pieces
        await stream.judge_until(min(latest, world.as_of))
    await stream.judge_until(world.as_of)
    assert disagreements(await stream.judgement(), expected, world) == []
