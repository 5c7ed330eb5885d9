"""Something is away for a while and comes back: how soon it goes on, and how fast it catches up."""

import asyncio
from collections.abc import Sequence

from tests.faults import moves
from tests.faults.dose import Dose, Proof, pieces
from tests.faults.world import World, wall_s
from tests.integration.tcp_proxy import Proxy

#: What was under way when the line was cut may still end (seconds).
LAST_S = 0.7
CATCH_UP_S = 150.0
#: Of a shorter outage the time to catch up is that of the first connection: it tells no rate.
LONG_S = 60.0


async def away(world: World, dose: Dose, lines: Sequence[Proxy]) -> Proof:
    """Cut all lines for the outage while the stream goes on; then let them be."""
    proof = Proof()
    for until_s in pieces(world, dose.count):
        held = sum(line.connections for line in lines)
        for line in lines:
            line.cut()
        await asyncio.sleep(LAST_S)
        stood = await world.cursor()
        missed = await world.play(until_s, over_s=dose.outage_s)
        proof.seen(held > 0 and await world.cursor() == stood, "connections were cut and nothing moved")
        for line in lines:
            line.restore()
        took_s = await caught_up(world, proof)
        if dose.outage_s >= LONG_S:
            proof.figures["catch_up"].append(dose.outage_s / took_s)
            proof.figures["per_s"].append(missed / took_s)
    return proof


async def caught_up(world: World, proof: Proof) -> float:
    """Note when the first batch is committed from now on; how many seconds until the last one is."""
    healed = wall_s()
    took_s = await world.until(world.is_read, "the backlog is read", CATCH_UP_S)
    first = [s.at for s in await moves.steps(world.engine, healed) if not s.is_claim]
    if first:
        proof.figures["resume_s"].append(first[0] - healed)
    return took_s
