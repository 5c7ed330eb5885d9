"""Warnings, daily windows, turns, penalties and late exemptions, one after another on a running stream.

After every change exactly the slots at which some order says something else are marked, and what is judged then is what
a back-test of the new registry judges.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from detectors.registry import (
    Baseline,
    Episode,
    Exemption,
    Meter,
    Order,
    Plant,
    PlantPlan,
    Registry,
    Rotation,
    Source,
    with_default_scopes,
)
from detectors.rulebook.orders import wanted_orders
from detectors.rulebook.parse import parse_rulebook
from detectors.vocab import Control, Kind, Verdict
from service.db.registry import apply_registry
from service.db.registry_load import load_registry, load_rows
from service.plans.apply import apply_plan, end_warning, warn
from service.plans.changes import is_withdrawn, standing
from service.plans.shipped import Reading, read_rulebook
from tests.cases.fast import fast
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.oracles.order_states import differing_slots
from tests.oracles.rows import Reading as Row
from tests.oracles.rows import World

MINUTE, HOUR, DAY, SLOT_S = 60, 3600, 86_400, 900
#: 2017-11-15 00:00 in Zhengzhou: the season begins.
START = 1510675200
DOCUMENT = "郑政文〔2017〕210号"
_BODY = read_rulebook("zhengzhou-2017").body.replace("last = 2018-03-15", "last = 2017-11-17")
#: The plan with a season of three days, so that a penalty may go beyond it.
SEASON = Reading(parse_rulebook(_BODY, "three days"), _BODY)
WARNINGS = read_rulebook("heavy-pollution")

PLANTS = {
    "K": ("3071", {"fuel": "coal"}),  # stands all season
    "G": ("3071", {"fuel": "coal"}),  # takes turns with it
    "S": ("3120", {"process": "steelmaking"}),  # 20 % less, by energy
    "F": ("3391", {"fuel": "natural_gas", "emission": "stable"}),  # nothing but under a warning
}
BASE = Registry(
    sources=(Source("grid"),),
    plants=tuple(
        Plant(p, f"示例{p}", "登封市" if p in "KF" else "新密市", None, code, "2017", attributes=attributes)
        for p, (code, attributes) in PLANTS.items()
    ),
    meters=tuple(Meter(p.lower(), p, source="grid") for p in PLANTS),
    baselines=tuple(Baseline(p, "v1", 0, 1000.0, idle_kw=20.0, day_kwh=16_000.0) for p in PLANTS),
    plant_plans=(PlantPlan("K", DOCUMENT, ramp_down_h=6.0),),
)


def _readings(days: int) -> list[Row]:
    """K and G run by night, F and S by day; S is silent for three hours of the second day."""
    found = []
    for i in range(days * 96):
        ts, hour = START + (i + 1) * SLOT_S, i % 96 // 4
        night, day = hour >= 21 or hour < 5, 7 <= hour < 19
        loads = {
            "k": 420.0 if night else 60.0,
            "g": 300.0 if night or hour == 12 else 15.0,
            "s": 900.0 if day else 640.0,
            "f": 980.0 if day else 30.0,
        }
        if 110 <= i < 122:
            del loads["s"]
        found += [Row(meter, Kind.POWER_INST, ts, kw, coll_ms=ts * 1000) for meter, kw in loads.items()]
    return found


class Change(NamedTuple):
    """What the office does at a time (epoch seconds), and the scopes that it touches."""

    name: str
    at: int
    do: Callable[[AsyncConnection, int], Awaitable[object]]
    scopes: str


def rows(**tables: Any) -> Callable[[AsyncConnection, int], Awaitable[object]]:
    """Import rows."""

    async def do(connection: AsyncConnection, now: int) -> object:
        return await apply_registry(connection, replace(Registry(), **tables), now, slot_s=SLOT_S)

    return do


def plan(**tables: object) -> Callable[[AsyncConnection, int], Awaitable[object]]:
    """Import rows, and apply the season's rulebook."""

    async def do(connection: AsyncConnection, now: int) -> object:
        await rows(**tables)(connection, now)
        return await apply_plan(connection, SEASON, now, slot_s=SLOT_S)

    return do


def level(name: str, at: int, county: str | None = None) -> Callable[[AsyncConnection, int], Awaitable[object]]:
    """A warning level is in force from a time on."""

    async def do(connection: AsyncConnection, now: int) -> object:
        segment = Episode("E1" if county is None else "E2", at, name, f"预警{name}", county=county)
        return await warn(connection, WARNINGS, segment, now, slot_s=SLOT_S)

    return do


def ended(at: int, episode: str = "E1") -> Callable[[AsyncConnection, int], Awaitable[object]]:
    """A warning ends."""

    async def do(connection: AsyncConnection, now: int) -> object:
        return await end_warning(connection, WARNINGS, episode, at, now, slot_s=SLOT_S)

    return do


def clock(day: int, hour: int, minute: int = 0) -> int:
    """Epoch seconds of a local time of the story's day."""
    return START + day * DAY + hour * HOUR + minute * MINUTE


NIGHTLY = Order(
    "办-1", "F", Control.LIMIT, clock(0, 6), clock(5, 12), 20 * HOUR + 10 * MINUTE, 6 * HOUR + 25 * MINUTE, 0.4
)
EARLIER = replace(NIGHTLY, daily_from_s=18 * HOUR, revision=2)
TURN = Rotation("G", clock(1, 22, 5), clock(2, 10, 50), "陶瓷一组", "轮产1号", "市工信委")
LATE = Exemption("K", clock(0, 21, 40), clock(1, 3, 5), "抢修", "市工信委", document="批复3号")
HEAT = Exemption("S", clock(1, 7), clock(2, 19, 35), "供暖", "市政府", max_kw=950.0)
STORY = (
    Change("the season's plan", clock(0, 9, 7), plan(), "KGS"),
    Change("yellow at 11:13", clock(0, 12, 40), level("yellow", clock(0, 11, 13)), "KGSF"),
    Change("a window across midnight", clock(0, 23, 50), rows(orders=(NIGHTLY,)), "F"),
    Change("raised to red at 01:37", clock(1, 2), level("red", clock(1, 1, 37)), "KGSF"),
    Change("an exemption granted late", clock(1, 8, 20), rows(exemptions=(LATE,)), "K"),
    Change("lowered to orange at 09:52", clock(1, 10), level("orange", clock(1, 9, 52)), "KGSF"),
    Change("a cap for heating, late", clock(1, 16, 5), rows(exemptions=(HEAT,)), "S"),
    Change("a warning of one county", clock(1, 20), level("red", clock(1, 19, 1), "登封市"), "KF"),
    Change("ended at 22:11, told later", clock(2, 1, 30), ended(clock(1, 22, 11)), "KGSF"),
    Change("turns of a group", clock(2, 3), plan(rotations=(TURN,)), "G"),
    Change("the county's warning ends", clock(2, 6), ended(clock(2, 5, 29), "E2"), "KF"),
    Change(
        "a penalty of a day and a half",
        clock(2, 12),
        plan(plant_plans=(replace(BASE.plant_plans[0], valid_to=clock(3, 19, 20)),)),
        "K",
    ),
    Change("the cap for heating is raised", clock(3, 2), rows(exemptions=(replace(HEAT, max_kw=1200.0),)), "S"),
    Change("the window begins earlier", clock(3, 9), rows(orders=(EARLIER,)), "F"),
    Change("the turn was shorter", clock(3, 14), plan(rotations=(replace(TURN, valid_to=clock(2, 4, 10)),)), "G"),
)  # fmt: skip


async def test_each_change_marks_the_slots_it_touches_and_the_stream_equals_a_backtest(engine: AsyncEngine) -> None:
    readings = _readings(4)
    stream = Stream(engine, SLOT_S, START - DAY)
    await stream.start(BASE)
    taken = START
    for change in STORY:
        seen = [r for r in readings if taken < r.ts <= change.at]
        taken = change.at
        await stream.take_in(with_default_scopes(BASE), seen)
        await stream.judge_until(change.at)
        before, marked = await _marked_by(engine, change)
        after = await _registry(engine)
        touched = differing_slots(before, after, range(START // SLOT_S - 96, change.at // SLOT_S), SLOT_S)
        assert set(touched) == set(change.scopes), change.name
        assert marked == touched, change.name
        await stream.judge_until(change.at)
        known = [r for r in readings if r.ts <= change.at]
        expected = fast(after, known, change.at)
        found = await stream.judgement()
        assert disagreements(found, expected, World(after, tuple(known), change.at)) == [], change.name
    shown = {slot.verdict for slot in found.slots}
    assert {Verdict.EXEMPT, Verdict.GRACE, Verdict.VIOLATING, Verdict.COMPLIANT, Verdict.NO_ORDER} <= shown
    await _assert_same_as_at_once(engine)


async def _assert_same_as_at_once(engine: AsyncEngine) -> None:
    """The orders that stand are those of the last list and warnings, as if they had been known from the start."""
    async with engine.connect() as connection:
        stored = (await load_rows(connection)).registry
    office = replace(stored, orders=(), exemptions=(), scopes=tuple(s for s in stored.scopes if s.rulebook is None))
    for book in (SEASON.rulebook, WARNINGS.rulebook):
        mine = [o for o in standing(stored.orders).values() if o.rulebook == book.rulebook_id and not is_withdrawn(o)]
        plain = sorted((replace(o, revision=1, rulebook=None) for o in mine), key=lambda o: o.order_id)
        assert plain == list(wanted_orders(book, office).orders)
        assert len(plain) > 2


async def _registry(engine: AsyncEngine) -> Registry:
    async with engine.connect() as connection:
        return (await load_registry(connection)).registry


async def _marked_by(engine: AsyncEngine, change: Change) -> tuple[Registry, dict[str, set[int]]]:
    """The registry before a change, and the slots that it marks; nothing is marked before that is not ahead."""
    before = await _registry(engine)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM dirty_scopes"))
        await change.do(connection, change.at)
        found: dict[str, set[int]] = {}
        for scope_id, first, last in await connection.execute(
            text("SELECT s.scope_id, d.first_slot, d.last_slot FROM dirty_scopes d JOIN scopes s USING (scope_no)")
        ):
            found.setdefault(scope_id, set()).update(range(first, last + 1))
    return before, found
