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

#: Where a process is killed.
TARGETS = (*STEPS, "ingest", "evaluate", "serve")
#: A victim that does not come to its step so soon is killed wherever it is.
STEP_S = 6.0


async def kill(world: World, dose: Dose) -> Proof:
    """kill -9 of one process after the other: ingest before each step of a batch and anywhere, evaluation, the API."""
    proof = Proof()
    ingest = world.members["ingest-0"]
    targets: list[str] = []
    for until_s in pieces(world, dose.count):
        targets = targets or world.chance.sample(TARGETS, len(TARGETS))
        target = targets.pop()
        if target in STEPS:
            await ingest.kill()
            code = await die_at_step(world, ingest, target, until_s)
        else:
            victim = world.members[f"{target}-0"]
            await world.play(until_s)
            await asyncio.sleep(world.chance.uniform(0.0, 0.6))
            code = await victim.kill()
            if target != "ingest":
                await victim.start()
        proof.seen(code == -signal.SIGKILL, f"kill -9 ({target}), ended with {code}")
        if not ingest.is_running:
            await start_apart(ingest)
    return proof


async def die_at_step(world: World, victim: Member, step: str, until_s: float) -> int:
    """Start an incarnation that kills itself at a step, and feed it; its exit code."""
    count = str(world.chance.randint(1, 3))
    await start_apart(victim, FAULT_STEP=step, FAULT_COUNT=count, FAULT_SIGNAL="SIGKILL")
    victim.wanted = False
    await world.play(until_s)
    try:
        return await victim.ended(STEP_S)
    except TimeoutError:
        return await victim.kill()


async def start_apart(member: Member, **more: str) -> None:
    """Start in a group of its own: nobody waits for a dead member's session; the cursors are the database's."""
    await member.start(CUOFENG_KAFKA_GROUP=f"apart-{uuid.uuid4().hex[:8]}", **more)


async def take_over(world: World, dose: Dose) -> Proof:
    """The members of a group share the partitions; one is killed, or stopped in order, and the others go on."""
    proof = Proof()
    for until_s in pieces(world, dose.count):
        await world.until(partial(_shared, world), "every member owns partitions", 60)
        victim = world.chance.choice(world.of_role("ingest"))
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
        await world.until(world.is_read, "the others read everything", 60)
        first = {s.part: s.at for s in reversed(await moves.steps(world.engine, began)) if not s.is_claim}
        if mine & set(first):
            waited_s = max(first[part] for part in mine & set(first)) - began
            proof.figures["hand_over_s" if is_planned else "take_over_s"].append(waited_s)
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
    zombie, heir, *others = world.of_role("ingest")
    for other in others:
        await other.kill()
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
        await world.until(partial(_is_stopped, zombie), f"{zombie.name} is frozen at {step}", 20)
        epochs = await _epochs(world)
        await start_apart(heir)
        await world.until(partial(_all_above, world, epochs), "another member has claimed every partition", 40)
        await world.play(until_s)
        zombie.signal(signal.SIGCONT)
        await world.until(world.is_read, "everything is read beside the zombie", 60)
        proof.seen(not await _is_stopped(zombie), f"{zombie.name} was frozen, and woke up")
    for other in others:
        await other.start()
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
