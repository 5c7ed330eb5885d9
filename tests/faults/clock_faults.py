"""Clocks that are wrong: of one sort of process or of all, a day ahead, a day behind, backwards."""

import asyncio

from tests.faults.dose import Dose, Proof, pieces
from tests.faults.world import World

DAY_S = 86_400.0
ROLES = ("ingest", "evaluate", "serve")
LOOK_S = 2.5


async def wrong_clocks(world: World, dose: Dose) -> Proof:
    """Clocks jump and come back; what was judged too early is judged again when its time is there."""
    proof = Proof()
    for until_s in pieces(world, dose.count):
        wrong = world.chance.sample(ROLES, world.chance.randint(1, 3))
        skew_s = world.chance.choice([DAY_S, -DAY_S, -2 * DAY_S, -3600.0])
        world.skew_s = dict.fromkeys(wrong, skew_s)
        world.set_clocks(world.now_s)
        told = {m.role: m.clock.now() for m in world.members.values()}
        proof.seen(all(told[role] == world.now_s + skew_s for role in wrong), f"{wrong} are {skew_s} s off")
        if skew_s > 0:  # what is judged too early stands until then
            world.last_s = max(world.last_s, until_s + skew_s + 7200)
        await world.play(until_s, over_s=LOOK_S)
        await asyncio.sleep(LOOK_S)
        world.skew_s = {}
        world.set_clocks(world.now_s)
        await world.until(world.is_read, "everything is read", 40)
    return proof
