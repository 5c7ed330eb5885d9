"""A real Prometheus scrapes the real service: every query of the dashboard and every rule finds rows."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.api import create_app
from service.clock import VirtualClock
from tests.deploy.sources import DEPLOY, RULES, dashboard_queries, read_yaml, rules, without_bar
from tests.integration.served import served
from tests.integration.world import NOON, SETTINGS, World, add_alert, add_feed_health, build_world

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(120)]


async def run(*command: str) -> str:
    """Run a program to its end; its output. Fails when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def local_config(target: str, folder: Path, key: str) -> Path:
    """The configuration of `deploy/`, pointed at this machine and quick."""
    config = read_yaml(DEPLOY / "prometheus" / "prometheus.yml")
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(RULES)]
    scrape = config["scrape_configs"][0]
    scrape["static_configs"][0]["targets"] = [target.removeprefix("http://")]
    key_file = folder / "metrics.key"
    key_file.write_text(key)
    scrape["authorization"]["credentials_file"] = str(key_file)
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


@asynccontextmanager
async def prometheus(config: Path, folder: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A Prometheus on a free port, ended by its process id; a client of its API."""
    port = free_port()
    log = (folder / "prometheus.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn", stdout=log, stderr=log,
    )  # fmt: skip
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            yield client
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)
        log.close()


async def rows(client: httpx2.AsyncClient, expression: str) -> list[Any]:
    """Result of an instant query; NaN counts as no row."""
    response = await client.get("/api/v1/query", params={"query": expression})
    if response.status_code == 503:  # it is still starting
        return []
    answer = response.json()
    assert answer["status"] == "success", (expression, answer)
    found = answer["data"]["result"]
    pairs = [found] if answer["data"]["resultType"] == "scalar" else [row["value"] for row in found]
    return [value for _, value in pairs if value != "NaN"]


async def until_rows(client: httpx2.AsyncClient, expression: str, seconds: float) -> list[Any]:
    """Ask again until there are rows or the time is over."""
    found: list[Any] = []
    for _ in range(int(seconds * 2)):
        try:
            found = await rows(client, expression)
        except httpx2.TransportError:
            found = []
        if found:
            return found
        await asyncio.sleep(0.5)
    return found


async def go_on(engine: AsyncEngine, address: str, world: World) -> None:
    """What happens between two scrapes: rows come in, some are refused, people read."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE ingest_account SET row_count = row_count + 10"))
    async with httpx2.AsyncClient(base_url=address) as client:
        assert (await client.get("/v1/alerts", headers=world.bearer("city"))).status_code == 200


async def test_every_query_and_rule_finds_rows(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dashboard queries with "all" chosen, recording rules, and alerts without their bar."""
    monkeypatch.setattr("service.api.exporter.REFRESH_S", 0.5)
    monkeypatch.setattr("service.api.exporter.FRESH_S", 1.0)
    world = await build_world(engine)
    async with engine.begin() as connection:
        await add_feed_health(connection)
    await add_alert(engine, "P1", "a1")
    app = create_app(SETTINGS, engine, VirtualClock(NOON.timestamp() + 10))
    async with served(app) as address:
        config = local_config(address, tmp_path, world.keys["metrics"])
        async with prometheus(config, tmp_path) as client:
            assert await until_rows(client, "cuofeng_database_up == 1", 30), (tmp_path / "prometheus.log").read_text()
            for _ in range(4):
                await go_on(engine, address, world)
                await asyncio.sleep(1.2)
            empty = []
            expressions = dashboard_queries() + [
                (rule.get("record") or rule["alert"], rule.get("record") or without_bar(rule["expr"]))
                for rule in rules()
            ]
            for title, expression in expressions:
                if not await until_rows(client, expression, 5):
                    empty.append((title, expression))
            assert empty == []
            loaded = (await client.get("/api/v1/rules")).json()["data"]["groups"]
            problems = [r["lastError"] for group in loaded for r in group["rules"] if r["health"] == "err"]
            assert problems == []
            (violating,) = await rows(client, "sum(cuofeng_plant_violating)")
            assert float(violating) == 1
            names = (
                await client.get("/api/v1/label/plant_id/values", params={"match[]": "cuofeng_plant_load_watts"})
            ).json()
            assert names["data"] == ["P1", "P3"]


async def test_promtool_accepts_the_rules_and_their_tests() -> None:
    """`promtool check rules`, `promtool test rules`."""
    checked = await run("promtool", "check", "rules", str(RULES))
    assert f"{len(rules())} rules found" in checked
    assert "SUCCESS" in await run("promtool", "test", "rules", str(DEPLOY / "prometheus" / "tests" / "cuofeng.yaml"))


async def test_promtool_accepts_the_configuration(tmp_path: Path) -> None:
    """`promtool check config`, with the key where it will be."""
    config = local_config("http://127.0.0.1:1", tmp_path, "key")
    assert "SUCCESS" in await run("promtool", "check", "config", str(config))


async def test_every_alert_has_a_promtool_test_that_fires_it() -> None:
    """And one moment at which it is silent."""
    tests = read_yaml(DEPLOY / "prometheus" / "tests" / "cuofeng.yaml")["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", [])]
    for rule in rules():
        if "alert" in rule:
            own = [case for case in cases if case["alertname"] == rule["alert"]]
            assert any(case.get("exp_alerts") for case in own), rule["alert"]
            assert any(not case.get("exp_alerts") for case in own), rule["alert"]
