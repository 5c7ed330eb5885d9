"""Imports into a real database: all or nothing, twice is nothing, frozen rows, what a change marks."""

import asyncio
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.registry import (
    ALWAYS,
    FOREVER,
    Baseline,
    CalendarDay,
    Exemption,
    Meter,
    Multiplier,
    Order,
    Outage,
    Registry,
    ScopeMeter,
    Source,
)
from detectors.vocab import Control
from service.db.registry import apply_registry, load_registry, plan_registry
from service.db.registry_diff import completed, difference, overlaid
from service.db.registry_errors import RegistryErrors
from service.db.registry_marks import touched_spans
from tests.integration.import_world import (
    BASE,
    DAY,
    FIRST_READING,
    HOUR,
    NOW,
    START,
    V1,
    marks,
    order_revision,
    slots,
    stored_base,
)


async def test_what_is_loaded_is_what_was_imported(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        changes = await apply_registry(connection, BASE, NOW)
    assert changes.version == 1
    async with engine.connect() as connection:
        stored = await load_registry(connection)
    assert stored.version == 1
    for table in ("plants", "meters", "multipliers", "orders", "baselines"):
        assert set(map(repr, getattr(stored.registry, table))) == set(map(repr, getattr(BASE, table)))
    assert {s.scope_id for s in stored.registry.scopes} == {"P1", "P2", "P1-A"} == set(stored.scope_no)
    assert set(stored.registry.scope_meters) == {
        ScopeMeter("P1", "M1"),
        ScopeMeter("P2", "M3"),
        ScopeMeter("P1-A", "M2"),
    }
    assert set(stored.meter_no) == {"M1", "M2", "M3"}
    assert set(stored.source_no) == {"yc", "other"}
    assert Source("other") in stored.registry.sources


async def test_a_first_import_marks_every_scope_from_its_first_order_to_now(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await apply_registry(connection, BASE, NOW)
        assert await marks(connection) == {
            ("P1", *slots(START - 6 * HOUR, NOW)),
            ("P1-A", *slots(START + 2 * DAY - 6 * HOUR, NOW)),
        }


async def test_the_same_import_twice_changes_nothing(engine: AsyncEngine) -> None:
    await stored_base(engine)
    async with engine.begin() as connection:
        changes = await apply_registry(connection, BASE, NOW)
        assert changes.is_empty
        assert changes.version == 1
        assert changes.tables["meters"].unchanged == 3
        assert await marks(connection) == set()
        assert (await load_registry(connection)).version == 1


async def test_every_table_comes_back_as_it_went_in(engine: AsyncEngine) -> None:
    full = replace(
        BASE,
        exemptions=(
            Exemption("P1", START, START + DAY, "供暖", "市办", "O1", 12.5, "文"),
            Exemption("P1", START, FOREVER, "a", "b"),
        ),
        outages=(
            Outage(START, FOREVER, "供电公司", plant_id="P1"),
            Outage(START, NOW, "x", meter_id="M3", kind="planned"),
        ),
        calendar=(CalendarDay(date(2018, 2, 11), "workday", "调休"),),
        plants=(replace(BASE.plants[0], attributes={"fuel": "coal", "工艺": "熟料"}, lon=113.1), BASE.plants[1]),
        baselines=(*BASE.baselines, Baseline("P2", "V1", START, 0.1, profile_kw=tuple(i / 3 for i in range(96)))),
    )
    async with engine.begin() as connection:
        await apply_registry(connection, full, NOW)
    async with engine.begin() as connection:
        assert (await apply_registry(connection, full, NOW)).is_empty
        loaded = (await load_registry(connection)).registry
    for table in ("exemptions", "outages", "calendar", "plants", "baselines"):
        assert sorted(map(repr, getattr(loaded, table))) == sorted(map(repr, getattr(full, table)))


async def test_nothing_is_written_when_one_row_is_wrong(engine: AsyncEngine) -> None:
    wrong = replace(BASE, orders=(*BASE.orders, Order("O3", "P9", Control.STOP, START)))
    with pytest.raises(RegistryErrors) as refused:
        async with engine.begin() as connection:
            await apply_registry(connection, wrong, NOW)
    assert [p.value for p in refused.value.problems] == ["P9"]
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM plants")) == 0
        assert (await load_registry(connection)).version == 0


async def test_a_check_writes_nothing_and_says_the_same(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SET TRANSACTION READ ONLY"))
        planned = await plan_registry(connection, BASE, NOW)
    async with engine.begin() as connection:
        assert await marks(connection) == set()
        assert await apply_registry(connection, BASE, NOW) == planned


async def test_orders_alone_refer_to_what_is_stored(engine: AsyncEngine) -> None:
    await stored_base(engine)
    alone = Registry(orders=(Order("O9", "P2", Control.CAP, START + DAY, START + 2 * DAY, cap_kw=50.0),))
    async with engine.begin() as connection:
        changes = await apply_registry(connection, alone, NOW)
        assert [o.order_id for o in changes.tables["orders"].added] == ["O9"]
        assert {o.order_id for o in (await load_registry(connection)).registry.orders} == {"O1", "O2", "O9"}


async def test_imports_take_turns(engine: AsyncEngine) -> None:
    async with engine.begin() as first:
        await apply_registry(first, BASE, NOW)

        async def second() -> int:
            async with engine.begin() as connection:
                return (await apply_registry(connection, BASE, NOW)).version

        waiting = asyncio.create_task(second())
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
    assert await waiting == 1


#: (name, what is imported, the marks it must leave).
CHANGES: list[tuple[str, Registry, set[tuple[str, int, int]]]] = [
    (
        "a new order",
        Registry(orders=(Order("O3", "P2", Control.CAP, START + DAY, START + 2 * DAY, cap_kw=5.0),)),
        {("P2", *slots(START + DAY - 6 * HOUR, START + 2 * DAY))},
    ),
    ("an order still to come", Registry(orders=(Order("O3", "P2", Control.STOP, NOW + 7 * HOUR),)), set()),
    (
        "a revision: the old window and the new one",
        order_revision("O2", revision=2, valid_from=START + 6 * DAY, valid_to=START + 7 * DAY),
        {
            ("P1-A", *slots(START + 2 * DAY - 6 * HOUR, START + 4 * DAY)),
            ("P1-A", *slots(START + 6 * DAY - 6 * HOUR, START + 7 * DAY)),
        },
    ),
    (
        "an order that ends in a slot, and the grace of the one that follows it",
        Registry(orders=(Order("O3", "P1-A", Control.CAP, START + DAY, START + 2 * DAY, cap_kw=9.0),)),
        {("P1-A", *slots(START + DAY - 6 * HOUR, START + 2 * DAY + 4 * HOUR))},
    ),
    (
        "an exemption",
        Registry(exemptions=(Exemption("P1", START + DAY, START + DAY + 1000, "r", "a"),)),
        {("P1", *slots(START + DAY, START + DAY + 1000))},
    ),
    (
        "a baseline: only where something is ordered",
        Registry(
            baselines=(
                replace(V1, valid_to=START + 5 * DAY),
                replace(V1, version="V2", valid_from=START + 5 * DAY, running_kw=900.0),
            )
        ),
        {("P1", *slots(START + 5 * DAY, NOW))},
    ),
    (
        "a newer baseline that tells of slots without an order too: from its validity on",
        Registry(
            baselines=(
                replace(V1, valid_to=START - 2 * DAY),
                replace(V1, version="V2", valid_from=START - 2 * DAY, running_kw=900.0, idle_equal_h=4.0),
            )
        ),
        {("P1", *slots(START - 2 * DAY, NOW))},
    ),
    (
        "a multiplier that ends earlier",
        Registry(multipliers=(Multiplier("M1", ALWAYS + DAY, START + HOUR, 100.0),)),
        {("P1", *slots(START + HOUR, START + DAY))},
    ),
    (
        "a multiplier of another factor, from the first reading on",
        Registry(multipliers=(Multiplier("M1", ALWAYS + DAY, START + DAY, 10.0),)),
        {("P1", *slots(FIRST_READING - 1, START + DAY))},
    ),
    ("the asset of a multiplier", Registry(multipliers=(replace(BASE.multipliers[0], asset_no="A1"),)), set()),
    (
        "a meter that joins a scope for a time",
        Registry(scope_meters=(ScopeMeter("P1-A", "M1", 1, START + 5 * DAY, START + 6 * DAY),)),
        {("P1-A", *slots(START + 5 * DAY, START + 6 * DAY))},
    ),
    (
        "a meter that ends: its default scope",
        Registry(meters=(replace(BASE.meters[0], valid_to=START + 9 * DAY),)),
        {("P1", *slots(START + 9 * DAY, NOW))},
    ),
    (
        "the account of a meter",
        Registry(meters=(replace(BASE.meters[0], account="4100001"),)),
        set(),
    ),
    (
        "the capacity of a meter",
        Registry(meters=(replace(BASE.meters[0], contract_kw=500.0),)),
        {("P1", *slots(FIRST_READING - 1, NOW))},
    ),
    (
        "the capacity of a plant",
        Registry(plants=(replace(BASE.plants[0], contract_kw=500.0),)),
        {("P1", *slots(FIRST_READING - 1, NOW)), ("P1-A", *slots(START + 2 * DAY - 6 * HOUR, NOW))},
    ),
    ("the name of a plant", Registry(plants=(replace(BASE.plants[0], name="新名"),)), set()),
    (
        "an outage of a plant: all its scopes",
        Registry(outages=(Outage(START + 3 * DAY, START + 3 * DAY + HOUR, "供电", plant_id="P1"),)),
        {
            ("P1", *slots(START + 3 * DAY, START + 3 * DAY + HOUR)),
            ("P1-A", *slots(START + 3 * DAY, START + 3 * DAY + HOUR)),
        },
    ),
    (
        "an outage of a meter: its scopes",
        Registry(outages=(Outage(START + 3 * DAY, START + 3 * DAY + HOUR, "供电", meter_id="M2"),)),
        {("P1-A", *slots(START + 3 * DAY, START + 3 * DAY + HOUR))},
    ),
    (
        "the delay of a source: the last day",
        Registry(sources=(Source("yc", 60),)),
        {("P1", *slots(NOW - DAY, NOW)), ("P1-A", *slots(NOW - DAY, NOW))},
    ),
    (
        "a day of the calendar: scopes whose baseline tells days apart",
        Registry(calendar=(CalendarDay(date(2017, 11, 18), "holiday"),)),
        {("P1-A", *slots(START + 3 * DAY, START + 4 * DAY))},
    ),
]


@pytest.mark.parametrize("registry, expected", [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
async def test_a_change_marks_exactly_what_it_touches(
    engine: AsyncEngine, registry: Registry, expected: set[tuple[str, int, int]]
) -> None:
    await stored_base(engine)
    async with engine.begin() as connection:
        changes = await apply_registry(connection, registry, NOW)
        assert changes.version == 2
        assert await marks(connection) == expected
        await connection.execute(text("DELETE FROM dirty_scopes"))
        assert (await apply_registry(connection, registry, NOW)).is_empty
        assert await marks(connection) == set()


async def test_a_slot_that_still_runs_is_not_marked(engine: AsyncEngine) -> None:
    await stored_base(engine)
    lasting = Registry(exemptions=(Exemption("P1", NOW - HOUR, NOW + HOUR, "r", "a"),))
    async with engine.begin() as connection:
        await apply_registry(connection, lasting, NOW + 899)
        assert await marks(connection) == {("P1", *slots(NOW - HOUR, NOW))}


@pytest.mark.parametrize(
    "registry, column, words",
    [
        (order_revision("O1", reduction=0.2), "order_id", "raise the revision"),
        (Registry(baselines=(replace(V1, running_kw=1200.0),)), "version", "frozen"),
        (Registry(baselines=(replace(V1, version="V2"),)), "from", "overlaps V1"),
        (Registry(multipliers=(Multiplier("M1", START, START + HOUR, 1.0),)), "from", "overlaps"),
        (Registry(scope_meters=(ScopeMeter("P1-A", "M2", 1, START),)), "from", "overlaps"),
        (Registry(exemptions=(Exemption("P1", START, NOW, "r", "a", order_id="O2"),)), "order_id", "scope P1-A"),
        (Registry(zone="Europe/Berlin", calendar=(CalendarDay(date(2018, 1, 1), "holiday"),)), "zone", "Shanghai"),
    ],
)
async def test_what_is_stored_stays_true(engine: AsyncEngine, registry: Registry, column: str, words: str) -> None:
    await stored_base(engine)
    with pytest.raises(RegistryErrors) as refused:
        async with engine.begin() as connection:
            await apply_registry(connection, registry, NOW)
    (problem,) = refused.value.problems
    assert problem.column == column
    assert words in problem.en


async def test_lower_revisions_stay_and_a_late_low_one_changes_nothing(engine: AsyncEngine) -> None:
    await stored_base(engine)
    async with engine.begin() as connection:
        await apply_registry(connection, order_revision("O1", revision=3, reduction=0.5), NOW)
        await connection.execute(text("DELETE FROM dirty_scopes"))
        changes = await apply_registry(connection, order_revision("O1", revision=2, reduction=0.4), NOW)
        assert ["has no effect" in w.en for w in changes.warnings] == [True]
        assert await marks(connection) == set()
        loaded = (await load_registry(connection)).registry
        assert sorted(o.revision for o in loaded.orders if o.order_id == "O1") == [1, 2, 3]


async def test_the_default_scope_follows_the_name_of_its_plant(engine: AsyncEngine) -> None:
    await stored_base(engine)
    async with engine.begin() as connection:
        await apply_registry(connection, Registry(plants=(replace(BASE.plants[1], name="丙厂"),)), NOW)
        named = {s.scope_id: s.name for s in (await load_registry(connection)).registry.scopes}
    assert named == {"P1": "甲厂", "P2": "丙厂", "P1-A": "涂装"}


def test_twenty_thousand_new_meters_of_one_plant_are_one_span() -> None:
    many = replace(
        BASE,
        meters=tuple(Meter(f"M{i}", "P1", source="yc") for i in range(20_000)),
        scope_meters=(),
        multipliers=(),
    )
    new = completed(many, Registry())
    tables = difference(new, Registry())
    touched = touched_spans(tables, Registry(), overlaid(Registry(), new), NOW)
    assert touched["P1"] == [(ALWAYS, FOREVER)]
