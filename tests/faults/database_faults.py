"""Faults of the database: sessions cut, away, stopped at once, set back to an older backup, out of space."""

import asyncio
import os
import shutil
import signal
from time import monotonic

from sqlalchemy import text

from tests.faults import moves
from tests.faults.dose import Dose, Proof, pieces
from tests.faults.outage import away
from tests.faults.world import World

#: Every session of the service, in the world's own database.
CUT = text(
    "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name LIKE 'cuofeng-%'"
    " AND application_name NOT LIKE 'cuofeng-harness%'"
)
#: Longer than a session of the group in a world (seconds).
REST_S = 8.0
#: What an operator does after a restore, so that readers notice (see docs/operations.md).
OTHER_STORE = text("UPDATE feed_head SET store_epoch = gen_random_uuid()")


async def cut_sessions(world: World, dose: Dose) -> Proof:
    """All sessions of the service are ended by the server, while batches and judgements are under way."""
    proof = Proof()
    for until_s in pieces(world, dose.count):
        playing = asyncio.create_task(world.play(until_s, over_s=1.0))
        await asyncio.sleep(world.chance.uniform(0.2, 0.9))
        async with world.engine.begin() as connection:
            cut = await connection.scalar(CUT)
        proof.seen(bool(cut), "sessions were cut")
        await playing
    return proof


async def database_away(world: World, dose: Dose) -> Proof:
    """No process reaches the database, for longer than the session of the group if told so; the stream goes on, and the
    members keep their partitions."""
    before = await _claims_at_rest(world)
    proof = await away(world, dose, [m.database for m in world.members.values()])
    if await _claims(world) != before:
        raise AssertionError("partitions changed hands though only the database was away")
    return proof


async def _claims_at_rest(world: World) -> int:
    """Claims so far, once the group has not moved for longer than a session: an earlier fault may still move it."""
    before, now = -1, await _claims(world)
    for _ in range(6):
        if now == before:
            break
        await asyncio.sleep(REST_S)
        before, now = now, await _claims(world)
    return now


async def _claims(world: World) -> int:
    return len([step for step in await moves.steps(world.engine) if step.is_claim])


async def database_stopped(world: World, dose: Dose) -> Proof:
    """The server stops at once, as at a power cut, and starts again from its log."""
    proof = Proof()
    for until_s in pieces(world, dose.count):
        playing = asyncio.create_task(world.play(until_s, over_s=2.0))
        await asyncio.sleep(world.chance.uniform(0.3, 1.5))
        old = stop_at_once(world)
        await asyncio.sleep(world.chance.uniform(0.5, 3.0))
        new = start_again(world)
        proof.seen(new != old, "another server process answers")
        await playing
        await resumed(world, proof)
    return proof


async def backup_restored(world: World, dose: Dose) -> Proof:
    """The data folder goes back to an older copy: cursors with it, and the stream is read again from there."""
    proof = Proof()
    postgres = world.own_postgres
    for until_s in pieces(world, dose.count):
        await world.settle()
        stop_at_once(world)
        backup = world.folder / "backup"
        shutil.rmtree(backup, ignore_errors=True)
        data = world.data_folder
        copy_tree(data, backup)
        start_again(world)
        stood = await world.cursor()
        await world.play(until_s)
        await world.until(world.is_read, "the stream is read", 40)
        gone = await world.cursor()
        stop_at_once(world)
        shutil.rmtree(data)
        copy_tree(backup, data)
        start_again(world)
        async with world.engine.begin() as connection:
            await connection.execute(OTHER_STORE)
            back = await connection.scalar(text("SELECT min(to_offset) FROM harness_moves"))
        proof.seen(back is not None and gone > stood, f"cursors went from {gone} back towards {stood}")
        await resumed(world, proof)
    assert postgres.is_running
    return proof


async def disk_full(world: World, dose: Dose) -> Proof:
    """No space is left for the database, for a while; then there is."""
    proof = Proof()
    ballast = world.data_folder.parent / "ballast"
    for until_s in pieces(world, dose.count):
        with ballast.open("wb") as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
                    file.flush()
            except OSError:
                pass
        began = await world.cursor()
        await world.play(until_s, over_s=2.0)
        await world.until(lambda: _ran_out(world), "the database says that its disk is full", 40)
        ballast.unlink()
        if not world.own_postgres.is_running:
            world.own_postgres.stop()
            world.own_postgres.start()
        proof.seen(await world.cursor() >= began, "the disk was full")
        await resumed(world, proof)
    return proof


async def _ran_out(world: World) -> bool:
    return b"No space left on device" in (world.data_folder.parent / "log").read_bytes()


async def resumed(world: World, proof: Proof) -> None:
    """Note how long it takes until everything is read from now on."""
    began = monotonic()
    await world.until(world.is_read, "the stream is read on", 60)
    proof.figures["resume_s"].append(monotonic() - began)


def stop_at_once(world: World) -> int:
    """Immediate stop; the process id that ended."""
    pid = world.own_postgres.pid
    os.kill(pid, signal.SIGQUIT)
    world.own_postgres.stop()
    return pid


def start_again(world: World) -> int:
    """Start on the same data and port; the new process id."""
    world.own_postgres.start()
    return world.own_postgres.pid


def copy_tree(source: os.PathLike[str], target: os.PathLike[str]) -> None:
    """Copy a folder with its owners."""

    def copy(one: str, other: str) -> str:
        shutil.copy2(one, other)
        owner = os.stat(one)
        os.chown(other, owner.st_uid, owner.st_gid)
        return other

    shutil.copytree(source, target, copy_function=copy)
    for folder, _, _ in os.walk(source):
        owner = os.stat(folder)
        twin = os.path.join(target, os.path.relpath(folder, source))
        os.chown(twin, owner.st_uid, owner.st_gid)
        os.chmod(twin, owner.st_mode)
