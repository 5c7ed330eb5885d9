"""Faults of processes: kill -9 between any two steps and at any moment, freezes that make zombies, hand-overs."""

import asyncio
import signal
import uuid
from functools import partial

from consumers.transaction import STEPS
from tests.faults import moves
from tests.faults.dose import Dose, Proof, pieces
from tests.faults.member import Member
from tests.faults.world import World, wall_s

#: A victim that does not come to its step so soon is killed wherever it is.
STEP_S = 6.0


async def kill(world: World, dose: Dose) -> Proof:
    """kill -9 of one process after the other: ingest at a named step or anywhere, evaluation anywhere, the API."""
    proof = Proof()
    ingest = world.members["ingest-0"]
    await ingest.kill()
    for until_s in pieces(world, dose.count):
        target = world.chance.choices(["step", "ingest", "evaluate", "serve"], [5, 2, 2, 1])[0]
        if target in ("step", "ingest"):
            await kill_ingest(world, ingest, until_s, proof, at_step=target == "step")
        else:
            if not ingest.is_running:
                await start_apart(ingest)
            await world.play(until_s)
            victim = world.members[f"{target}-0"]
            await asyncio.sleep(world.chance.uniform(0.0, 0.6))
            proof.seen(await victim.kill() == -signal.SIGKILL, f"kill -9 of {victim.name}")
            await victim.start()
    if not ingest.is_running:
        await start_apart(ingest)
    return proof


async def kill_ingest(world: World, victim: Member, until_s: float, proof: Proof, *, at_step: bool) -> None:
    """Start an incarnation, feed it, and see it die."""
    armed = {}
    if at_step:
        step = world.chance.choice(STEPS)
        armed = {"FAULT_STEP": step, "FAULT_COUNT": str(world.chance.randint(1, 3)), "FAULT_SIGNAL": "SIGKILL"}
    if not victim.is_running or at_step:
        if victim.is_running:
            await victim.kill()
        await start_apart(victim, **armed)
    victim.wanted = not at_step
    await world.play(until_s)
    if at_step:
        try:
            code = await victim.ended(STEP_S)
        except TimeoutError:
            code = await victim.kill()
    else:
        await asyncio.sleep(world.chance.uniform(0.0, 2.5))
        code = await victim.kill()
    proof.seen(code == -signal.SIGKILL, f"kill -9 of {victim.name}, ended with {code}")


async def start_apart(member: Member, **more: str) -> None:
    """Start in a group of its own: nobody waits for a dead member's session; the cursors are the database's."""
    await member.start(CUOFENG_KAFKA_GROUP=f"apart-{uuid.uuid4().hex[:8]}", **more)


async def take_over(world: World, dose: Dose) -> Proof:
    """Two members of one group share the partitions; one is killed, the other goes on; then a planned hand-over."""
    proof = Proof()
    one, two = world.of_role("ingest")
    for until_s in pieces(world, dose.count):
        await world.until(lambda: _shared(world), "both members own partitions", 40)
        victim = world.chance.choice([one, two])
        mine = await _owned(world, victim)
        is_planned = world.chance.random() < 0.3
        began = wall_s()
        if is_planned:
            code, _ = await victim.stop()
            proof.seen(code == 0, f"SIGTERM of {victim.name} ended with {code}")
        else:
            code = await victim.kill()
            proof.seen(code == -signal.SIGKILL, f"kill -9 of {victim.name}")
        await world.play(until_s)
        await world.until(world.is_read, "the other member reads everything", 40)
        first = {
            s.part: s.at for s in reversed(await moves.steps(world.engine, began)) if s.part in mine and not s.is_claim
        }
        if first:
            proof.figures["hand_over_s" if is_planned else "take_over_s"].append(max(first.values()) - began)
        await victim.start()
    return proof


async def _shared(world: World) -> bool:
    return all([await _owned(world, m) for m in world.of_role("ingest")])


async def _owned(world: World, member: Member) -> set[int]:
    """Partitions that a member claimed last."""
    holder = {s.part: world.owner_of(s) for s in await moves.steps(world.engine) if s.is_claim}
    return {part for part, name in holder.items() if name == member.name}


async def freeze(world: World, dose: Dose) -> Proof:
    """SIGSTOP for longer than the session, in the middle of a batch or anywhere; another takes over; then SIGCONT."""
    proof = Proof()
    zombie, heir = world.of_role("ingest")
    for until_s in pieces(world, dose.count):
        middle_s = (world.now_s + until_s) / 2
        if heir.is_running:
            await heir.kill()
        if zombie.is_running:
            await zombie.kill()
        step = world.chance.choice([*STEPS[:-1], None])
        armed = {"FAULT_STEP": step, "FAULT_COUNT": "1", "FAULT_SIGNAL": "SIGSTOP"} if step else {}
        await start_apart(zombie, **armed)
        await world.play(middle_s)
        if step is None:
            await asyncio.sleep(world.chance.uniform(0.5, 2.5))
            zombie.signal(signal.SIGSTOP)
        await world.until(lambda: _is_stopped(zombie), f"{zombie.name} is frozen at {step}", 20)
        epochs = await _epochs(world)
        await start_apart(heir)
        await world.until(partial(_all_above, world, epochs), "another member has claimed every partition", 40)
        await world.play(until_s)
        zombie.signal(signal.SIGCONT)
        await world.until(world.is_read, "everything is read beside the zombie", 60)
        proof.seen(zombie.is_running and zombie.state() != "T", f"{zombie.name} went on")
    return proof


async def _is_stopped(member: Member) -> bool:
    return member.is_running and member.state() == "T"


async def _epochs(world: World) -> dict[int, int]:
    found: dict[int, int] = {}
    for step in await moves.steps(world.engine):
        found[step.part] = step.epoch
    return found


async def _all_above(world: World, epochs: dict[int, int]) -> bool:
    now = await _epochs(world)
    return all(now.get(part, 0) > epoch for part, epoch in epochs.items())
