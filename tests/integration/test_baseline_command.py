"""``cuofeng baseline``: fitted from stored days, shown, approved; judged again from the validity on, and no earlier."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.backtest import BacktestOptions, run_backtest
from consumers.backtest_baselines import BaselineOptions
from detectors.registry import Registry, with_default_scopes
from detectors.vocab import Reason, Rule, Verdict
from service.baselines.reference import Period
from service.demo.registry_files import write_registry
from service.registry import read_registry
from tests.integration.baseline_world import BEGIN, DARK, FROM, REGISTRY, SEASON, TO, at, readings, write_readings
from tests.integration.streamed import Stream
from tests.integration.test_import_command import cuofeng

UNTIL = date(2017, 11, 18)
FIT = ("baseline", "fit", "--from", FROM.isoformat(), "--to", TO.isoformat())
VERSION = f"fit-{FROM}/{TO}"


async def judged(engine: AsyncEngine, registry: Registry = REGISTRY) -> Stream:
    """The world's readings taken in and judged."""
    stream = Stream(engine, 900, at(BEGIN))
    await stream.start(registry)
    await stream.take_in(with_default_scopes(registry), readings(UNTIL))
    await stream.judge_until(at(UNTIL))
    return stream


async def revisions(engine: AsyncEngine) -> dict[tuple[str, date], int]:
    """How often each scope and day was written."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT scope_id, day, revision FROM scope_days JOIN scopes USING (scope_no)")
        )
        return {(scope_id, day): revision for scope_id, day, revision in rows}


def ran(url: str, *arguments: str) -> Any:
    """What a command prints as JSON; it must end well."""
    done = cuofeng(url, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def hashes_of_a_backtest(folder: Path) -> dict[str, str]:
    """What a back-test of the same readings fits from."""
    write_registry(REGISTRY, folder / "registry")
    write_readings(folder / "readings.csv", readings(UNTIL))
    options = BacktestOptions(with_slots=False, baselines=BaselineOptions(Period(FROM, TO)))
    registry = read_registry(folder / "registry", zone=REGISTRY.zone, slot_s=900)
    report = run_backtest(registry, [folder / "readings.csv"], folder / "out", options, clock_now_s=at(UNTIL))
    return {b.scope_id: b.data_hash for b in report.baselines}


async def test_fit_show_approve_and_judge_again_from_the_validity_on(
    database_url: str, engine: AsyncEngine, tmp_path: Path
) -> None:
    stream = await judged(engine)
    before = await stream.judgement()
    assert {r.verdict for r in before.slots if r.scope_id == "A" and r.slot_end > at(SEASON)} == {Verdict.UNKNOWN}

    week = cuofeng(database_url, "baseline", "fit", "--from", "2017-10-01", "--to", "2017-10-09", "--version", "W")
    assert week.returncode == 0
    assert "2 could not be fitted" in week.stderr
    assert "refused" in week.stdout
    assert cuofeng(database_url, "baseline", "approve", "W", "--by", "x").returncode == 2
    named = cuofeng(database_url, "baseline", "approve", "W", "--by", "x", "--scope", "A")
    assert "carry no baseline" in named.stderr

    fitted = {row["scope"]: row for row in ran(database_url, *FIT)}
    assert set(fitted) == {"A", "B"}
    a, b = fitted["A"], fitted["B"]
    assert (a["state"], a["version"]) == ("proposed", VERSION)
    assert 380 < a["running_kw"] < 430
    assert 28 < a["idle_kw"] < 60
    assert b["idle_kw"] is None
    assert {s: row["fit"]["data_hash"] for s, row in fitted.items()} == hashes_of_a_backtest(tmp_path)
    dropped = {d["date"]: d["reason"] for d in b["fit"]["days_dropped"]}
    assert dropped["2017-09-12"] == "order_day"
    assert dropped[DARK.isoformat()] == "outage"
    assert dropped["2017-09-25"] == "coverage"
    assert dropped["2017-10-03"] == "holiday"
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM baselines")) == 0
        assert await connection.scalar(text("SELECT count(*) FROM dirty_scopes")) == 0

    shown = cuofeng(database_url, "baseline", "show", "B")
    assert shown.returncode == 0
    assert "proposed" in shown.stdout
    assert "法定节假日" in shown.stdout
    assert "public holiday" in shown.stdout
    assert f"--set 'B:proposed={VERSION}'" in shown.stdout

    was = await revisions(engine)
    approved = ran(
        database_url, "baseline", "approve", VERSION, "--by", "市工信委 王某", "--document", "豫工信〔2017〕9号"
    )
    assert [x["scope"] for x in approved["approved"]] == ["A", "B"]
    assert approved["version"] == 2
    assert min(m["first_slot"] for m in approved["marks"]) >= at(TO) // 900
    await stream.judge_until(at(UNTIL))
    now = await revisions(engine)
    eve = TO - timedelta(days=1)  # its last slots see what follows them
    assert {key for key in was if now[key] != was[key]} <= {key for key in was if key[1] >= eve}
    assert {key for key in now if now[key] != was.get(key)} >= {(s, SEASON) for s in ("A", "B")}
    after = await stream.judgement()
    earlier = [r for r in before.slots if r.slot_end <= at(TO)]
    assert [r for r in after.slots if r.slot_end <= at(TO)] == earlier
    ordered = [r for r in after.slots if r.scope_id == "A" and r.slot_end > at(SEASON)]
    assert {r.verdict for r in ordered} == {Verdict.COMPLIANT, Verdict.VIOLATING}
    alerts = [x for x in after.alerts if x.scope_id == "A" and x.rule is Rule.STOP_RUN]
    assert [x.baseline_version for x in alerts] == [VERSION]
    assert alerts[0].first_slot_end == at(date(2017, 11, 16), 8) + 900

    standing = {d["scope_id"]: d for d in ran(database_url, "baseline", "show", "--version", VERSION)}
    assert standing["A"]["state"] == "approved"
    assert standing["A"]["approved_by"] == "市工信委 王某"
    assert standing["A"]["document"] == "豫工信〔2017〕9号"
    assert standing["A"]["fit"]["data_hash"] == a["fit"]["data_hash"]


async def test_a_second_version_ends_the_first_where_it_begins_and_what_is_approved_is_frozen(
    database_url: str, engine: AsyncEngine
) -> None:
    stream = await judged(engine)
    ran(database_url, *FIT)
    ran(database_url, "baseline", "approve", VERSION, "--by", "office")
    await stream.judge_until(at(UNTIL))
    first = await stream.judgement()

    again = cuofeng(database_url, *FIT, "--scope", "A")
    assert (again.returncode, "frozen" in again.stderr) == (2, True)
    with pytest.raises(DBAPIError, match="frozen"):
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE baseline_fits SET rrmse = 0"))
    with pytest.raises(DBAPIError, match="frozen"):
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM baseline_fits"))

    later = SEASON + timedelta(days=1)
    ran(database_url, *FIT, "--scope", "A", "--method", "median", "--version", "V2", "--valid-from", later.isoformat())
    async with engine.begin() as connection:  # as if its days had scattered
        await connection.execute(
            text("UPDATE baseline_fits SET fit = jsonb_set(fit, '{baselines,0,rrmse}', '0.4') WHERE version = 'V2'")
        )
    done = ran(database_url, "baseline", "approve", "V2", "--by", "office")
    assert [x["version"] for x in done["closed"]] == [VERSION]
    assert {(m["scope_id"], m["first_slot"]) for m in done["marks"]} == {("A", at(later) // 900)}
    await stream.judge_until(at(UNTIL))
    second = await stream.judgement()
    kept = [r for r in first.slots if r.slot_end <= at(later)]
    assert [r for r in second.slots if r.slot_end <= at(later)] == kept
    assert {x.baseline_version for x in second.alerts if x.scope_id == "A"} == {"V2"}

    poor = [r for r in second.slots if Reason.LOW_CONFIDENCE in r.reasons]
    assert {r.scope_id for r in poor} == {"A"}
    assert min(r.slot_end for r in poor) == at(later) + 900

    old = ran(database_url, *FIT, "--scope", "A", "--version", "V3")
    assert old[0]["state"] == "proposed"
    refused = cuofeng(database_url, "baseline", "approve", "V3", "--by", "office")
    assert refused.returncode == 2
    assert "V2" in refused.stderr
    assert "--valid-from" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("fit", "--from", "2017-10-01", "--to", "2017-10-01"), "has no day"),
        (("fit", "--from", "2017-13-01", "--to", "2017-10-01"), "not a date"),
        (("fit", "--from", "2017-10-01", "--to", "2017-11-01", "--scope", "Z"), "no such scope"),
        (("fit", "--from", "2017-10-01", "--to", "2017-11-01", "--valid-from", "2017-10-20"), "reference period"),
        (("fit", "--from", "2017-10-01", "--to", "2017-11-01", "--method", "best"), "best"),
        (("approve", "V9", "--by", "x"), "no proposed baseline"),
        (("approve", "V9", "--by", " "), "name who approves"),
        (("show", "Z"), "no such scope"),
    ],
)
async def test_bad_usage_ends_with_2_and_says_what(
    database_url: str, engine: AsyncEngine, arguments: tuple[str, ...], told: str
) -> None:
    stream = Stream(engine, 900, at(BEGIN))
    await stream.start(REGISTRY)
    done = cuofeng(database_url, "baseline", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
