"""Processes that work for the harness, and end when it does, however it ends."""

import ctypes
import multiprocessing
import signal
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.faults.child import PR_SET_PDEATHSIG


def workers(count: int) -> ProcessPoolExecutor:
    """So many fresh processes."""
    fresh = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=fresh, initializer=_end_with_parent)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
