"""A small office and the stream of its readings, all from one seed: what the faults happen to.

Loads come as runs of levels around the caps; some slots are silent, some readings come twice, late, corrected or
estimated. Numbers of registry rows are crooked, so that no sum meets a threshold exactly.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from detectors.registry import (
    FOREVER,
    Baseline,
    Exemption,
    Meter,
    Multiplier,
    Order,
    Outage,
    Plant,
    Registry,
    Source,
    with_default_scopes,
)
from detectors.vocab import Control, Measure, Quality, Scale
from tests.oracles.rows import Reading

#: 2017-11-15 00:00 in Zhengzhou.
BEGIN_S = 1510675200
SLOT_S = 900
DAY_S = 86_400
SOURCES = (Source("north", delay_min=5), Source("south", delay_min=30))
COUNTIES = ("新密市", "登封市", "荥阳市")
FACTOR = 48.0
_LEVELS = (12, 24, 84, 168, 312, 516, 660, 720, 744, 900, 1104, 1560, None)
_LENGTHS = (1, 1, 2, 2, 3, 5, 9, 20, 40)
_SLOT_FORM = (("content-type", b"application/vnd.load.slot.v1+json"),)


@dataclass(frozen=True, slots=True)
class Item:
    """One message of the stream. at_ms: when it is sent, and its record's timestamp."""

    at_ms: int
    body: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    lane: int = 0  # messages of one lane go to one partition


@dataclass(frozen=True, slots=True)
class Story:
    """A registry (with its default scopes) and messages in the order they are sent. end_s: end of the last slot."""

    seed: int
    registry: Registry
    items: Sequence[Item]
    end_s: int

    @property
    def begin_s(self) -> int:
        """When it begins."""
        return BEGIN_S

    @property
    def as_of(self) -> int:
        """When all of it has come and is due: past every source's delay."""
        return max(self.end_s, self.items[-1].at_ms // 1000) + 3600


def make_story(seed: int, *, days: int = 2, plants: int = 6, late_days: float = 0.5) -> Story:
    """The story of a seed. late_days: how late a late reading is at most."""
    chance = random.Random(f"story {seed}")
    registry = make_registry(chance, plants, days)
    end_s = BEGIN_S + days * DAY_S
    items: list[Item] = []
    by_slot: dict[int, list[Reading]] = {}
    for lane, meter in enumerate(registry.meters):
        for reading in life_of(chance, meter, days):
            if chance.random() < 0.3 and reading.scale == Scale.PRIMARY:
                by_slot.setdefault(reading.ts, []).append(reading)
            else:
                items += [item_of([r], lane) for r in versions_of(chance, reading, late_days)]
    items += [item_of(group, chance.randrange(64)) for group in by_slot.values()]
    items.sort(key=lambda i: i.at_ms)
    return Story(seed, registry, items, end_s)


def make_registry(chance: random.Random, plants: int, days: int) -> Registry:
    """Plants under every control, some with two meters, some read in secondary values."""
    names = [f"P{i}" for i in range(plants)]
    meters = []
    for i, name in enumerate(names):
        for j in range(1 + (i % 3 == 0)):
            scale = Scale.SECONDARY if (i + j) % 4 == 1 else Scale.PRIMARY
            meters.append(Meter(f"{name}m{j}", name, source=SOURCES[i % 2].source, scale=scale))
    orders = [order_of(chance, f"O{i}", name) for i, name in enumerate(names)]
    noon = BEGIN_S + DAY_S // 2
    return with_default_scopes(
        Registry(
            sources=SOURCES,
            plants=tuple(Plant(n, n, COUNTIES[i % len(COUNTIES)]) for i, n in enumerate(names)),
            meters=tuple(meters),
            multipliers=tuple(Multiplier(m.meter_id, 0, FOREVER, FACTOR) for m in meters if m.scale == Scale.SECONDARY),
            orders=tuple(orders),
            baselines=tuple(Baseline(n, "v1", 0, 1003.7, max_kw=1300.9, idle_kw=21.3, day_kwh=16_003.7) for n in names),
            exemptions=(Exemption(names[0], noon, noon + 7200, "heat", "office"),),
            outages=(Outage(noon, noon + 5400, "grid", plant_id=names[-1]),),
        )
    )


def order_of(chance: random.Random, order_id: str, scope_id: str) -> Order:
    """An order from some hour of the first day on."""
    begin = BEGIN_S + chance.randrange(12) * 3600
    kinds = [
        Order(order_id, scope_id, Control.STOP, begin, residual_kw=101.3),
        Order(order_id, scope_id, Control.STOP, begin, ramp_down_h=0.0),
        Order(order_id, scope_id, Control.LIMIT, begin, reduction=0.3, measure=Measure.ENERGY),
        Order(order_id, scope_id, Control.LIMIT, begin, reduction=0.5, measure=Measure.POWER),
        Order(order_id, scope_id, Control.CAP, begin, cap_kw=303.3, daily_from_s=79_200, daily_to_s=21_600),
    ]
    return chance.choice(kinds)


def life_of(chance: random.Random, meter: Meter, days: int) -> list[Reading]:
    """A meter's readings, each once, collected one to four minutes after its time."""
    levels: list[int | None] = []
    while len(levels) < days * 96:
        levels += [chance.choice(_LEVELS)] * chance.choice(_LENGTHS)
    times = FACTOR if meter.scale == Scale.SECONDARY else 1.0
    found = []
    for i, kw in enumerate(levels[: days * 96]):
        ts = BEGIN_S + (i + 1) * SLOT_S
        coll_ms = (ts + chance.randint(60, 240)) * 1000
        if kw is not None:
            found.append(Reading(meter.meter_id, meter.kind, ts, kw / times, Quality.M, 0, coll_ms, meter.scale))
    return found


def versions_of(chance: random.Random, reading: Reading, late_days: float) -> list[Reading]:
    """The reading as it is sent: mostly once; or late, twice, corrected, estimated before, or taken back."""
    later_ms = reading.coll_ms + chance.randint(600, max(601, int(late_days * DAY_S))) * 1000
    number = chance.random()
    if number < 0.06:
        return [replace(reading, q=Quality.R, coll_ms=later_ms)]
    if number < 0.09:
        return [reading, reading]
    if number < 0.12:
        return [reading, replace(reading, value=(reading.value or 0) + 2.0, rev=1, coll_ms=later_ms)]
    if number < 0.14:
        return [replace(reading, value=5.0, q=Quality.S), replace(reading, coll_ms=later_ms)]
    if number < 0.15:
        return [reading, replace(reading, value=None, q=Quality.N, rev=1, coll_ms=later_ms)]
    return [reading]


def item_of(readings: Sequence[Reading], lane: int) -> Item:
    """One message: a single reading, or one slot of many meters."""
    first = readings[0]
    body: dict[str, object] = {
        "v": 1,
        "ts": rfc3339(first.ts),
        "period_s": first.period_s,
        "kind": first.kind.name.lower(),
        "unit": "kW",
        "scale": first.scale.name.lower(),
        "rev": first.rev,
    }
    headers: tuple[tuple[str, bytes], ...] = ()
    coll_ms = max(r.coll_ms for r in readings)
    if len(readings) == 1:
        body |= {"meter_id": first.meter_id, "value": first.value, "q": first.q.name}
    else:
        body |= {"meter_id": [r.meter_id for r in readings], "values": [r.value for r in readings]}
        body["q"] = "".join(r.q.name for r in readings)
        headers = _SLOT_FORM
    body["coll"] = rfc3339(coll_ms / 1000)
    return Item(coll_ms, json.dumps(body).encode(), headers, lane)


def rfc3339(epoch_s: float) -> str:
    """The time in UTC."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat()
