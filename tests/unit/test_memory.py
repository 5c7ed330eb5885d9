"""Memory that lies between pieces in use goes back to the system."""

import asyncio
from pathlib import Path

import pytest

from consumers import memory

MIB = 1 << 20


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MIB


@pytest.mark.skipif(memory._TRIM is None or not Path("/proc/self/statm").exists(), reason="needs glibc on Linux")
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
