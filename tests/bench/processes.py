"""The processes of the service, started as an operator starts them, and what they cost (Linux: from /proc)."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import monotonic, sleep

from service.embedded.process import KeptServer

ROOT = Path(__file__).resolve().parents[2]
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
STOP_S = 20.0
LOOK_S = 0.05
#: Fields of /proc/PID/stat behind the name: utime, stime and those of children that ended.
CPU_FIELDS = slice(11, 15)


class Process(KeptServer):
    """One process that ends when we do. Its environment: ours without any setting, and the settings given."""

    def __init__(self, name: str, command: list[str], settings: Mapping[str, str]) -> None:
        """settings: ``CUOFENG_…`` and their values."""
        super().__init__(None, name=name)
        self._command, self._settings = command, settings

    def start(self) -> None:
        """Start; whether it is ready, the database or its port tells."""
        self.make_folder()
        drop = [part for name in os.environ if name.startswith("CUOFENG_") for part in ("-u", name)]
        given = [f"{name}={value}" for name, value in {"PYTHONPATH": str(ROOT), **self._settings}.items()]
        command = ["env", *drop, *given, *self._command]
        self.launch(command, is_ready=lambda: True, timeout_s=30.0, grace_s=STOP_S)

    def must_run(self) -> None:
        """Raises RuntimeError with the end of its log when it has ended."""
        if not self.is_running:
            raise RuntimeError(f"{self._name} ended by itself:\n{self._tail()}")

    def finish(self, within_s: float) -> str:
        """Wait for a process that ends by itself; what it printed. Raises RuntimeError when it fails or is late."""
        deadline_s = monotonic() + within_s
        while self.is_running and monotonic() < deadline_s:
            sleep(LOOK_S)
        if self._exit_line() != "exited 0":
            raise RuntimeError(f"{self._name} did not come to its end: {self._exit_line()}\n{self._tail()}")
        return self._tail()


def cpu_s(pids: Iterable[int]) -> float:
    """CPU seconds that the processes, their living children and those that ended have taken so far."""
    ticks = 0
    for pid in pids:
        for each in (pid, *_children(pid)):
            try:
                stat = Path(f"/proc/{each}/stat").read_text()
            except OSError:
                continue
            ticks += sum(int(n) for n in stat.rpartition(")")[2].split()[CPU_FIELDS])
    return ticks / TICKS_PER_S


def peak_mib(pid: int) -> float:
    """The most memory that the process ever held resident, MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} tells no VmHWM")


def _children(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in found.split()]
