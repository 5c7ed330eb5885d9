"""``cuofeng doctor`` on a database whose disk is full."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from service.cli.findings import State
from service.db.engine import make_engine
from service.db.migrate import migrate
from service.embedded.process import temporary_folder
from tests.integration.test_doctor_faults import administrator, doctor
from tests.integration.test_operations import execute, make_healthy


@pytest.fixture
def small_disk(postgres_url: str) -> Iterator[Path]:
    """A folder of the database server's account on a file system of 24 MiB."""
    folder = temporary_folder("cuofeng-disk-")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip("a full disk needs the right to mount one")
    try:
        folder.chmod(0o755)
        (folder / "space").mkdir(mode=0o700)
        account = Path(f"/proc/{_server_pid(make_url(postgres_url).port or 5432)}").stat()
        os.chown(folder / "space", account.st_uid, account.st_gid)
        yield folder / "space"
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


async def test_a_full_disk(postgres_url: str, small_disk: Path) -> None:
    """Reading goes on, so everything else is found as it is."""
    name = f"full_{uuid.uuid4().hex[:8]}"
    server = make_url(postgres_url)
    async with administrator(postgres_url) as outside:
        await outside.execute(f"CREATE TABLESPACE {name} LOCATION '{small_disk}'")
        await outside.execute(f"CREATE DATABASE {name} TABLESPACE {name}")
        url = server.set(database=name).render_as_string(hide_password=False)
        engine = make_engine(url, name="test", pool_size=2)
        try:
            await migrate(engine)
            await make_healthy(engine)
            await execute(engine, "CREATE UNLOGGED TABLE filling (x text)")
            await execute(engine, "ALTER TABLE filling ALTER COLUMN x SET STORAGE EXTERNAL")
            with pytest.raises(DBAPIError, match="No space left"):
                await execute(engine, "INSERT INTO filling SELECT repeat('x', 1 << 20) FROM generate_series(1, 64)")
            found = await doctor(url)
        finally:
            await engine.dispose()
            await outside.execute(f"DROP DATABASE {name} WITH (FORCE)")
            await outside.execute(f"DROP TABLESPACE {name}")
    assert (found["writes"].state, found["writes"].detail) == (State.FAIL, "the disk of the database is full")
    assert "free room" in found["writes"].advice
    assert found["schema"].state is State.OK


def _server_pid(port: int) -> int:
    """The process that listens on a port of this machine."""
    wanted = f"0100007F:{port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(line[9] for line in lines if line[1] == wanted and line[3] == "0A")
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(entry) == f"socket:[{inode}]":
                return int(entry.parts[2])
        except OSError:
            continue
    raise AssertionError(f"nobody listens on {port}")
