"""Faults of the broker and of the lines to it and to the database."""

import asyncio
import os
import signal
from functools import partial

from tests.faults.dose import Dose, Proof, pieces
from tests.faults.outage import LONG_S, away, caught_up
from tests.faults.world import World
from tests.integration.tcp_proxy import Proxy, Trap


def lines(world: World) -> list[Proxy]:
    """Every line of every process."""
    return [line for m in world.members.values() for line in (m.database, m.broker)]


async def broker_away(world: World, dose: Dose) -> Proof:
    """No process reaches the broker; the stream goes on."""
    return await away(world, dose, [m.broker for m in world.members.values()])


async def broker_restarted(world: World, dose: Dose) -> Proof:
    """The broker ends, in order or by kill -9, and starts again on its log."""
    proof = Proof()
    kafka = world.own_kafka
    for until_s in pieces(world, dose.count):
        middle_s = (world.now_s + until_s) / 2
        await world.play(middle_s)
        old = kafka.pid
        if world.chance.random() < 0.5:
            os.kill(old, signal.SIGKILL)
        await asyncio.to_thread(kafka.stop)
        await asyncio.to_thread(kafka.start)
        proof.seen(kafka.pid != old, "another broker process answers")
        await world.play(until_s)
        await caught_up(world, proof)
    return proof


async def latency(world: World, dose: Dose) -> Proof:
    """Every piece of every connection is late."""
    proof = Proof()
    for until_s in pieces(world, dose.count):
        before = sum(line.delayed for line in lines(world))
        for line in lines(world):
            line.delay_s = world.chance.uniform(0.02, 0.2)
        await world.play(until_s, over_s=2.0)
        await asyncio.sleep(1.0)
        for line in lines(world):
            line.delay_s = 0.0
        proof.seen(sum(line.delayed for line in lines(world)) > before, "pieces were late")
    return proof


async def resets(world: World, dose: Dose) -> Proof:
    """Connections end in the middle of whatever they carry, one line after the other."""
    proof = Proof()
    for until_s in pieces(world, dose.count):
        playing = asyncio.create_task(world.play(until_s, over_s=0.8))
        for _ in range(3):
            await asyncio.sleep(world.chance.uniform(0.05, 0.3))
            chosen = [line for line in lines(world) if line.connections]
            line = world.chance.choice(chosen)
            before = line.resets
            line.reset()
        proof.seen(line.resets > before, "connections were reset")
        await playing
    return proof


async def half_open(world: World, dose: Dose) -> Proof:
    """Connections stay open and carry nothing. A short time ends with a reset, as from a router that forgot them; one
    of ``LONG_S`` or more never ends: the clients have to give them up."""
    proof = Proof()
    for until_s in pieces(world, dose.count):
        member = world.chance.choice([*world.of_role("ingest"), *world.of_role("evaluate")])
        line = member.database if member.role == "evaluate" else world.chance.choice([member.database, member.broker])
        before = line.swallowed
        line.hold()
        await world.play(until_s, over_s=dose.outage_s)
        proof.seen(line.swallowed > before, f"a line of {member.name} was mute")
        line.release()
        if dose.outage_s < LONG_S:
            line.reset()
        await caught_up(world, proof)
    return proof


async def commit_cut(world: World, dose: Dose) -> Proof:
    """The connection ends at COMMIT: before the server has it, or after; the client knows neither."""
    proof = Proof()
    for until_s in pieces(world, dose.count):
        member = world.chance.choice([*world.of_role("ingest"), *world.of_role("evaluate")])
        trap = Trap(b"COMMIT", is_delivered=world.chance.random() < 0.5)
        member.database.trap = trap
        await world.play(until_s, over_s=0.5)
        await world.until(partial(_is_sprung, trap), f"a COMMIT of {member.name}", 30)
        proof.seen(trap.sprung == 1, "a connection ended at COMMIT")
        member.database.trap = None
    return proof


async def _is_sprung(trap: Trap) -> bool:
    return trap.sprung > 0
