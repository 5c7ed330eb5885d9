"""Runs one server and ends it when the process that asked for it is gone, however it went (also kill -9).

Started as a script by ``service.embedded.process``; standard library only, nothing of ours is imported, so it starts in
milliseconds. It holds standard input as a pipe to the parent: end of file means the parent stopped or died. Should the
keeper itself be killed, the kernel signals the server (Linux: ``PR_SET_PDEATHSIG``). It runs in a session of its own:
Ctrl-C in the parent's terminal does not reach the server before the parent is done with it.

Argument: one JSON object (``Orders``). Output: ``pid N`` when the server was started, ``exited N`` when it ended by
itself.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import TypedDict

PR_SET_PDEATHSIG = 1
LOOK_S = 0.5


class Orders(TypedDict):
    """What the keeper is asked to do."""

    prepare: list[list[str]]
    """Commands that are run one after the other before the server; the first that fails ends it all."""
    command: list[str]
    """The server, in the foreground."""
    folder: str
    """Working folder; ``log`` in it takes the server's output."""
    remove: bool
    """Remove the folder at the end."""
    uid: int
    gid: int
    stop_signal: int
    """Asks the server to end."""
    grace_s: float
    """How long it may take before it is killed."""


def become(uid: int, gid: int, stop_signal: int, keeper_pid: int) -> Callable[[], None]:
    """What a child does between fork and exec: give up root, and tie its life to the keeper's."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def in_child() -> None:
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_DFL)
        if os.geteuid() == 0 and uid != 0:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)
            if os.getppid() != keeper_pid:
                os._exit(1)

    return in_child


def parent_is_gone(parent_pid: int, timeout_s: float) -> bool:
    """Wait for end of file on standard input, at most ``timeout_s``. A forked child of the parent may hold the pipe
    open after the parent died: then the parent's process id tells."""
    readable, _, _ = select.select([0], [], [], timeout_s)
    if readable and os.read(0, 4096) == b"":
        return True
    return os.getppid() != parent_pid


def stop(server: subprocess.Popen[bytes], stop_signal: int, grace_s: float) -> None:
    """Ask, wait, kill."""
    if server.poll() is None:
        server.send_signal(stop_signal)
        try:
            server.wait(grace_s)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def say(line: str) -> None:
    """Tell the parent, if it is still there."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, f"{line}\n".encode())


def keep(orders: Orders, parent_pid: int) -> None:
    """Run the server until it or the parent ends, then clear up."""
    in_child = become(orders["uid"], orders["gid"], orders["stop_signal"], os.getpid())
    try:
        with open(os.path.join(orders["folder"], "log"), "ab") as log:

            def run(command: list[str]) -> subprocess.Popen[bytes]:
                return subprocess.Popen(
                    command,
                    cwd=orders["folder"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=in_child,
                )

            for command in orders["prepare"]:
                code = run(command).wait()
                if code != 0:
                    say(f"exited {code}")
                    while not parent_is_gone(parent_pid, LOOK_S):
                        pass
                    return
            server = run(orders["command"])
            say(f"pid {server.pid}")
            is_told = False
            try:
                while not parent_is_gone(parent_pid, LOOK_S):
                    if not is_told and server.poll() is not None:
                        say(f"exited {server.returncode}")
                        is_told = True
            finally:
                stop(server, orders["stop_signal"], orders["grace_s"])
    finally:
        if orders["remove"]:
            shutil.rmtree(orders["folder"], ignore_errors=True)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    keep(json.loads(sys.argv[1]), int(sys.argv[2]))
