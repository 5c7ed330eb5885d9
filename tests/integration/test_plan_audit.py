"""Audit of the stored list: from readings and imports to the command and the API."""

import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.registry import (
    Baseline,
    Listing,
    Meter,
    Multiplier,
    Plant,
    Registry,
    ScopeMeter,
    Source,
    with_default_scopes,
)
from detectors.vocab import Kind, Quality, Scale
from service.api import create_app
from service.clock import VirtualClock
from service.db.keys import AccessRole, create_key
from service.db.quarantine import Entry, add_entries
from service.db.registry import apply_registry
from service.plans.apply import apply_plan
from service.plans.audit_findings import Code, Finding, Severity
from service.plans.run_audit import Audit, audit_list, usual_rulebooks
from service.plans.shipped import read_rulebook
from service.settings import Settings
from tests.integration.streamed import Stream
from tests.integration.test_import_command import cuofeng
from tests.oracles.rows import Reading

HOUR, DAY = 3600, 86_400
#: 2017-11-20 00:00 in Zhengzhou; readings of eight days.
START = 1511107200
AS_OF = START + 8 * DAY
DOCUMENT = "郑政文〔2017〕210号"
BRICK = {"product": "brick"}


def _plant(plant_id: str, county: str, attributes: dict[str, str] | None = None, **more: Any) -> Plant:
    given: dict[str, Any] = {"industry": "3031", "industry_edition": "2017", "contract_kw": 1000.0} | more
    return Plant(plant_id, f"示例{plant_id}", county, attributes=BRICK if attributes is None else attributes, **given)


#: L is listed and stands; U runs by day and is not listed; K is a kiln that never rests, and cannot be decided; I idles
#: and is not listed; O makes bread; E has two accounts, of which its order leaves one out.
BASE = Registry(
    sources=(Source("grid"),),
    plants=(
        _plant("E", "登封市"),
        _plant("I", "新密市"),
        _plant("K", "登封市", {}, contract_kw=None),
        _plant("L", "新密市"),
        _plant("O", "新密市", {}, industry="1411"),
        _plant("U", "新密市"),
    ),
    meters=(
        *(Meter(f"{p}1", p, source="grid", account=f"户{p}1") for p in "EIKLO"),
        Meter("U1", "U", source="grid", account="=户U1", scale=Scale.SECONDARY),
        Meter("E2", "E", source="grid", account="户E2", contract_kw=500.0, kind=Kind.ENERGY_INT, unit="kWh"),
        Meter("L2", "L", source="grid", account="户L2"),
    ),
    multipliers=(Multiplier("U1", 0, START + 90 * DAY, 40.0),),
    scope_meters=(ScopeMeter("E", "E1"),),
    baselines=(Baseline("L", "v1", 0, 900.0, idle_kw=20.0), Baseline("E", "v1", 0, 900.0, idle_kw=20.0)),
    listings=tuple(Listing(DOCUMENT, p) for p in "ELO"),
)


def _readings() -> list[Reading]:
    """L2 falls silent after three days, and a value without evidence comes later; O1 never speaks."""
    found = []
    for i in range(8 * 96):
        ts, hour = START + (i + 1) * 900, i % 96 // 4
        day = 8 <= hour < 18
        loads = {"E1": 15.0, "I1": 12.0 if day else 8.0, "K1": 700.0, "L1": 15.0}
        if i < 3 * 96:
            loads["L2"] = 3.0
        found += [Reading(meter, Kind.POWER_INST, ts, kw, coll_ms=ts * 1000) for meter, kw in loads.items()]
        found.append(Reading("U1", Kind.POWER_INST, ts, 15.0 if day else 0.5, coll_ms=ts * 1000, scale=Scale.SECONDARY))
        found.append(Reading("E2", Kind.ENERGY_INT, ts, 75.0 if day else 1.0, coll_ms=ts * 1000))
    late = START + 7 * DAY
    return [*found, Reading("L2", Kind.POWER_INST, late, 3.0, Quality.S, coll_ms=late * 1000)]


@pytest.fixture
async def office(engine: AsyncEngine) -> AsyncEngine:
    """The stored list, with readings judged up to ``AS_OF``."""
    stream = Stream(engine, 900, START - DAY)
    await stream.start(BASE)
    await stream.take_in(with_default_scopes(BASE), _readings())
    await stream.judge_until(AS_OF + 10 * 60)
    async with engine.begin() as connection:
        held = Entry("grid", "t", 0, 1, "unknown_meter", "", (START + DAY) * 1000, AS_OF, (0, 1, 2), meter_id="X9")
        again = replace(held, offset=2, positions=())
        refused = replace(held, offset=3, code="multiplier_unknown", meter_id="U1")
        await add_entries(connection, [held, again, refused])
    return engine


async def audit(engine: AsyncEngine, **options: Any) -> Audit:
    """All findings."""
    async with engine.connect() as connection:
        return await audit_list(connection, now_s=AS_OF, **options)


def told(rows: tuple[Finding, ...]) -> list[tuple[str, str | None, str | None]]:
    """(code, plant, account or meter)."""
    return [(f.code.value, f.where.plant_id, f.where.account or f.where.meter_id) for f in rows]


async def test_everything_that_is_wrong_is_found_and_nothing_else(office: AsyncEngine) -> None:
    found = await audit(office)
    assert found.as_of == AS_OF
    assert [(c.rulebook_id, c.document, c.listed) for c in found.compared] == [("zhengzhou-2017", DOCUMENT, 3)]
    assert told(found.findings) == [
        ("runs_unlisted", "E", "户E2"),
        ("unlisted", "I", None),
        ("unlisted", "K", None),
        ("runs_unlisted", "K", "户K1"),
        ("undecided", "K", None),
        ("silent", "L", "户L2"),
        ("listed_not_covered", "O", None),
        ("silent", "O", "户O1"),
        ("unlisted", "U", None),
        ("runs_unlisted", "U", "=户U1"),
        ("unknown_account", None, "X9"),
        ("not_applied", None, None),
    ]


async def test_numbers_and_times_of_what_was_measured(office: AsyncEngine) -> None:
    rows = {(f.code, f.where.plant_id, f.where.account): f for f in (await audit(office)).findings}
    shifts = rows[Code.RUNS_UNLISTED, "U", "=户U1"]
    assert shifts.numbers == {"days": 7.0, "top_kw": 600.0, "quiet_kw": 20.0, "contract_kw": 1000.0}
    account = rows[Code.RUNS_UNLISTED, "E", "户E2"]
    assert account.numbers == {"days": 7.0, "top_kw": 300.0, "quiet_kw": 4.0, "contract_kw": 500.0}
    assert rows[Code.RUNS_UNLISTED, "K", "户K1"].numbers == {"days": 7.0, "top_kw": 700.0, "quiet_kw": 700.0}
    assert rows[Code.SILENT, "L", "户L2"].since == START + 3 * DAY
    assert rows[Code.NOT_APPLIED, None, None].numbers == {"new": 2.0}
    assert "2017-11-23T00:00:00+08:00" in rows[Code.SILENT, "L", "户L2"].zh
    assert rows[Code.SILENT, "O", "户O1"].since is None
    assert rows[Code.UNKNOWN_ACCOUNT, None, None].numbers == {"rows": 4.0}
    assert rows[Code.UNKNOWN_ACCOUNT, None, None].since == START + DAY


async def test_a_corrected_list_leaves_what_readings_tell(office: AsyncEngine) -> None:
    """U is listed and applied: it is ordered now, and lacks a baseline."""
    async with office.begin() as connection:
        await apply_registry(connection, Registry(listings=(Listing(DOCUMENT, "U"),)), AS_OF)
        await apply_plan(connection, read_rulebook("zhengzhou-2017"), AS_OF)
    found = await audit(office)
    assert [row for row in told(found.findings) if row[1] == "U"] == [("no_baseline", "U", None)]
    async with office.begin() as connection:
        baseline = Baseline("U", "v1", START - 30 * DAY, 600.0, idle_kw=20.0)
        await apply_registry(connection, Registry(baselines=(baseline,)), AS_OF)
    assert [row for row in told((await audit(office)).findings) if row[1] == "U"] == []


async def test_applied_rulebooks_are_asked_and_else_the_shipped_ones_with_a_season(office: AsyncEngine) -> None:
    async with office.begin() as connection:
        assert [r.rulebook_id for r in (await usual_rulebooks(connection))[0]] == ["zhengzhou-2017"]
        await apply_plan(connection, read_rulebook("heavy-pollution"), AS_OF)
        assert [r.rulebook_id for r in (await usual_rulebooks(connection))[0]] == ["heavy-pollution"]
    found = await audit(office)
    assert [(c.rulebook_id, c.listed) for c in found.compared] == [("heavy-pollution", None)]
    assert {f.code for f in found.findings} == {Code.SILENT, Code.UNKNOWN_ACCOUNT}


async def test_a_rulebook_that_this_version_cannot_read_is_told_and_the_others_are_compared(
    office: AsyncEngine,
) -> None:
    async with office.begin() as connection:
        await apply_plan(connection, read_rulebook("zhengzhou-2017"), AS_OF)
        await apply_plan(connection, read_rulebook("heavy-pollution"), AS_OF)
        await connection.execute(text("UPDATE rulebooks SET body = 'x = 1' WHERE rulebook_id = 'heavy-pollution'"))
    found = await audit(office)
    assert [c.rulebook_id for c in found.compared] == ["zhengzhou-2017"]
    (row,) = [f for f in found.findings if f.code is Code.RULEBOOK_UNREADABLE]
    assert (row.rulebook, row.severity) == ("heavy-pollution", Severity.ERROR)
    assert "heavy-pollution 1" in row.en


async def test_before_anything_was_judged_only_rows_are_compared(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await apply_registry(connection, BASE, AS_OF)
    found = await audit(engine)
    assert found.as_of is None
    assert {f.code for f in found.findings} == {
        Code.UNLISTED,
        Code.UNDECIDED,
        Code.LISTED_NOT_COVERED,
        Code.NOT_APPLIED,
    }


async def test_the_command_prints_tables_and_writes_safe_spreadsheets(
    office: AsyncEngine, database_url: str, tmp_path: Any
) -> None:
    shown = cuofeng(database_url, "plan", "audit", "--code", "unlisted")
    assert shown.returncode == 0
    assert [line.split()[3] for line in shown.stdout.splitlines()[1:]] == ["I", "K", "U"]
    assert "3 plants on its list" in shown.stderr
    assert "found: 3 unlisted" in shown.stderr
    file = tmp_path / "audit.csv"
    written = cuofeng(
        database_url, "plan", "audit", "zhengzhou-2017", "--county", "新密市", "--format", "csv", "--out", str(file)
    )
    assert (written.returncode, written.stdout) == (0, "")
    raw = file.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert {row["county"] for row in rows} == {"新密市"}
    assert {row["plant_id"] for row in rows} == {"I", "L", "O", "U"}
    assert "'=户U1" in {row["account"] for row in rows}
    as_json = json.loads(cuofeng(database_url, "plan", "audit", "--format", "json").stdout)
    assert told((await audit(office)).findings) == [
        (row["code"], row["plant_id"], row["account"] or row["meter_id"]) for row in as_json
    ]
    assert {row["county"] for row in as_json} == {"新密市", "登封市", None}


async def test_the_command_refuses_an_unknown_rulebook(database_url: str) -> None:
    refused = cuofeng(database_url, "plan", "audit", "nowhere-1999")
    assert refused.returncode == 2
    assert "zhengzhou-2017" in refused.stderr


@asynccontextmanager
async def asked(engine: AsyncEngine, clock: VirtualClock) -> AsyncIterator[tuple[httpx2.AsyncClient, dict[str, str]]]:
    """A client of the app, and keys: city, auditor, and one for each county."""
    settings, keys = Settings(), {}
    pepper = settings.key_pepper.get_secret_value()
    async with engine.begin() as connection:
        for name, role, county in (
            ("city", AccessRole.CITY, None),
            ("auditor", AccessRole.AUDITOR, None),
            ("metrics", AccessRole.METRICS, None),
            ("新密市", AccessRole.COUNTY, "新密市"),
            ("登封市", AccessRole.COUNTY, "登封市"),
        ):
            keys[name] = await create_key(connection, role=role, name=name, county=county, pepper=pepper)
    app = create_app(settings, engine, clock)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://service", timeout=40) as client,
    ):
        yield client, keys


async def test_the_api_answers_by_role_county_and_code_page_by_page(office: AsyncEngine) -> None:
    async with asked(office, VirtualClock(AS_OF + 600)) as (client, keys):

        async def get(who: str, **query: Any) -> httpx2.Response:
            headers = {"Authorization": f"Bearer {keys[who]}"}
            return await client.get("/v1/audit/unlisted", params=query, headers=headers)

        def names(answer: httpx2.Response) -> list[str | None]:
            assert answer.status_code == 200, answer.text
            return [row["plant_id"] for row in answer.json()["findings"]]

        whole = await get("city")
        assert names(whole) == ["I", "K", "U"]
        assert whole.json()["rulebooks"] == [
            {"id": "zhengzhou-2017", "version": "1", "document": DOCUMENT, "listed_plants": 3}
        ]
        assert whole.json()["counts"]["unknown_account"] == 1
        assert whole.json()["data_as_of"] == "2017-11-28T00:00:00+08:00"
        assert names(await get("auditor")) == ["I", "K", "U"]
        assert names(await get("city", county="登封市")) == ["K"]
        assert names(await get("新密市")) == ["I", "U"]
        assert names(await get("登封市", code="all")) == ["E", "K", "K", "K"]
        assert "unknown_account" not in (await get("登封市")).json()["counts"]
        assert (await get("登封市", county="新密市")).status_code == 404
        assert (await get("metrics")).status_code == 403
        assert (await get("city", code="unlistd")).status_code == 400
        assert names(await get("city", code="runs_unlisted")) == ["E", "K", "U"]

        pages, cursor = [], None
        while True:
            page = await get("city", code="all", limit=2, **({} if cursor is None else {"cursor": cursor}))
            pages += page.json()["findings"]
            cursor = page.json()["next"]
            assert len(page.json()["findings"]) == 2 or cursor is None
            if cursor is None:
                break
        assert pages == (await get("city", code="all")).json()["findings"]
        assert len(pages) == 12
        first = (await get("city", limit=1)).json()["next"]
        assert (await get("city", code="all", cursor=first)).status_code == 400


async def test_an_import_is_seen_at_once(office: AsyncEngine) -> None:
    async with asked(office, VirtualClock(AS_OF + 600)) as (client, keys):
        headers = {"Authorization": f"Bearer {keys['city']}"}
        before = (await client.get("/v1/audit/unlisted", headers=headers)).json()
        async with office.begin() as connection:
            await apply_registry(connection, Registry(listings=(Listing(DOCUMENT, "I"),)), AS_OF)
        after = (await client.get("/v1/audit/unlisted", headers=headers)).json()
    assert [row["plant_id"] for row in before["findings"]] == ["I", "K", "U"]
    assert [row["plant_id"] for row in after["findings"]] == ["K", "U"]
    assert after["rulebooks"][0]["listed_plants"] == before["rulebooks"][0]["listed_plants"] + 1
