"""Memory that lies between pieces in use goes back to the system."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumers import memory

MIB = 1 << 20


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MIB


#: Each heap of a thread reserves 64 MiB of addresses when it first takes something from it.
THREADS_THAT_TAKE = """
import sys, threading
from pathlib import Path
from consumers.memory import share_one_heap

def addresses_mib():
    return int(Path("/proc/self/statm").read_text().split()[0]) * 4096 >> 20

if sys.argv[1] == "shared":
    share_one_heap()
threading.stack_size(1 << 20)
before, all_hold = addresses_mib(), threading.Barrier(5)

def take():
    held = bytearray(b"x") * 60_000
    all_hold.wait()
    all_hold.wait()
    del held

threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads:
    thread.start()
all_hold.wait()
print(addresses_mib() - before)
all_hold.wait()
"""
needs_glibc = pytest.mark.skipif(
    memory._TRIM is None or not Path("/proc/self/statm").exists(), reason="needs glibc on Linux"
)


@needs_glibc
async def test_what_is_free_between_pieces_in_use_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "EVERY_S", 0.01)
    task = asyncio.create_task(memory.give_back_for_ever())
    for _ in range(2):
        pieces = [bytearray(b"x") * (MIB // 16) for _ in range(64 * 16)]
        kept, held = pieces[::16], resident_mib()
        del pieces
        async with asyncio.timeout(10):
            while held - resident_mib() < 40:  # noqa: ASYNC110 - what is waited for is the system
                await asyncio.sleep(0.01)
        assert {bytes(piece[:1]) for piece in kept} == {b"x"}
    task.cancel()


@needs_glibc
@pytest.mark.parametrize(("heaps", "is_more"), [("shared", False), ("own", True)])
def test_threads_take_from_one_heap(heaps: str, is_more: bool) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    told = subprocess.run(
        [sys.executable, "-c", THREADS_THAT_TAKE, heaps], check=True, capture_output=True, text=True, env=clean
    ).stdout
    assert (int(told) >= 4 * 60) is is_more
