"""Lists, plans of plants, approvals, warning levels and turns in a real database; orders that are withdrawn."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.registry import FOREVER, Approval, Episode, Line, Listing, PlantPlan, Registry, Rotation
from detectors.vocab import Control
from service.db.registry import apply_registry, load_registry
from service.db.registry_errors import RegistryErrors
from tests.integration.import_world import BASE, DAY, HOUR, NOW, START, marks, order_revision, slots, stored_base

TABLES = ("lines", "listings", "plant_plans", "approvals", "episodes", "rotations")
LISTS = Registry(
    lines=(Line("P1-L1", "P1", "1号窑", "kiln", 1), Line("P1-L2", "P1", "焦炉", "ovens", 2)),
    listings=(
        Listing("210号", "P1", clause="三(一)1", measure="停产", office="登封市工信委", office_phone="0371-1"),
        Listing("210号", "P1", "P1-L1"),
        Listing("211号", "P1"),
    ),
    plant_plans=(
        PlantPlan(
            "P1",
            "210号",
            lines_stopped=("P1-L1", "P1-L2"),
            control=Control.LIMIT,
            reduction=0.3,
            units_allowed=0,
            cap_kw=900.5,
            residual_kw=0.0,
            ramp_down_h=24.0,
            valid_from=START,
            valid_to=START + 130 * DAY,
            measure="1号窑停",
            office="登封市工信委",
            office_phone="0371-1",
        ),
        PlantPlan("P1", "210号", level="red", measure="全停"),
        PlantPlan("P1", "210号", "P1-L1", "red"),
        PlantPlan("P1", "210号", "P1-L1"),
    ),
    approvals=(
        Approval("P2", START, "heating", 2400.0, "市政府", "郑政函1号", START + 90 * DAY, "省攻坚办"),
        Approval("P2", START + 90 * DAY, "waste", 0.5, "市政府", "郑政函2号"),
    ),
    episodes=(
        Episode("E1", START, "yellow", "攻坚办1号", START + DAY),
        Episode("E1", START + DAY, "red", "攻坚办2号", county="登封市"),
    ),
    rotations=(Rotation("P1", START, START + 15 * DAY, "水泥一组", "轮产1号", "市工信委"),),
)


async def test_lists_come_back_as_they_went_in_and_mark_nothing(engine: AsyncEngine) -> None:
    await stored_base(engine)
    async with engine.begin() as connection:
        first = await apply_registry(connection, LISTS, NOW)
        assert await marks(connection) == set()
    assert {name: len(first.tables[name].added) for name in TABLES} == dict(
        zip(TABLES, (2, 3, 4, 2, 2, 1), strict=True)
    )
    async with engine.begin() as connection:
        again = await apply_registry(connection, LISTS, NOW)
        loaded = (await load_registry(connection)).registry
    assert (again.is_empty, again.version, first.version) == (True, 2, 2)
    for table in TABLES:
        assert sorted(map(repr, getattr(loaded, table))) == sorted(map(repr, getattr(LISTS, table)))


async def test_a_row_replaces_the_one_of_its_key_and_no_other(engine: AsyncEngine) -> None:
    await stored_base(engine)
    changed = Registry(
        listings=(Listing("210号", "P1", measure="限产"),),
        plant_plans=(replace(LISTS.plant_plans[1], measure="半停"), replace(LISTS.plant_plans[3], residual_kw=7.0)),
        approvals=(replace(LISTS.approvals[1], max_kw=1.5),),
        episodes=(replace(LISTS.episodes[1], level="orange"),),
        rotations=(replace(LISTS.rotations[0], group="二组"),),
    )
    async with engine.begin() as connection:
        await apply_registry(connection, LISTS, NOW)
        changes = await apply_registry(connection, changed, NOW)
        loaded = (await load_registry(connection)).registry
    assert {name: len(changes.tables[name].changed) for name in TABLES[1:]} == dict(
        zip(TABLES[1:], (1, 2, 1, 1, 1), strict=True)
    )
    assert set(map(repr, loaded.listings)) == {repr(row) for row in (*changed.listings, *LISTS.listings[1:])}
    plans = (LISTS.plant_plans[0], changed.plant_plans[0], LISTS.plant_plans[2], changed.plant_plans[1])
    assert sorted(map(repr, loaded.plant_plans)) == sorted(map(repr, plans))
    assert loaded.rotations == changed.rotations


@pytest.mark.parametrize(
    "wrong, column, words",
    [
        (Registry(listings=(Listing("210号", "P9"),)), "plant_id", "not known"),
        (Registry(listings=(Listing("210号", "P2", "P1-L1"),)), "line_id", "line of plant P1"),
        (Registry(listings=(Listing("210号", "P2", "P2-L9"),)), "line_id", "not known"),
        (Registry(listings=(Listing("210号", "P2"), Listing("210号", "P2", office="x"))), "plant_id", "same row"),
        (Registry(plant_plans=(PlantPlan("P9", "210号"),)), "plant_id", "not known"),
        (Registry(plant_plans=(PlantPlan("P2", "210号", lines_stopped=("P1-L1",)),)), "lines_stopped", "of plant P1"),
        (Registry(plant_plans=(PlantPlan("P2", "210号", lines_stopped=("P2-L9",)),)), "lines_stopped", "not known"),
        (Registry(approvals=(Approval("P9", START, "waste", 1.0, "市", "文"),)), "scope_id", "not known"),
        (Registry(approvals=(Approval("P2", START + DAY, "waste", 1.0, "市", "文", NOW),)), "from", "overlaps"),
        (Registry(episodes=(Episode("E1", START + HOUR, "red", "文", START + 2 * HOUR),)), "from", "overlaps"),
        (Registry(rotations=(Rotation("P9", START, NOW, "一组", "文", "市"),)), "scope_id", "not known"),
    ],
)
async def test_rows_that_do_not_fit_are_refused(engine: AsyncEngine, wrong: Registry, column: str, words: str) -> None:
    await stored_base(engine)
    async with engine.begin() as connection:
        await apply_registry(connection, LISTS, NOW)
    with pytest.raises(RegistryErrors) as refused:
        async with engine.begin() as connection:
            await apply_registry(connection, wrong, NOW)
    assert [(p.column, words in p.en) for p in refused.value.problems] == [(column, True)]


async def test_what_is_odd_is_a_warning(engine: AsyncEngine) -> None:
    await stored_base(engine)
    odd = Registry(
        plants=(replace(BASE.plants[1], contract_kw=100.0),),
        approvals=(Approval("P2", START, "waste", 101.0, "市政府", "文"),),
        episodes=(Episode("E9", START, "red", "文", START + 31 * DAY, "新郑市"),),
        rotations=(Rotation("P1", START, NOW, "一组", "文", "市"),),
    )
    async with engine.begin() as connection:
        warnings = (await apply_registry(connection, odd, NOW)).warnings
    assert {(w.table, w.column) for w in warnings} == {
        ("approvals", "max_kw"),
        ("approvals", "filed_with"),
        ("episodes", "county"),
        ("episodes", "to"),
        ("rotations", "group"),
    }


async def test_a_withdrawn_order_gives_its_slots_back_and_touches_no_others(engine: AsyncEngine) -> None:
    await stored_base(engine)
    gone = order_revision("O2", valid_from=START + 8 * DAY, valid_to=START + 8 * DAY, revision=2)
    async with engine.begin() as connection:
        await apply_registry(connection, gone, NOW)
        assert await marks(connection) == {("P1-A", *slots(START + 2 * DAY - 6 * HOUR, START + 4 * DAY))}
        await connection.execute(text("DELETE FROM dirty_scopes"))
        back = order_revision("O2", valid_to=FOREVER, revision=3)
        await apply_registry(connection, back, NOW)
        assert await marks(connection) == {("P1-A", *slots(START + 2 * DAY - 6 * HOUR, NOW))}
