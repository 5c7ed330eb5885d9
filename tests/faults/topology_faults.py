"""Faults of the group: more partitions on the way, members that come and go without end."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from sqlalchemy import text

from tests.faults import moves
from tests.faults.dose import Dose, Proof, pieces
from tests.faults.world import World

#: aiokafka asks for the topic's partitions at least so often (seconds), and then the group has to agree.
NOTICED_S = 60.0


async def more_partitions(world: World, dose: Dose) -> Proof:
    """The topic gets twice as many partitions while the stream goes on; the first of them read on."""
    proof = Proof()
    for until_s in pieces(world, dose.count):
        middle_s = (world.now_s + until_s) / 2
        await world.play(middle_s)
        world.partitions *= 2
        admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
        await admin.start()
        try:
            await admin.create_partitions({world.settings.kafka_topic: NewPartitions(world.partitions)})
        finally:
            await admin.close()
        await world.new_producer()
        await world.play(until_s)
        await world.until(lambda: _has_cursors(world), f"{world.partitions} partitions are read", NOTICED_S)
        proof.seen(len(world.ends) > world.partitions // 2, "records went to new partitions")
    return proof


async def _has_cursors(world: World) -> bool:
    async with world.engine.connect() as connection:
        return bool(await connection.scalar(text("SELECT count(*) FROM cursors")) == world.partitions)


async def rebalance_storm(world: World, dose: Dose) -> Proof:
    """Members stop, die, and come back before the group has settled."""
    proof = Proof()
    for member in world.of_role("ingest"):  # into one group
        await member.kill()
        await member.start()
    for until_s in pieces(world, dose.count):
        before = len([s for s in await moves.steps(world.engine) if s.is_claim])
        playing = asyncio.create_task(world.play(until_s, over_s=4.0))
        for _ in range(3):
            member = world.chance.choice(world.of_role("ingest"))
            if not member.is_running:
                await member.start()
            elif world.chance.random() < 0.5:
                await member.stop()
            else:
                await member.kill()
            await asyncio.sleep(world.chance.uniform(0.2, 1.5))
        await playing
        for member in world.of_role("ingest"):
            if not member.is_running:
                await member.start()
        await world.until(world.is_read, "everything is read", 90)
        claims = len([s for s in await moves.steps(world.engine) if s.is_claim])
        proof.seen(claims > before, "partitions changed hands")
    return proof
