"""What a process needed for a moment is given back to the system."""

import ctypes
from collections.abc import Callable

#: glibc's; other C libraries have none, and keep less.
_TRIM: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Return free memory to the system, milliseconds: glibc keeps what lies between pieces in use, and each registry
    that is loaded lies elsewhere than the one before."""
    if _TRIM is not None:
        _TRIM(0)
