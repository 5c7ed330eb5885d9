"""A server that lives and dies with this process: the parent's half of ``service.embedded.keeper``."""

import atexit
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from detectors.errors import InfrastructureError
from service.embedded.keeper import Orders

LOG_TAIL_BYTES = 4000
KEEPER = Path(__file__).with_name("keeper.py")


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open_to_all(path: Path) -> bool:
    """Whether any account may enter every folder above ``path``."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def temporary_folder(prefix: str) -> Path:
    """A new private folder; for root one that lies where another account can reach it."""
    root = Path(tempfile.gettempdir())
    if os.geteuid() == 0 and not is_open_to_all(root / "x"):
        root = next((p for p in (Path("/var/tmp"), Path("/dev/shm")) if p.is_dir()), root)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=root))


class KeptServer(ABC):
    """One server process in a folder of its own, started and stopped by a keeper that outlives neither of the two."""

    def __init__(self, folder: Path | None, *, name: str) -> None:
        """folder: where data and log go; None: a temporary folder that is removed at the end."""
        self._given = folder
        self._name = name
        self._folder: Path | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._owner_pid = os.getpid()
        self.pid = 0
        """Process id of the server itself."""

    @property
    def folder(self) -> Path:
        """The server's folder; only while it is started."""
        if self._folder is None:
            raise InfrastructureError(f"the embedded {self._name} is not started")
        return self._folder

    @property
    def is_running(self) -> bool:
        """Whether the server was started and has not ended."""
        return self._keeper is not None and self._keeper.poll() is None and self._exit_line() is None

    @abstractmethod
    def start(self) -> None:
        """Start and wait until it answers; again after a stop: on the same port."""

    def make_folder(self) -> Path:
        """Make the server's folder and remember it."""
        if self._given is None:
            self._folder = temporary_folder(f"cuofeng-{self._name}-")
        else:
            self._given.mkdir(parents=True, exist_ok=True)
            self._folder = self._given.resolve()
        return self._folder

    def launch(
        self,
        command: list[str],
        *,
        prepare: list[list[str]] | None = None,
        is_ready: Callable[[], bool],
        timeout_s: float,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_s: float = 10.0,
        uid: int | None = None,
        gid: int | None = None,
    ) -> None:
        """Start ``command`` under a keeper and wait until ``is_ready`` says so. Raises InfrastructureError with the end
        of the server's log when it ends first or is not ready in ``timeout_s``; nothing is left running then."""
        orders = Orders(
            prepare=prepare or [],
            command=command,
            folder=str(self.folder),
            remove=self._given is None,
            uid=os.getuid() if uid is None else uid,
            gid=os.getgid() if gid is None else gid,
            stop_signal=int(stop_signal),
            grace_s=grace_s,
        )
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(KEEPER), json.dumps(orders), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._owner_pid = os.getpid()
        atexit.register(self.stop)
        try:
            self._await(is_ready, time.monotonic() + timeout_s)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and remove its temporary folder; again does nothing, nor does a forked child's call."""
        if os.getpid() != self._owner_pid:
            return
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            atexit.unregister(self.stop)
            assert keeper.stdin is not None
            assert keeper.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                keeper.stdin.close()
            keeper.wait()
            keeper.stdout.close()
        if self._folder is not None and self._given is None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder, self._unread, self.pid = None, b"", 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _await(self, is_ready: Callable[[], bool], deadline: float) -> None:
        while True:
            exited = self._exit_line()
            if exited is not None:
                raise InfrastructureError(f"the embedded {self._name} ended at its start ({exited}):\n{self._tail()}")
            if self.pid and is_ready():
                return
            if time.monotonic() > deadline:
                raise InfrastructureError(f"the embedded {self._name} did not answer in time:\n{self._tail()}")
            time.sleep(0.01 if self.pid else 0.05)

    def _exit_line(self) -> str | None:
        """``exited N`` once the server ended; reads what the keeper said on the way."""
        keeper = self._keeper
        if keeper is None or keeper.stdout is None:
            return "not started"
        while select.select([keeper.stdout], [], [], 0)[0]:
            piece = os.read(keeper.stdout.fileno(), 4096)
            if not piece:
                return "keeper gone"
            self._unread += piece
        for line in self._unread.decode().splitlines():
            word, _, number = line.partition(" ")
            if word == "exited":
                return line
            if word == "pid":
                self.pid = int(number)
        return None

    def _tail(self) -> str:
        log = self.folder / "log"
        return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace") if log.exists() else ""
