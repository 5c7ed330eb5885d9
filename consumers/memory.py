"""What a process needed for a moment is given back to the system."""

import asyncio
import ctypes
from collections.abc import Callable

#: Seconds.
EVERY_S = 20.0
#: glibc's; other C libraries have none, and keep less.
_TRIM: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
_SET: Callable[[int, int], int] | None = getattr(ctypes.CDLL(None), "mallopt", None)
_ARENA_MAX = -8  # a parameter of mallopt


def share_one_heap() -> None:
    """Let all threads take from one heap, those that begin from now on: a registry that is compiled in one and
    forgotten in another leaves a heap with holes in each. They wait for each other little, since Python runs one."""
    if _SET is not None:
        _SET(_ARENA_MAX, 1)


async def give_back_for_ever() -> None:
    """Give back now and then, in a thread: a registry that is loaded lies elsewhere than the one before, and so does
    each pass; the process would hold the most that it ever needed at each place."""
    while True:
        await asyncio.sleep(EVERY_S)
        await asyncio.to_thread(give_back)


def give_back() -> None:
    """Return free memory to the system, milliseconds: glibc keeps what lies between pieces in use."""
    if _TRIM is not None:
        _TRIM(0)
