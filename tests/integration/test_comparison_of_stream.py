"""Settings tried out over what a stream has judged: the answer of a back-test of the same readings by both."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx2
import typer
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

from consumers.backtest import BacktestOptions
from consumers.backtest_against import run_against
from detectors.baseline import baselines_of, fit_baseline
from detectors.registry import Meter, Registry, Source, Threshold
from detectors.vocab import Kind
from service.api import create_app
from service.baselines.fits import ScopeFit
from service.baselines.proposals import propose
from service.baselines.reference import Period
from service.cli import backtest
from service.clock import VirtualClock
from service.db.keys import AccessRole, create_key
from service.demo.registry_files import write_registry
from tests.cases.worlds import DAY0, baseline, flat, registry, stop
from tests.integration.baseline_world import ZONE, write_readings
from tests.integration.streamed import Stream
from tests.integration.world import SETTINGS
from tests.unit.baseline_plants import made, shift

DAY_S, HOUR_S = 86_400, 3_600
BEGIN, FROM, TO = DAY0 - DAY_S, DAY0, DAY0 + 2 * DAY_S
OFFICE = registry(
    stop(),
    baselines=(baseline(valid_from=BEGIN),),
    meters=(Meter("m", "P", source="grid", kind=Kind.POWER_AVG),),
    sources=(Source("grid"),),
)
#: Runs under a stop with a cap of 70 kW: hours from FROM on, and the load. Half an hour is too short for the default.
RUNS = ((2, 2.5, 300.0), (22, 25, 300.0), (36, 38, 100.0))
#: By a fit of a shop that idles at 12 kW and runs at 1,000, 100 kW are idling.
PERIOD = Period(date(2017, 6, 5), date(2017, 7, 17))
PROPOSED = "fit-2017-06"
BACKTEST = typer.Typer()
backtest.register(BACKTEST)


def readings() -> tuple[Any, ...]:
    """Three days at 15 kW, with the runs."""
    kw = dict.fromkeys(range(BEGIN + 900, TO + 1, 900), 15.0)
    for begin, end, load in RUNS:
        kw |= dict.fromkeys(range(FROM + int(begin * HOUR_S) + 900, FROM + int(end * HOUR_S) + 1, 900), load)
    return tuple(r for ts, load in kw.items() for r in flat(ts - 900, ts, load, kind=Kind.POWER_AVG))


def fitted() -> ScopeFit:
    """A fit of P that nobody has approved."""
    fit = fit_baseline(made(shift(1000, 12), len(PERIOD.days())), slot_s=900)
    return ScopeFit("P", PROPOSED, PERIOD, DAY0, fit, baselines_of(fit, "P", PROPOSED, DAY0))


@dataclass(frozen=True, slots=True)
class Office:
    """The world, judged as a stream, and behind its API."""

    client: httpx2.AsyncClient
    key: str

    async def compared(self, *, status: int = 200, **proposal: Any) -> Any:
        """What the API answers, with this status."""
        response = await self.client.post(
            "/v1/comparisons",
            json={"scopes": ["P"], "from": _text(FROM), "to": _text(TO), **proposal},
            headers={"Authorization": f"Bearer {self.key}"},
        )
        assert response.status_code == status, response.text
        return response.json()


@asynccontextmanager
async def judged(engine: AsyncEngine) -> AsyncIterator[Office]:
    """Take the readings in and judge them in two pieces."""
    stream = Stream(engine, 900, BEGIN)
    await stream.start(OFFICE)
    for until in (FROM + 23 * HOUR_S, TO):
        since = BEGIN if until < TO else FROM + 23 * HOUR_S
        await stream.take_in(OFFICE, [r for r in readings() if since < r.ts <= until])
        await stream.judge_until(until)
    async with engine.begin() as connection:
        await propose(connection, [fitted()], OFFICE, TO)
        pepper = SETTINGS.key_pepper.get_secret_value()
        key = await create_key(connection, role=AccessRole.CITY, name="office", county=None, pepper=pepper)
    app = create_app(SETTINGS, engine, VirtualClock(TO + 10))
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://service", timeout=40) as client,
    ):
        yield Office(client, key)


def _text(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, ZONE).isoformat()


def _with_threshold(office: Registry) -> Registry:
    return replace(office, thresholds=(Threshold("stop_run", "n_min", 30, "tried"),))


def _with_fit(office: Registry) -> Registry:
    return replace(office, baselines=tuple(replace(row, valid_from=0) for row in fitted().rows))


def _with_another(office: Registry) -> Registry:
    return replace(office, baselines=(baseline(version="tried", idle_kw=None, day_kwh=None, running_kw=400.0),))


TRIED: tuple[tuple[dict[str, Any], Callable[[Registry], Registry]], ...] = (
    ({"thresholds": [{"rule": "stop_run", "name": "n_min", "value": 30}]}, _with_threshold),
    ({"baselines": [{"scope_id": "P", "version": PROPOSED}]}, _with_fit),
    ({"baselines": [{"scope_id": "P", "version": "tried", "running_kw": 400}]}, _with_another),
)


REFUSED = (
    ({"scope_id": "P", "version": "none"}, "no baseline of version none for P"),
    ({"version": "none"}, "no baseline of version none"),
    ({"version": "x", "running_kw": 5}, "name its scope_id"),
)


async def test_the_answer_is_that_of_a_back_test_by_either_setting(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    """Also where the other setting is a proposed fit; and the command finds the same fit in the database."""
    files = [tmp_path / "readings.csv"]
    write_readings(files[0], readings())
    write_registry(OFFICE, tmp_path / "registry")
    async with judged(engine) as office:
        answers = [await office.compared(**proposal) for proposal, _ in TRIED]
        assert await office.compared(baselines=[{"version": PROPOSED}]) == answers[1]
        for proposal, words in REFUSED:
            assert words in (await office.compared(status=400, baselines=[proposal]))["detail"]
    as_of = int(datetime.fromisoformat(answers[0]["as_of"]).timestamp())
    options = BacktestOptions(as_of=as_of, begin=FROM, end=TO)
    for (_, changed), answer in zip(TRIED, answers, strict=True):
        told, _ = run_against(OFFICE, changed(OFFICE), files, tmp_path / "out", options, clock_now_s=TO)
        assert answer == told
    assert {change["change"] for answer in answers for change in answer["alert_changes"]} == {
        "added",
        "removed",
        "moved",
    }

    def command(setting: str) -> Result:
        of_files = ["--registry", str(tmp_path / "registry"), "--readings", str(files[0]), "--out", str(tmp_path / "o")]
        span = ["--as-of", _text(as_of), "--from", _text(FROM), "--to", _text(TO), "--json"]
        environment = {"CUOFENG_DATABASE_URL": database_url}
        return CliRunner().invoke(BACKTEST, [*of_files, *span, "--set", setting], env=environment)

    done = await asyncio.to_thread(command, f"*:proposed={PROPOSED}")
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout) == answers[1]
    refused = await asyncio.to_thread(command, "P:proposed=none")
    assert "there is no fit" in str(refused.exception)
