"""A process of the service under a clock of the harness.

The same code as ``cuofeng consume --role …`` and ``cuofeng serve``; only the clock's one place is another. FAULT_CLOCK
names the file that holds its time. With FAULT_STEP, FAULT_COUNT and FAULT_SIGNAL it sends itself that signal when an
ingest batch reaches that step for the count-th time.

It is forked from a process that has imported all this before: a thousand kills cost no thousand starts of Python.
"""

import ctypes
import os
import random
import signal
import sys
from collections.abc import Mapping
from functools import partial
from unittest import mock

# Imported before the fork, whatever the role.
from consumers import __main__ as consumers_main
from consumers import evaluate, process
from consumers.transaction import OnStep, no_step
from service.cli import commands, main
from service.clock import SystemClock
from tests.faults.clock_file import ClockFile

WARM = (commands, evaluate)
PR_SET_PDEATHSIG = 1


def striker(environment: Mapping[str, str]) -> OnStep:
    """A hook that signals this process at a step."""
    step, left = environment.get("FAULT_STEP"), int(environment.get("FAULT_COUNT", "1"))
    if step is None:
        return no_step

    async def on_step(at: str) -> None:
        nonlocal left
        if at == step:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.Signals[environment["FAULT_SIGNAL"]])

    return on_step


def run(role: str, environment: Mapping[str, str], log: str) -> None:
    """Run ``ingest``, ``evaluate`` or ``serve`` until SIGTERM; what it says goes to the end of a file."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for output in (1, 2):
        os.dup2(written, output)
    os.close(written)
    os.environ.clear()
    os.environ.update(environment)
    random.seed()
    clock = ClockFile(environment["FAULT_CLOCK"])
    with (
        mock.patch.object(SystemClock, "now", staticmethod(clock.now)),
        mock.patch.object(process, "run", partial(process.run, on_step=striker(environment))),
    ):
        if role == "serve":
            sys.argv = ["cuofeng", "serve"]
            main()
        else:
            sys.exit(consumers_main.main([role]))
