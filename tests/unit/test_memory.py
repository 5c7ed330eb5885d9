"""Memory that lies between pieces in use goes back to the system."""

from pathlib import Path

import pytest

from consumers import memory

MIB = 1 << 20


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MIB


@pytest.mark.skipif(memory._TRIM is None or not Path("/proc/self/statm").exists(), reason="needs glibc on Linux")
def test_what_is_free_between_pieces_in_use_is_given_back() -> None:
    pieces = [bytearray(b"x") * (MIB // 16) for _ in range(64 * 16)]
    kept = pieces[::16]
    del pieces
    held = resident_mib()
    memory.give_back()
    assert held - resident_mib() > 40
    assert {bytes(piece[:1]) for piece in kept} == {b"x"}
