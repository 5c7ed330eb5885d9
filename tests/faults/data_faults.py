"""Faults of the data: any order, everything twice, a month late, and messages that are no readings."""

import json
from functools import partial

from service.cli.consume import resume_partition
from tests.faults.dose import Dose, Proof, pieces
from tests.faults.story import BEGIN_S, Item, rfc3339
from tests.faults.topic_log import EXPECTED
from tests.faults.world import World

IN_A_ROW = 100  # refused messages that stop a partition (RELIABILITY §2)
HUGE = 10 << 20
SPOILT = 5
LATE_S = 86_400


async def any_order(world: World, dose: Dose) -> Proof:
    """What is left of the story comes in any order, a third of it twice, while judging goes on."""
    proof = Proof()
    items = world.take(world.until_s)
    items += world.chance.sample(items, len(items) // 3)
    in_order = [i.at_ms for i in items]
    world.chance.shuffle(items)
    world.set_clocks(world.until_s)
    step = -(-len(items) // dose.count)
    for at in range(0, len(items), step):
        await world.send(items[at : at + step])
        await world.until(world.is_read, "a piece is read", 40)
        proof.seen([i.at_ms for i in items] != in_order, "the order is another")
    return proof


async def month_late(world: World, dose: Dose) -> Proof:
    """Late readings and corrections come up to 30 days after their time, beside the others."""
    proof = Proof()
    begin, end = world.story.end_s, world.story.as_of
    await world.play(begin)
    await world.settle()
    for i in range(dose.count):
        until_s = begin + (end - begin) * (i + 1) / dose.count
        late = await world.play(until_s)
        await world.settle()
        proof.seen(late > 0 and until_s - begin > LATE_S, f"{late} messages are days late")
    return proof


def poison(world: World, lane: int, *, may_be_huge: bool) -> Item:
    """A message that is no reading, with the code that it must get."""
    at_ms = int(world.now_s * 1000)
    good = {"v": 1, "meter_id": "P0m0", "ts": rfc3339(BEGIN_S + 900), "period_s": 900, "kind": "power_inst"}
    good |= {"value": 1.0, "unit": "kW", "scale": "primary", "q": "M", "rev": 0, "coll": rfc3339(BEGIN_S + 960)}
    text = json.dumps(good)
    bodies = {
        "bad_json": [text[:40].encode()],
        "bad_encoding": [b'{"meter_id": "\xff\xfe"}'],
        "too_large": [b'{"meter_id": "' + b"x" * HUGE + b'"}'],
        "naive_ts": [text.replace("+00:00", "").encode()],
        "unknown_meter": [text.replace("P0m0", "NOBODY").encode()],
        "bad_number": [text.replace("1.0", "1e999").encode(), text.replace("1.0", "NaN").encode()],
        "bad_schema": [b'{"order": 7, "customer": "another topic"}'],
        "missing_field": [text.replace('"value": 1.0, ', "").encode()],
    }
    code = world.chance.choice([c for c in bodies if may_be_huge or c != "too_large"])
    body = world.chance.choice(bodies[code])
    return Item(at_ms, body, ((EXPECTED, code.encode()),), lane)


async def spoilt(world: World, dose: Dose) -> Proof:
    """Spoilt messages between good ones; no other meter waits for them."""
    proof = Proof()
    for until_s in pieces(world, dose.count):
        lane = world.chance.randrange(world.partitions)
        await world.until(world.is_read, "nothing waits", 40)
        await world.send([poison(world, lane, may_be_huge=i == 0) for i in range(SPOILT)])
        await world.play((world.now_s + until_s) / 2)
        others = {part: end for part, end in world.ends.items() if part != lane}
        proof.figures["other_meters_s"].append(
            await world.until(partial(world.stands_at, others), "other partitions are read", 20)
        )
        await world.play(until_s)
        await world.until(world.is_read, "the spoilt messages are dealt with", 40)
        proof.seen(True, "spoilt messages were sent")
    return proof


async def wrong_topic(world: World, dose: Dose) -> Proof:
    """A partition fills with another topic's messages: it stops and says so, the others go on, an operator resumes."""
    proof = Proof()
    junk = Item(0, b'["not", "ours"]', ((EXPECTED, b"bad_schema"),))
    for until_s in pieces(world, dose.count):
        lane = world.chance.randrange(world.partitions)
        await world.settle()
        await world.send([Item(int(world.now_s * 1000), junk.body, junk.headers, lane)] * IN_A_ROW)
        await world.play(until_s)
        others = {part: end for part, end in world.ends.items() if part != lane}
        await world.until(partial(world.stands_at, others), "the others go on", 20)
        await world.until(partial(_is_stopped, world, lane), f"partition {lane} has stopped", 20)
        await resume_partition(world.settings, lane, None)
        await world.until(world.is_read, "the partition goes on", 40)
        proof.seen(True, f"partition {lane} stopped")
    return proof


async def _is_stopped(world: World, part: int) -> bool:
    return part in await world.stopped()
