"""Imports into a real database: all or nothing, twice is nothing, frozen rows, what a change marks."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from detectors.days import SLOT
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
    Plant,
    Registry,
    Scope,
    ScopeMeter,
    Source,
)
from detectors.vocab import Control, Measure, Role, Verdict
from service.db.partitions import ensure_partitions
from service.db.registry import apply_registry, load_registry, plan_registry
from service.db.registry_diff import completed, difference, overlaid
from service.db.registry_errors import RegistryErrors
from service.db.registry_marks import touched_spans

HOUR = 3600
DAY = 24 * HOUR
#: 2017-11-15 00:00 in Shanghai, a slot boundary.
START = int(datetime(2017, 11, 14, 16, tzinfo=UTC).timestamp())
#: Ten days into the season.
NOW = START + 10 * DAY
FIRST_READING = START - 2 * DAY

BASE = Registry(
    sources=(Source("yc", 5),),
    plants=(Plant("P1", "甲厂", "登封市"), Plant("P2", "乙厂", "新密市")),
    meters=(
        Meter("M1", "P1", source="yc"),
        Meter("M2", "P1", source="yc", role=Role.CHECK),
        Meter("M3", "P2", source="other"),
    ),
    multipliers=(Multiplier("M1", ALWAYS + DAY, START + DAY, 100.0), Multiplier("M1", START + DAY, FOREVER, 120.0)),
    scopes=(Scope("P1-A", "P1", "涂装", "process"),),
    scope_meters=(ScopeMeter("P1-A", "M2"),),
    orders=(
        Order("O1", "P1", Control.LIMIT, START, START + 20 * DAY, reduction=0.3, measure=Measure.ENERGY),
        Order("O2", "P1-A", Control.STOP, START + 2 * DAY, START + 4 * DAY, residual_kw=10.0),
    ),
    baselines=(
        Baseline("P1", "V1", START - 300 * DAY, 1000.0, day_kwh=20000.0),
        Baseline("P1-A", "V1", START - 300 * DAY, 100.0, day_type="workday"),
    ),
)


def slots(first_s: int, last_s: int) -> tuple[int, int]:
    """First and last slot of [first_s, last_s)."""
    return first_s // 900, -(-last_s // 900) - 1


async def marks(connection: AsyncConnection) -> set[tuple[str, int, int]]:
    """All dirty marks by scope_id."""
    rows = await connection.execute(
        text("SELECT scope_id, first_slot, last_slot FROM dirty_scopes JOIN scopes USING (scope_no)")
    )
    return {(scope_id, first, last) for scope_id, first, last in rows}


async def stored_base(engine: AsyncEngine) -> None:
    """The base registry, and one reading of M1 two days before the season; no mark left."""
    async with engine.begin() as connection:
        await ensure_partitions(connection, date(2017, 11, 1), date(2017, 11, 30))
        await apply_registry(connection, BASE, NOW)
        await connection.execute(
            text(
                "INSERT INTO readings SELECT to_timestamp(:ts), 1, to_timestamp(:ts), 0, meter_no, 900, 0, 0, 3, 0, 0"
                " FROM meters WHERE meter_id = 'M1'"
            ),
            {"ts": FIRST_READING},
        )
        await connection.execute(text("DELETE FROM dirty_scopes"))


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


def _order(order_id: str, **changed: Any) -> Registry:
    order = next(o for o in BASE.orders if o.order_id == order_id)
    return Registry(orders=(replace(order, **changed),))


V1 = BASE.baselines[0]
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
        _order("O2", revision=2, valid_from=START + 6 * DAY, valid_to=START + 7 * DAY),
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
        (_order("O1", reduction=0.2), "order_id", "raise the revision"),
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
        await apply_registry(connection, _order("O1", revision=3, reduction=0.5), NOW)
        await connection.execute(text("DELETE FROM dirty_scopes"))
        changes = await apply_registry(connection, _order("O1", revision=2, reduction=0.4), NOW)
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


async def _one_violating_day(connection: AsyncConnection) -> None:
    """Scope P1, 2017-11-16: slots 8 to 11 violate O1, everything else is compliant."""
    packed = np.zeros(96, SLOT)
    packed["verdict"] = Verdict.COMPLIANT
    packed["verdict"][8:12] = Verdict.VIOLATING
    packed["order"] = 0
    await connection.execute(
        text(
            "INSERT INTO scope_days (scope_no, day, first_slot, slot_s, as_of, verdict, reasons, order_ids,"
            " baseline_versions, coverage, violating_slots, slots) SELECT scope_no, '2017-11-16', :first_slot, 900,"
            " to_timestamp(:now), 4, 0, '{O1}', '{V1}', 1, 4, :slots FROM scopes WHERE scope_id = 'P1'"
        ),
        {"first_slot": (START + DAY) // 900, "now": NOW, "slots": packed.tobytes()},
    )


LOSSES: list[tuple[str, Registry, int]] = [
    (
        "an exemption over two of them",
        Registry(exemptions=(Exemption("P1", START, START + DAY + 10 * 900, "r", "a"),)),
        2,
    ),
    ("an exemption elsewhere", Registry(exemptions=(Exemption("P1", START, START + DAY, "r", "a"),)), 0),
    ("a revision that cuts less", _order("O1", revision=2, reduction=0.2), 4),
    ("a revision that cuts more", _order("O1", revision=2, reduction=0.5), 0),
    ("a revision that begins later", _order("O1", revision=2, valid_from=START + DAY + 9 * 900), 1),
    ("a revision that lasts longer", _order("O1", revision=2, valid_to=START + 40 * DAY), 0),
    (
        "a higher baseline",
        Registry(
            baselines=(
                replace(V1, valid_to=START + DAY + 11 * 900),
                replace(V1, version="V2", valid_from=START + DAY + 11 * 900, running_kw=1500.0),
            )
        ),
        1,
    ),
]


@pytest.mark.parametrize("registry, count", [c[1:] for c in LOSSES], ids=[c[0] for c in LOSSES])
async def test_an_import_says_which_violating_slots_it_may_take_away(
    engine: AsyncEngine, registry: Registry, count: int
) -> None:
    await stored_base(engine)
    async with engine.begin() as connection:
        await _one_violating_day(connection)
        changes = await plan_registry(connection, registry, NOW)
    told = [w.en for w in changes.warnings if "violating" in w.en]
    assert all(f"may take {count} violating slot" in words and "scope P1," in words for words in told)
    assert bool(told) == (count > 0)


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
