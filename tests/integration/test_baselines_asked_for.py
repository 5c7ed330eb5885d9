"""Fits without naming scopes: of lines that are counted and of plants that are compared, from stored days and files."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.backtest_baselines import BaselineOptions, fit_missing
from detectors.history import History
from detectors.reading_days import ReadingDays
from detectors.registry import Line, Meter, Order, Plant, Registry, Scope, ScopeMeter, Source, with_default_scopes
from detectors.vocab import Control, Kind, Role, Rule, Verdict
from detectors.world import compile_world
from service.baselines.proposals import fit_stored
from service.baselines.reference import Period, wanted_scopes
from service.calendar import office_day_type
from service.db.registry_load import load_rows
from tests.cases.fast import columns_of, fast
from tests.integration.baseline_world import at
from tests.integration.streamed import Stream
from tests.oracles.rows import Reading

#: Two weeks, Monday to Sunday: of fewer days a fit claims no small error. The orders hold on Monday and Tuesday.
PERIOD = Period(date(2017, 9, 4), date(2017, 9, 18))
BEGIN, SEASON, END = at(PERIOD.begin), at(PERIOD.end), at(date(2017, 9, 20))
#: W makes on two lines and may run one; T must stop, S is of its enterprise, U is of another.
OFFICE = Registry(
    sources=(Source("grid"),),
    plants=(Plant("W", "W", "c"), Plant("T", "T", "c", uscc="Y"), Plant("S", "S", "c", uscc="Y"), Plant("U", "U", "c")),
    lines=(Line("L1", "W", "L1"), Line("L2", "W", "L2")),
    scopes=tuple(Scope(name, "W", name, kind="line") for name in ("L1", "L2")),
    scope_meters=tuple(ScopeMeter(name, name.lower()) for name in ("L1", "L2")),
    meters=tuple(
        Meter(name, plant, line_id=line, source="grid", kind=Kind.POWER_AVG, role=role)
        for name, plant, line, role in (
            ("w", "W", None, Role.SUPPLY), ("l1", "W", "L1", Role.LINE), ("l2", "W", "L2", Role.LINE),
            ("t", "T", None, Role.SUPPLY), ("s", "S", None, Role.SUPPLY), ("u", "U", None, Role.SUPPLY),
        )
    ),
    orders=(
        Order("one line", "W", Control.UNITS, SEASON, END, units_allowed=1, ramp_down_h=0.0),
        Order("stop", "T", Control.STOP, SEASON, END, ramp_down_h=0.0),
    ),
)  # fmt: skip
ASKED = ["L1", "L2", "S", "T", "W"]


def readings(until: int) -> Iterator[Reading]:
    """All work from 8 to 20, on every day. On the Monday of the season both lines run; T stops, and S makes on both
    days what T would have."""
    chance = np.random.default_rng(1)
    for ts in range(BEGIN + 900, until + 1, 900):
        hour = (ts - 900 - BEGIN) // 3600 % 24
        works, in_season = 8 <= hour < 20, ts > SEASON
        kw = {
            "l1": 200.0 if works else 8.0,
            "l2": 300.0 if works and not ts > SEASON + 86_400 else 12.0,
            "t": 500.0 if works and not in_season else 10.0,
            "s": (1100.0 if in_season else 600.0) if works else 20.0,
            "u": 50.0,
        }
        noisy = {meter: load * (1 + 0.01 * float(chance.normal())) for meter, load in kw.items()}
        noisy["w"] = noisy["l1"] + noisy["l2"] + 5.0
        for meter, load in noisy.items():
            yield Reading(meter, Kind.POWER_AVG, ts, round(load, 2), period_s=900, coll_ms=ts * 1000)


def fitted(until: int) -> tuple[Registry, dict[str, str]]:
    """As a back-test fits: the registry with what was fitted, and the data hash of each scope."""
    office = with_default_scopes(OFFICE)
    world = compile_world(office, 900, office_day_type(office))
    history = History(world, ReadingDays.of(world, columns_of(office, list(readings(until)))), until)
    registry, told = fit_missing(history, office, BaselineOptions(PERIOD))
    return registry, {b.scope_id: b.data_hash for b in told}


async def test_the_command_fits_what_a_back_test_fits(engine: AsyncEngine) -> None:
    """The same scopes, the same data."""
    stream = Stream(engine, 900, BEGIN)
    await stream.start(OFFICE)
    await stream.take_in(with_default_scopes(OFFICE), list(readings(SEASON)))
    await stream.judge_until(SEASON)
    async with engine.connect() as connection:
        stored = await load_rows(connection)
        wanted = wanted_scopes(stored.registry, SEASON)
        fits = await fit_stored(
            connection, stored, wanted, PERIOD, slot_s=900, method="mean", version="V", valid_from=SEASON
        )
    assert {f.scope_id: f.fit.data_hash for f in fits} == fitted(SEASON)[1]
    assert [f.scope_id for f in fits if f.rows] == ASKED


def test_lines_are_counted_and_a_shift_is_found_by_what_was_fitted() -> None:
    """Without these fits both are unknown. Two lines run on the Monday; S makes more than it is wont to."""
    bare = fast(with_default_scopes(OFFICE), list(readings(END)), END)
    assert {r.verdict for r in bare.slots if r.order_id is not None} == {Verdict.UNKNOWN}
    registry, _ = fitted(END)
    found = fast(registry, list(readings(END)), END)
    rules = {(a.scope_id, a.rule) for a in found.alerts}
    assert rules >= {("W", Rule.UNITS_OVER), ("T", Rule.SHIFT)}
    assert {r.verdict for r in found.slots if r.order_id is not None} == {Verdict.COMPLIANT, Verdict.VIOLATING}


@pytest.mark.parametrize(
    ("changed", "asked"),
    [
        ({}, ASKED),
        ({"orders": OFFICE.orders[1:]}, ["S", "T"]),
        ({"orders": (replace(OFFICE.orders[1], control=Control.COKING),)}, ["T"]),
        ({"orders": (replace(OFFICE.orders[1], scope_id="L1"),)}, ["L1", "W"]),
        ({"orders": (replace(OFFICE.orders[0], scope_id="L2"),)}, ["L2", "W"]),
        ({"scopes": (), "scope_meters": ()}, ["S", "T", "W"]),
        ({"plants": tuple(replace(p, uscc=None) for p in OFFICE.plants)}, ["L1", "L2", "T", "W"]),
        ({"orders": tuple(replace(o, valid_to=SEASON) for o in OFFICE.orders)}, []),
    ],
    ids=["all", "stop", "coking", "a line stops", "a line by units", "no own scopes", "no code", "over"],
)
def test_who_is_asked_for(changed: dict[str, Any], asked: list[str]) -> None:
    assert wanted_scopes(replace(OFFICE, **changed), SEASON) == asked
