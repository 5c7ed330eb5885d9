"""Night runs, jumps and loads beyond the maximum: streamed in any order they are those of the back-test, each once; an
alert of a night is made, changed and taken back by the judging of its morning's day."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.registry import Baseline, Order, Plant, Registry
from detectors.vocab import Quality, Rule
from tests.cases.fast import fast
from tests.cases.worlds import DAY0, at, baseline, flat, registry, stop
from tests.integration.streamed import Stream
from tests.integration.test_identity import DAY_S, disagreements
from tests.oracles.rows import Reading, World

HIGH, LOW = 500.0, 20.0
LEARNED: Baseline = baseline(night_kwh=100.0, night_sd_kwh=50.0, max_kw=1200.0)


def three_nights() -> list[Reading]:
    """A run that opens and closes in the first evening; pulses over the second midnight; a long run in the third; what
    comes after the order's end, at 12:00 of the last day, is more than the plant ever had."""
    told = (
        flat(at("0:00"), at("22:00"), LOW)
        + flat(at("22:00"), at("22:45"), HIGH)
        + flat(at("22:45"), at("22:15", 1), LOW)
    )
    for clock, day in (("22:15", 1), ("23:15", 1), ("0:15", 2), ("1:15", 2), ("2:15", 2)):
        begin = at(clock, day)
        told += flat(begin, begin + 900, 900.0) + flat(begin + 900, begin + 3600, LOW)
    told += flat(at("3:15", 2), at("21:00", 2), LOW) + flat(at("21:00", 2), at("3:00", 3), HIGH)
    return [*told, *flat(at("3:00", 3), at("12:00", 3), LOW), *flat(at("12:00", 3), at("18:00", 3), 1400.0)]


def office(*orders: Order) -> Registry:
    return registry(
        *(orders or (stop(valid_to=at("12:00", 3)),)),
        baselines=[LEARNED],
        plants=[Plant("P", "P", "county")],
    )


async def streamed(engine: AsyncEngine, of: Registry, pieces: Sequence[tuple[int, Sequence[Reading]]]) -> Stream:
    """Pieces of readings, each taken in before the clock goes on to its time."""
    stream = Stream(engine, 900, DAY0 - DAY_S)
    await stream.start(of)
    for time, readings in pieces:
        await stream.take_in(of, readings)
        await stream.judge_until(time)
    return stream


async def nights(engine: AsyncEngine) -> list[tuple[str, int, str]]:
    """Published alerts of nights: id, grade, condition."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT alert_id, grade, condition FROM alerts WHERE rule = 'night_run' ORDER BY opened_at_slot_end")
        )
        return [(row[0], row[1], row[2]) for row in rows]


async def retracted(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        found = await connection.scalar(text("SELECT count(*) FROM alert_events WHERE type = 'retracted'"))
    return int(found or 0)


@pytest.mark.parametrize("seed", range(6))
async def test_nights_in_any_pieces(engine: AsyncEngine, seed: int) -> None:
    chance = random.Random(seed)
    of, readings, as_of = office(), three_nights(), at("18:00", 3)
    arrival = list(readings)
    if seed % 2:
        chance.shuffle(arrival)
    cuts = sorted(chance.sample(range(len(arrival)), 5))
    spans = [arrival[low:high] for low, high in zip([0, *cuts], [*cuts, len(arrival)], strict=True)]
    times = sorted(chance.randint(DAY0, as_of) for _ in cuts)
    stream = await streamed(engine, of, list(zip([*times, as_of], spans, strict=True)))
    expected = fast(of, readings, as_of)
    assert {
        r: sum(a.rule == r for a in expected.alerts) for r in (Rule.NIGHT_RUN, Rule.STEP_UP, Rule.OVER_CAPACITY)
    } == {
        Rule.NIGHT_RUN: 3,
        Rule.STEP_UP: 1,
        Rule.OVER_CAPACITY: 1,
    }
    assert disagreements(await stream.judgement(), expected, World(of, tuple(readings), as_of)) == []


async def test_slot_by_slot_nothing_is_taken_back(engine: AsyncEngine) -> None:
    of, readings = office(), three_nights()
    pieces = [(r.ts + 60, [r]) for r in readings if at("21:30") < r.ts <= at("7:00", 1)]
    early = [r for r in readings if r.ts <= at("21:30")]
    await streamed(engine, of, [(at("21:30"), early), *pieces])
    assert [row[1:] for row in await nights(engine)] == [(2, "closed")]
    assert await retracted(engine) == 0


async def test_a_touched_morning_of_the_evenings_day_leaves_the_night_alone(engine: AsyncEngine) -> None:
    of, readings = office(), [r for r in three_nights() if r.ts <= at("12:00", 1)]
    late = [replace(r, q=Quality.E, rev=1, value=25.0) for r in readings if r.ts == at("9:00")]
    await streamed(engine, of, [(at("12:00", 1), readings), (at("12:15", 1), late)])
    assert [row[1:] for row in await nights(engine)] == [(2, "closed")]
    assert await retracted(engine) == 0


async def test_a_corrected_evening_takes_the_night_back_and_another_brings_it_again(engine: AsyncEngine) -> None:
    of, readings = office(), [r for r in three_nights() if r.ts <= at("12:00", 1)]
    evening = [r for r in readings if at("22:00") < r.ts <= at("22:45")]
    down = [replace(r, q=Quality.E, rev=1, value=LOW) for r in evening]
    up = [replace(r, q=Quality.E, rev=2) for r in evening]
    stream = await streamed(engine, of, [(at("12:00", 1), readings), (at("12:15", 1), down)])
    assert [row[2] for row in await nights(engine)] == ["retracted"]
    await stream.take_in(of, up)
    await stream.judge_until(at("12:30", 1))
    assert [row[1:] for row in await nights(engine)] == [(2, "closed")]
    everything = (*readings, *down, *up)
    expected = fast(of, everything, at("12:30", 1))
    assert disagreements(await stream.judgement(), expected, World(of, everything, at("12:30", 1))) == []
