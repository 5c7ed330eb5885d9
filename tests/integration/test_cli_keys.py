"""`cuofeng keys` and `cuofeng serve` as a person runs them: in a process of their own."""

import asyncio
import json
import os
import re
import signal
import sys

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.db.keys import digest_of
from tests.integration.world import SETTINGS, build_world


async def cuofeng(database_url: str, *arguments: str) -> tuple[int, str, str]:
    """Run the command line; exit code, standard output, standard error."""
    process = await start(database_url, *arguments)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


async def start(database_url: str, *arguments: str) -> asyncio.subprocess.Process:
    """The command line in a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from service.cli import main; main()", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "CUOFENG_DATABASE_URL": database_url},
    )  # fmt: skip


async def test_create_prints_the_key_and_only_it(engine: AsyncEngine, database_url: str) -> None:
    """So that a script can take it; the audit log knows who made what."""
    code, out, err = await cuofeng(
        database_url, "keys", "create", "--role", "county", "--county", "新密市", "--name", "县办", "--days", "90"
    )
    assert (code, err) == (0, "")
    key = out.removesuffix("\n")
    assert re.fullmatch(r"cuo_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", key)
    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT * FROM api_keys"))).one()
        audit = (await connection.execute(text("SELECT action, subject FROM audit_log"))).all()
    assert (row.role, row.county, row.name, row.revoked_at) == ("county", "新密市", "县办", None)
    assert 89 <= (row.expires_at - row.created_at).days <= 90
    assert bytes(row.digest) == digest_of(key, SETTINGS.key_pepper.get_secret_value())
    assert [tuple(a) for a in audit] == [("key.create", row.key_id)]


async def test_list_and_revoke(engine: AsyncEngine, database_url: str) -> None:
    """No key is shown; a revoked one stays in the list."""
    _, key, _ = await cuofeng(database_url, "keys", "create", "--role", "metrics", "--name", "prometheus")
    key_id = key.split("_")[1]
    code, out, _ = await cuofeng(database_url, "keys", "list", "--json")
    (row,) = json.loads(out)
    assert (code, row["key_id"], row["role"], row["revoked_at"]) == (0, key_id, "metrics", None)
    assert key.strip().split("_", 2)[2] not in out
    assert (await cuofeng(database_url, "keys", "revoke", key_id))[0] == 0
    code, _, err = await cuofeng(database_url, "keys", "revoke", key_id)
    assert (code, err) == (2, f"cuofeng: there is no active key {key_id}\n")
    _, out, _ = await cuofeng(database_url, "keys", "list")
    assert "revoked" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--role", "county", "--name", "x"),
        ("--role", "city", "--county", "新密市", "--name", "x"),
        ("--role", "mayor", "--name", "x"),
        ("--role", "city"),
    ],
)
async def test_bad_usage_is_2_and_prints_no_key(
    engine: AsyncEngine, database_url: str, arguments: tuple[str, ...]
) -> None:
    """Refused before anything is written."""
    code, out, err = await cuofeng(database_url, "keys", "create", *arguments)
    assert (code, out) == (2, "")
    assert err
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM api_keys")) == 0


async def test_serve_answers_and_ends_at_once_with_open_long_polls(engine: AsyncEngine, database_url: str) -> None:
    """SIGTERM with a reader waiting: it gets its (empty) page, the process ends with 0 in under 10 s."""
    world = await build_world(engine)
    process = await start(database_url, "serve", "--port", "0", "--host", "127.0.0.1")
    assert process.stderr is not None
    try:
        line = json.loads(await asyncio.wait_for(process.stderr.readline(), 30))
        assert line["event"] == "serving"
        async with httpx2.AsyncClient(base_url=line["address"], timeout=40) as client:
            assert (await client.get("/livez")).json() == {"status": "alive"}
            begin = (await client.get("/v1/alert-events", headers=world.bearer("city"))).json()
            waiting = asyncio.create_task(
                client.get(f"/v1/alert-events?wait=30&after={begin['next']}", headers=world.bearer("city"))
            )
            await asyncio.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            page = await asyncio.wait_for(waiting, 8)
            assert (page.status_code, page.json()["events"]) == (200, [])
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
