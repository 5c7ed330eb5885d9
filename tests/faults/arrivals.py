"""Small inputs, and the orders in which they arrive: each from a number.

Five arrivals of one input follow each other, so that the input and what must come of it are made once.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from hypothesis import HealthCheck, Phase, given, seed, settings

from detectors.vocab import Kind, Quality
from tests.integration.test_identity import as_taken_in
from tests.oracles.rows import Reading, World
from tests.oracles.strategies import worlds

#: Arrivals of one input, and inputs that are drawn together.
ARRIVALS, DRAWN = 5, 10
#: An input of fewer readings has no order to speak of.
LEAST = 20
DAY_S = 86_400
PIECES = (1, 2, 3, 4, 5, 6, 8, 12)
LATER_MS = (-60_000, 0, 60_000, 3_600_000, 172_800_000)
Arrange = Callable[[random.Random, list[Reading]], None]


@dataclass(frozen=True, slots=True)
class Piece:
    """Readings that are taken in together, and how far the clock goes before the next (epoch s)."""

    readings: tuple[Reading, ...]
    until_s: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """One order of arrival of an input's readings. is_other: whether it is not just as they were collected, once."""

    begin_s: int
    pieces: tuple[Piece, ...]
    is_other: bool


def input_of(number: int) -> World:
    """The input of an arrival: registry, readings up to the time of the judgement, corrections among them."""
    group, place = divmod(number // ARRIVALS, DRAWN)
    inputs = _inputs(group)
    return inputs[place % len(inputs)]


def arrival_of(number: int) -> Arrival:
    """Any order, some or all of it twice, some after everybody waited for it, in any pieces; the clock goes on."""
    world, chance = input_of(number), random.Random(f"arrival {number}")
    readings = list(world.readings)
    chance.choice(_ARRANGED)(chance, readings)
    for reading in chance.sample(readings, int(len(readings) * chance.choice([0.0, 0.05, 0.3, 1.0]))):
        readings.insert(chance.randint(0, len(readings)), reading)
    count = chance.choice(PIECES)
    cuts = [0, *sorted(chance.randint(0, len(readings)) for _ in range(count - 1)), len(readings)]
    begin_s = min([o.valid_from for o in world.registry.orders] + [r.ts for r in readings] + [world.as_of]) - DAY_S
    late = chance.choice([0, 0, count // 3, count // 2])  # so many pieces come when all is judged without them
    # The last step of the clock makes a slot of every source due: what is not due yet, only a back-test judges.
    before_s = world.as_of - world.slot_s
    times = sorted(chance.randint(begin_s, before_s) for _ in range(count - 1 - late)) + [world.as_of] * (late + 1)
    pieces = [Piece(tuple(readings[low:high]), t) for low, high, t in zip(cuts, cuts[1:], times, strict=False)]
    is_other = readings != sorted(world.readings, key=lambda r: r.coll_ms)
    return Arrival(begin_s, tuple(pieces), is_other)


@lru_cache(maxsize=2)
def _inputs(group: int) -> Sequence[World]:
    """The inputs of a seed: random worlds of every sort, each with further corrections."""
    found: list[World] = []

    @seed(group)
    @settings(
        max_examples=DRAWN * 2,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(world=worlds(by_units=group % 3 == 2))
    def collect(world: World) -> None:
        taken = as_taken_in(world)
        readings = [r for r in taken.readings if r.ts <= world.as_of]
        if len(readings) >= LEAST:
            chance = random.Random(f"corrections {group} {len(found)}")
            found.append(replace(taken, readings=tuple(readings + _corrections(chance, readings))))

    collect()
    if not found:
        raise RuntimeError(f"seed {group} draws no input of {LEAST} readings")
    return found[-DRAWN:]  # the first ones are the plainest


def _corrections(chance: random.Random, readings: Sequence[Reading]) -> list[Reading]:
    """Other values of some of the keys: revised, estimated, taken back, collected before or after."""
    found = []
    for first in chance.sample(readings, len(readings) // 12):
        if first.kind in (Kind.ENERGY_REG, Kind.VOLTAGE) or first.value is None:
            continue
        q = chance.choice([Quality.M, Quality.R, Quality.E, Quality.S, Quality.Q, Quality.N])
        value = None if q == Quality.N else first.value + chance.choice([0.0, 12.0, 240.0])
        coll_ms = first.coll_ms + chance.choice(LATER_MS)
        found.append(replace(first, value=value, q=q, rev=chance.choice([0, 0, 1, 2]), coll_ms=coll_ms))
    return found


def _collected(_: random.Random, readings: list[Reading]) -> None:
    readings.sort(key=lambda r: r.coll_ms)


def _any(chance: random.Random, readings: list[Reading]) -> None:
    chance.shuffle(readings)


def _backwards(_: random.Random, readings: list[Reading]) -> None:
    readings.sort(key=lambda r: -r.ts)


def _by_meter(chance: random.Random, readings: list[Reading]) -> None:
    """One meter's whole life after the other's."""
    place = {meter_id: chance.random() for meter_id in sorted({r.meter_id for r in readings})}
    readings.sort(key=lambda r: (place[r.meter_id], r.ts, r.coll_ms))


def _some_late(chance: random.Random, readings: list[Reading]) -> None:
    """As they were collected, but a part of them behind all the others."""
    late = set(chance.sample(range(len(readings)), len(readings) // chance.choice([2, 4, 20])))
    readings.sort(key=lambda r: r.coll_ms)
    readings[:] = [r for i, r in enumerate(readings) if i not in late] + [readings[i] for i in sorted(late)]


_ARRANGED: tuple[Arrange, ...] = (_collected, _any, _any, _backwards, _by_meter, _some_late, _some_late)
