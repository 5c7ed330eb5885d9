"""The servers of a world: shared ones, or a database or a broker of its own that may be stopped and started again."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from service.demo.parts import Servers
from service.embedded import ApacheKafka, EmbeddedBroker, EmbeddedPostgres
from service.embedded.apache import missing_programs
from service.embedded.process import temporary_folder

SMALL_DISK = "192m"


@dataclass(frozen=True, slots=True)
class Ground:
    """What one world stands on. postgres, kafka: the servers that it may stop, where they are its own; folder: of that
    database."""

    at: Servers
    folder: Path | None = None
    postgres: EmbeddedPostgres | None = None
    kafka: ApacheKafka | None = None


class Stage:
    """Shared servers for many worlds: given ones, or embedded ones that start when first needed."""

    def __init__(self, database_url: str | None = None, bootstrap: str | None = None, *, broker: str = "") -> None:
        """broker: ``apache`` for an Apache Kafka where none is given."""
        self._database_url, self._bootstrap = database_url, bootstrap
        self._broker = broker
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @contextmanager
    def ground(self, wanted: str) -> Iterator[Ground]:
        """Servers for one world: ``shared``, ``database`` or ``apache``."""
        with ExitStack() as stack:
            folder, postgres, kafka = None, None, None
            if wanted in ("database", "small_disk"):
                folder = stack.enter_context(_folder("cuofeng-faults-database-"))
                if wanted == "small_disk":
                    stack.enter_context(_small_disk(folder))
                postgres = stack.enter_context(EmbeddedPostgres(folder))
            if wanted == "apache":
                kafka = stack.enter_context(ApacheKafka(stack.enter_context(_folder("cuofeng-faults-kafka-"))))
            url = self._postgres() if postgres is None else postgres.url
            bootstrap = self._kafka() if kafka is None else kafka.bootstrap
            yield Ground(Servers(url, bootstrap, "", ""), folder, postgres, kafka)

    @property
    def database_server(self) -> str:
        """Address of the shared database server, which is started when nobody asked for it before."""
        return self._postgres()

    def _postgres(self) -> str:
        if self._database_url is None:
            self._database_url = self._stack.enter_context(EmbeddedPostgres(fsync=False)).url
        return self._database_url

    def _kafka(self) -> str:
        if self._bootstrap is None:
            server: ApacheKafka | EmbeddedBroker = ApacheKafka() if self._broker == "apache" else EmbeddedBroker()
            self._stack.enter_context(server)
            self._bootstrap = server.bootstrap
        return self._bootstrap


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    """A folder that the database's account can reach; removed at the end."""
    folder = temporary_folder(prefix)
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lacking(servers: str) -> str:
    """What this machine lacks for such servers; empty: nothing."""
    if servers == "apache":
        return ", ".join(missing_programs())
    if servers == "small_disk":
        with _folder("cuofeng-faults-mount-") as folder:
            try:
                with _small_disk(folder):
                    return ""
            except (OSError, subprocess.CalledProcessError):
                return "the right to mount a file system"
    return ""


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """A file system of little space at a folder. Raises CalledProcessError where that is not allowed."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK},mode=755", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)
