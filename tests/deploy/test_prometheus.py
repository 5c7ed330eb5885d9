"""A real Prometheus scrapes the demo: every query of the dashboard and every rule finds rows."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from service.db.alerts import OPEN_CONDITIONS
from service.demo.player import SOURCE_DELAY_S
from service.demo.season import SLOT_S
from tests.deploy.sources import DEPLOY, RULES, dashboard_queries, read_yaml, rules, without_bar
from tests.deploy.standing_demo import StandingDemo, standing_demo

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(400)]

#: A night run against a stop, and an account that the registry does not know yet.
UNTIL = "2017-11-16T23:00:00+08:00"
RUNS_AT_NIGHT = "DEMO-S02"
#: The longest that the story may take to get there, and an answer of Prometheus, on a machine that has more to do.
STORY_S = 150
PATIENCE_S = 40
ASK_EVERY_S = 0.5


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
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not found:
                with suppress(httpx2.TransportError):  # it is still starting
                    found = await rows(client, expression)
                if not found:
                    await asyncio.sleep(ASK_EVERY_S)
    return found


async def test_every_query_and_rule_finds_rows_in_the_demo(tmp_path: Path) -> None:
    """Dashboard queries with "all" chosen, recording rules, and alerts without their bar."""
    log = tmp_path / "prometheus.log"
    async with standing_demo(UNTIL, tmp_path / "demo.log") as demo:
        config = local_config(demo.address, tmp_path, demo.metrics)
        # It scrapes while the story plays: a rate needs what came in between two scrapes.
        async with prometheus(config, tmp_path) as client:
            assert await until_rows(client, "cuofeng_database_up == 1", PATIENCE_S), log.read_text()
            async with asyncio.timeout(STORY_S):
                await demo.stands()
            judged_s = int(datetime.fromisoformat(UNTIL).timestamp() - SOURCE_DELAY_S) // SLOT_S * SLOT_S
            assert await until_rows(client, f"cuofeng_data_as_of_timestamp_seconds == {judged_s}", PATIENCE_S)
            expressions = dashboard_queries() + [
                (rule.get("record") or rule["alert"], rule.get("record") or without_bar(rule["expr"]))
                for rule in rules()
            ]
            found = await asyncio.gather(*(until_rows(client, e, PATIENCE_S) for _, e in expressions))
            assert [named for named, its_rows in zip(expressions, found, strict=True) if not its_rows] == []
            loaded = (await client.get("/api/v1/rules")).json()["data"]["groups"]
            assert [r["lastError"] for group in loaded for r in group["rules"] if r["health"] == "err"] == []
            await agrees_with_the_api(client, demo)


async def agrees_with_the_api(client: httpx2.AsyncClient, demo: StandingDemo) -> None:
    """What Prometheus holds is what the API says of the same moment."""
    async with httpx2.AsyncClient(base_url=demo.address, headers={"Authorization": f"Bearer {demo.city}"}) as api:
        alerts = (await api.get("/v1/alerts", params={"limit": 500})).json()["alerts"]
        plants = (await api.get("/v1/plants", params={"limit": 500})).json()["plants"]
    still_open = [a for a in alerts if a["condition"] in OPEN_CONDITIONS]
    violating = {p["plant_id"] for p in plants if any(is_violating(scope) for scope in p["scopes"])}
    assert RUNS_AT_NIGHT in violating
    assert still_open
    for expression in (
        f"sum(cuofeng_alerts_open) == {len(still_open)}",
        f"count(cuofeng_plant_info) == {len(plants)}",
        f"sum(cuofeng_plant_violating) == {len(violating)}",
        f'cuofeng_plant_violating{{plant_id="{RUNS_AT_NIGHT}"}} == 1',
    ):
        assert await until_rows(client, expression, PATIENCE_S), expression


def is_violating(scope: dict[str, Any]) -> bool:
    """A scope of `/v1/plants`, in the slot judged last."""
    return scope["current"] is not None and scope["current"]["verdict"] == "violating"


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


async def test_no_alert_fires_in_a_quiet_hour() -> None:
    """Every one is asked for, with series of every metric that it reads."""
    tests = read_yaml(DEPLOY / "prometheus" / "tests" / "cuofeng.yaml")["tests"]
    (quiet,) = [test for test in tests if test["name"] == "A quiet hour"]
    asked = quiet["alert_rule_test"]
    assert {case["alertname"] for case in asked} == {rule["alert"] for rule in rules() if "alert" in rule}
    assert not any(case.get("exp_alerts") for case in asked)
    assert {case["eval_time"] for case in asked} == {"15m30s", "60m"}
    fed = {name for series in quiet["input_series"] for name in re.findall(r"^[a-z_]+", series["series"])}
    recorded = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    for rule in rules():
        expression = rule["expr"]
        for name, meaning in recorded.items():
            expression = expression.replace(name, meaning)
        if "alert" in rule:
            assert set(re.findall(r"\b(?:cuofeng_[a-z_]+|up\b)", expression)) <= fed, rule["alert"]
