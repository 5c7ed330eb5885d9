"""Readers that are many, slow, bounded to a county, and whose keys are changed under them."""

from functools import partial

from service.db.keys import AccessRole, revoke_key
from service.db.sessions import writing
from tests.faults.dose import Dose, Proof, pieces
from tests.faults.story import COUNTIES
from tests.faults.world import World

READERS = 12
#: A revoked key may live on so long (RELIABILITY §4).
REVOKED_S = 5.0


async def many_readers(world: World, dose: Dose) -> Proof:
    """Slow and quick readers, of the city and of counties; one after the other gets another key, the old one ends."""
    proof = Proof()
    readers = []
    for i in range(READERS):
        county = COUNTIES[i % len(COUNTIES)] if i % 2 else None
        role = AccessRole.CITY if county is None else AccessRole.COUNTY
        reader = await world.add_poller(role, county)
        reader.pause_s = world.chance.choice([0.0, 0.0, 0.3, 1.0])
        reader.limit = world.chance.choice([1, 5, 100])
        readers.append((reader, role))
    for until_s in pieces(world, dose.count):
        reader, role = world.chance.choice(readers)
        old = reader.key
        before = reader.refusals.get(401, 0)
        fresh = await world.new_key(role, reader.county)
        async with writing(world.engine) as connection:
            assert await revoke_key(connection, old.split("_")[1])
        await world.play(until_s, over_s=1.0)
        await world.until(partial(_is_refused, reader.refusals, before), "the old key is refused", REVOKED_S + 15)
        reader.key = fresh
        proof.seen(True, "a key was changed")
    for reader, _ in readers:
        reader.pause_s, reader.limit = 0.0, 100
    return proof


async def _is_refused(refusals: dict[int, int], before: int) -> bool:
    return refusals.get(401, 0) > before
