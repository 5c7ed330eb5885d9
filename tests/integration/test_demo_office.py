"""What the office of the demo does in a database: import, apply the plan, warn; and what stands after it."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.registry import FOREVER, Order, Registry
from service.db.registry_load import load_rows
from service.demo.office import Act, act_line, acts, first_act, perform
from service.demo.plan import SEASON_PLAN, WARNING_PLAN, planned
from service.demo.season import START_S
from service.demo.setting import set_stage
from service.demo.story import Story, build
from service.plans.apply import diff_plan
from service.plans.changes import is_withdrawn, standing
from service.plans.shipped import read_rulebook


@pytest.fixture(scope="module")
def story() -> Story:
    """The story as it is played."""
    return build()


async def stored(engine: AsyncEngine) -> Registry:
    """The rows of the registry."""
    async with engine.begin() as connection:
        return (await load_rows(connection)).registry


def in_force(orders: tuple[Order, ...]) -> dict[str, Order]:
    """The standing orders by id, whatever their revision."""
    return {o.order_id: replace(o, revision=1) for o in standing(orders).values() if not is_withdrawn(o)}


async def do(engine: AsyncEngine, act: Act) -> str:
    """One act at its time; what is told of it."""
    async with engine.begin() as connection:
        return act_line(act, await perform(connection, act, act.at_s, slot_s=900))


async def test_after_all_acts_the_orders_are_those_of_the_files(engine: AsyncEngine, story: Story) -> None:
    season = {o.order_id: o for o in story.registry.orders if o.level is None}
    assert (await do(engine, first_act(story.office, START_S))).endswith(f"orders: {len(season)} new")
    assert in_force((await stored(engine)).orders) == season
    yellow, orange, *rest = acts(story.later_office, story.later_at_s)
    assert "new" in await do(engine, yellow)
    warned = [o for o in (await stored(engine)).orders if o.level is not None]
    assert {(o.level, o.valid_to) for o in warned} == {("yellow", FOREVER)}
    told = [await do(engine, act) for act in (orange, *rest)]
    assert ["revised" in line for line in told] == [True, False, True]
    assert told[1].endswith("orders: unchanged")
    rows = await stored(engine)
    assert in_force(rows.orders) == {o.order_id: o for o in story.later_registry.orders}
    assert sorted(rows.exemptions, key=repr) == sorted(story.later_registry.exemptions, key=repr)
    assert {m.meter_id for m in rows.meters} == {m.meter_id for m in story.later_registry.meters}
    async with engine.begin() as connection:
        applied = (await connection.execute(text("SELECT rulebook_id FROM rulebooks ORDER BY 1"))).scalars().all()
        again = [await diff_plan(connection, read_rulebook(name), START_S) for name in (SEASON_PLAN, WARNING_PLAN)]
    assert list(applied) == sorted([SEASON_PLAN, WARNING_PLAN])
    assert [(a.plan.orders, a.stored.is_empty) for a in again] == [((), True), ((), True)]


async def test_without_its_approval_the_plant_that_heats_is_limited_like_the_others(engine: AsyncEngine) -> None:
    """The stage without scenes: an office without plans of plants, approvals and turns."""
    bare = set_stage().registry(is_complete=True)
    await do(engine, first_act(bare, START_S))
    rows = await stored(engine)
    assert in_force(rows.orders) == {o.order_id: o for o in planned(bare).orders}
    livelihood = next(o for o in rows.orders if o.scope_id == "DEMO-C02")
    assert (livelihood.reduction, livelihood.cap_kw) == (0.2, None)
