"""``cuofeng plan``: from the office's list to orders in the database, again after corrections, and under warnings."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.errors import InputError
from detectors.registry import Episode, Listing, Meter, Order, Registry
from detectors.vocab import Control, Role
from service.db.registry import apply_registry
from service.db.registry_load import load_rows
from service.plans.apply import Application, apply_plan, diff_plan, end_warning, warn
from service.plans.changes import is_withdrawn, standing
from service.plans.shipped import Reading, read_rulebook
from service.registry import read_registry
from tests.integration.test_import_command import cuofeng

MADE_LIST = Path(__file__).parents[1] / "plan" / "registry"
#: 2017-12-01T00:00 Shanghai.
NOW = 1512057600
PLAN, WARNINGS = read_rulebook("zhengzhou-2017"), read_rulebook("heavy-pollution")


async def stored(engine: AsyncEngine) -> Registry:
    """The rows of the registry."""
    async with engine.begin() as connection:
        return (await load_rows(connection)).registry


async def put(engine: AsyncEngine, rows: Registry) -> None:
    """Import rows, and forget the marks."""
    async with engine.begin() as connection:
        await apply_registry(connection, rows, NOW)
        await connection.execute(text("DELETE FROM dirty_scopes"))


async def applied(engine: AsyncEngine, reading: Reading = PLAN) -> Application:
    """Apply a rulebook."""
    async with engine.begin() as connection:
        return await apply_plan(connection, reading, NOW)


async def change_plant(engine: AsyncEngine, plant_id: str, **attributes: str) -> None:
    """The office corrects attributes of a plant."""
    plant = next(p for p in (await stored(engine)).plants if p.plant_id == plant_id)
    await put(engine, Registry(plants=(replace(plant, attributes={**plant.attributes, **attributes}),)))


@pytest.fixture
async def office(engine: AsyncEngine) -> AsyncEngine:
    """A database that holds the made list."""
    await put(engine, read_registry(MADE_LIST))
    return engine


async def test_the_orders_of_the_made_list_stand_and_a_second_time_nothing_changes(office: AsyncEngine) -> None:
    async with office.begin() as connection:
        before = await diff_plan(connection, PLAN, NOW)
        assert await connection.scalar(text("SELECT count(*) FROM orders")) == 0
    first = await applied(office)
    assert {change.what for change in first.plan.orders} == {"new"}
    assert before.plan.orders == first.plan.orders
    rows = await stored(office)
    assert {o.order_id for o in rows.orders} == {change.after.order_id for change in first.plan.orders}
    assert {(o.document, o.rulebook) for o in rows.orders} == {("郑政文〔2017〕210号", "zhengzhou-2017")}
    second = await applied(office)
    assert (second.plan.orders, second.stored.is_empty) == ((), True)
    assert second.plan.kept == len(first.plan.orders)


async def test_a_correction_of_the_list_revises_and_withdraws_and_judges_that_plant_again(office: AsyncEngine) -> None:
    await applied(office)
    rows = await stored(office)
    brick = next(o for o in rows.orders if o.clause == "三(一)3" and o.scope_id == o.order_id.rsplit("-", 1)[1])
    kiln = next(p for p in rows.plants if p.plant_id == brick.scope_id)
    await put(office, Registry(plants=(replace(kiln, industry="3425"),)))
    gone = await applied(office)
    assert [(c.what, c.after.order_id, c.after.revision) for c in gone.plan.orders] == [
        ("withdrawn", brick.order_id, 2)
    ]
    assert {mark.scope_id for mark in gone.stored.marks} == {brick.scope_id}
    await put(office, Registry(plants=(kiln,)))
    back = await applied(office)
    assert [(c.what, c.after.revision) for c in back.plan.orders] == [("revised", 3)]
    assert replace(standing((await stored(office)).orders)[brick.order_id], revision=1) == brick


async def test_a_missing_attribute_withdraws_and_the_known_one_makes_the_order_again(office: AsyncEngine) -> None:
    await applied(office)
    carbon = next(o for o in (await stored(office)).orders if o.clause == "三(二)4" and o.control is Control.UNITS)
    await change_plant(office, carbon.scope_id, special_limit="unmet")
    changed = await applied(office)
    assert {c.what for c in changed.plan.orders} == {"withdrawn", "new"}
    stop = next(c.after for c in changed.plan.orders if c.what == "new")
    assert (stop.control, stop.clause, stop.scope_id) == (Control.STOP, "三(一)9", carbon.scope_id)


async def test_an_order_that_the_office_revised_by_hand_stays_the_offices(office: AsyncEngine) -> None:
    await applied(office)
    order = next(o for o in (await stored(office)).orders if o.control is Control.STOP)
    longer = replace(order, revision=2, rulebook=None, valid_to=order.valid_to + 30 * 86400)
    await put(office, Registry(orders=(longer,)))
    again = await applied(office)
    assert (again.plan.orders, again.plan.taken_over) == ((), (longer,))


async def test_a_meter_that_comes_later_joins_the_scope_that_the_plan_made(office: AsyncEngine) -> None:
    await applied(office)
    rows = await stored(office)
    scope = next(s for s in rows.scopes if s.kind == "line" and s.rulebook == "zhengzhou-2017")
    late = Meter("LATE-1", scope.plant_id, line_id=scope.scope_id, role=Role.LINE)
    await put(office, Registry(meters=(late,)))
    joined = await applied(office)
    assert [(m.scope_id, m.meter_id) for m in joined.plan.rows.scope_meters] == [(scope.scope_id, "LATE-1")]
    assert (await applied(office)).stored.is_empty


async def test_with_a_list_only_listed_plants_are_ordered(office: AsyncEngine) -> None:
    rows = await stored(office)
    listed = {row.plant_id for row in rows.listings if row.document == PLAN.rulebook.document}
    await applied(office)
    ordered = {o.scope_id for o in (await stored(office)).orders}
    unlisted = next(
        d for d in (await applied(office)).plan.decisions[None] if not d.is_listed and d.outcome == "ordered"
    )
    assert unlisted.plant_id not in listed
    assert unlisted.scope_id not in ordered
    await put(office, Registry(listings=(Listing(PLAN.rulebook.document, unlisted.plant_id),)))
    assert unlisted.scope_id in {c.after.scope_id for c in (await applied(office)).plan.orders}


async def level_orders(engine: AsyncEngine, scope_id: str) -> list[Order]:
    """Standing orders of warning levels on a scope, by beginning."""
    found = standing((await stored(engine)).orders).values()
    return sorted((o for o in found if o.level and o.scope_id == scope_id), key=lambda o: o.valid_from)


async def test_a_level_is_raised_lowered_and_ended_at_any_minute(office: AsyncEngine) -> None:
    await applied(office)
    rose, fell, ended = NOW + 60 * 517, NOW + 60 * 1441, NOW + 60 * 2003
    for level, at in (("yellow", NOW), ("red", rose), ("orange", fell)):
        async with office.begin() as connection:
            await warn(connection, WARNINGS, Episode("E1", at, level, "预警令"), NOW)
    decided = (await applied(office, WARNINGS)).plan
    assert decided.orders == ()
    scope_id = next(
        d.scope_id
        for d in decided.decisions["yellow"]
        if d.outcome == "ordered" and d.is_listed and d.scope_id == d.plant_id
    )
    assert scope_id is not None
    spans = [(o.level, o.valid_from, o.valid_to) for o in await level_orders(office, scope_id)]
    assert [(level, begin) for level, begin, _ in spans] == [("yellow", NOW), ("red", rose), ("orange", fell)]
    assert [end for _, _, end in spans[:2]] == [rose, fell]
    async with office.begin() as connection:
        done = await end_warning(connection, WARNINGS, "E1", ended, NOW)
    assert {c.what for c in done.plan.orders if c.after.scope_id == scope_id} == {"revised"}
    # What an approval would have put behind the end is gone.
    assert all(c.before and c.before.valid_from >= ended for c in done.plan.orders if c.what == "withdrawn")
    assert (await level_orders(office, scope_id))[-1].valid_to == ended
    assert not any(is_withdrawn(o) for o in await level_orders(office, scope_id))


async def test_a_level_that_is_not_the_rulebooks_and_an_episode_that_does_not_run_are_refused(
    office: AsyncEngine,
) -> None:
    async with office.begin() as connection:
        with pytest.raises(InputError, match="no level 'purple'"):
            await warn(connection, WARNINGS, Episode("E1", NOW, "purple", "预警令"), NOW)
        with pytest.raises(InputError, match="not in force"):
            await end_warning(connection, WARNINGS, "E1", NOW, NOW)


async def test_a_version_keeps_the_text_that_it_was_applied_with(office: AsyncEngine) -> None:
    await applied(office)
    with pytest.raises(InputError, match="raise its `version`"):
        await applied(office, Reading(PLAN.rulebook, PLAN.body + "# other\n"))


def test_the_command_from_the_list_to_the_orders(database_url: str, tmp_path: Path) -> None:
    assert cuofeng(database_url, "import", str(MADE_LIST)).returncode == 0
    diff = cuofeng(database_url, "plan", "diff", "zhengzhou-2017")
    assert diff.returncode == 0
    assert "compared only: nothing was written" in diff.stderr
    done = json.loads(cuofeng(database_url, "plan", "apply", "zhengzhou-2017", "--format", "json").stdout)
    assert {row["change"] for row in done["orders"]} == {"new"}
    ordered = {(d["plant_id"], d["line_id"]) for d in done["decisions"] if d["outcome"] == "ordered"}
    assert done["counts"]["season"]["ordered"] == len(ordered)
    assert {d["outcome"] for d in done["decisions"]} == {"ordered", "exempt", "not_covered", "cannot_decide"}
    table = cuofeng(database_url, "plan", "apply", "zhengzhou-2017", "--decisions").stdout
    assert re.search(r"^B03 .* ordered .* 三\(一\)3 ", table, re.MULTILINE)
    again = json.loads(cuofeng(database_url, "plan", "apply", "zhengzhou-2017", "--format", "json").stdout)
    assert (again["orders"], again["kept"], again["marks"]) == ([], len(done["orders"]), [])
    raised = cuofeng(
        database_url, "plan", "warn", "orange", "--episode", "E1", "--at", "2017-12-01 07:13", "--document", "预警1号"
    )
    assert raised.returncode == 0, raised.stderr
    assert "预警" not in raised.stderr
    ended = cuofeng(database_url, "plan", "warn", "end", "--episode", "E1", "--at", "2017-12-02 19:47")
    assert "revised" in ended.stdout
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "plants.csv").write_text(
        "plant_id,name,county,industry,industry_edition\nNEW,新厂,登封市,3031,2017\n", encoding="utf-8"
    )
    (tmp_path / "list" / "listings.csv").write_text("document,plant_id\n郑政文〔2017〕210号,NEW\n", encoding="utf-8")
    imported = cuofeng(database_url, "import", str(tmp_path / "list"))
    assert imported.returncode == 0
    assert "plan heavy-pollution: asks for other orders now (1 new)" in imported.stderr  # the warning held for all
    assert "plan zhengzhou-2017:" not in imported.stderr  # nothing tells yet what it makes
    (tmp_path / "list" / "plants.csv").write_text(
        "plant_id,name,county,industry,industry_edition,attributes\nNEW,新厂,登封市,3031,2017,product=brick\n",
        encoding="utf-8",
    )
    corrected = cuofeng(database_url, "import", str(tmp_path / "list"))
    assert "plan zhengzhou-2017: asks for other orders now (1 new): look at" in corrected.stderr
    assert cuofeng(database_url, "plan", "apply", "zhengzhou-2017").returncode == 0
    file = tmp_path / "decisions.csv"
    assert (
        cuofeng(database_url, "plan", "decide", "zhengzhou-2017", "--format", "csv", "--out", str(file)).returncode == 0
    )
    lines = file.read_bytes()
    assert lines.startswith(b"\xef\xbb\xbfplant_id,line_id,")
    assert "三(一)1" in lines.decode("utf-8-sig")
    unknown = cuofeng(database_url, "plan", "apply", "no-such-plan")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "neither a file nor a shipped rulebook" in unknown.stderr
