"""Baselines of measured plants: fitted from earlier weeks only, judged by what the plants did later.

The two plants of the demo are always there. The others are read where the environment variable CUOFENG_DATA names
their folder.
"""

import csv
import gzip
import os
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from detectors.baseline import DayLoads, Fit, dropped_counts, fit_baseline
from detectors.baseline_levels import MARGIN, nth_largest, runs_of
from service.demo.measured import template
from tests.unit.baseline_plants import F64, shipped, weekday_kind

#: First day of the reference period; the plant is judged on the 60 days behind its 120 days.
FIRST_DAYS = [date(2018, month, 1) for month in range(1, 9)]
REFERENCE_DAYS, JUDGED_DAYS = 120, 60
#: Highest load of a stop by the plant's own description: steel below 40 kW; metalworking 5-95 % of a closed plant are
#: 16 to 46 kW of a working level of 125.
STOOD_BELOW_KW = {"steel": 40.0, "metalworking": 50.0}
STOP_SLOTS, GRACE_SLOTS = 24 * 4, 4 * 4


@cache
def fitted(name: str, first: date) -> Fit:
    return fit_baseline(shipped(name, first, first + timedelta(days=REFERENCE_DAYS - 1)), slot_s=900)


def later(name: str, first: date) -> F64:
    begin = first + timedelta(days=REFERENCE_DAYS)
    return np.concatenate([d.kw for d in shipped(name, begin, begin + timedelta(days=JUDGED_DAYS - 1))])


def cap_of(fit: Fit) -> float:
    if fit.idle_kw is None or fit.running_kw is None:
        raise AssertionError("this plant stands still every weekend")
    return fit.idle_kw + MARGIN * fit.running_kw


@pytest.mark.parametrize("first", FIRST_DAYS)
@pytest.mark.parametrize("name", ["steel", "metalworking"])
def test_honest_stops_of_later_weeks_stay_silent(name: str, first: date) -> None:
    load, cap = later(name, first), cap_of(fitted(name, first))
    stops = [r for r in runs_of(load < STOOD_BELOW_KW[name]).tolist() if r[1] - r[0] >= STOP_SLOTS]
    opened = [(b, e) for b, e in stops if (nth_largest(load[b + GRACE_SLOTS : e], 3, 4) > cap).any()]
    assert opened == []


@pytest.mark.parametrize("first", FIRST_DAYS)
@pytest.mark.parametrize(("name", "at_least"), [("steel", 1.0), ("metalworking", 0.99)])
def test_an_hour_of_half_the_plants_own_work_by_night_is_found(name: str, at_least: float, first: date) -> None:
    fit = fitted(name, first)
    load, cap, idle = later(name, first), cap_of(fit), fit.idle_median_kw or 0.0
    half = idle + 0.5 * (load - idle)
    works = load > idle + 0.5 * ((fit.running_kw or 0.0) - idle)
    hours = np.lib.stride_tricks.sliding_window_view(works, 4).all(axis=1)
    found = nth_largest(half, 3, 4)[hours] > cap
    assert found.mean() >= at_least


@pytest.mark.parametrize("name", ["steel", "metalworking"])
def test_the_same_plant_on_a_high_base_idles_there(name: str) -> None:
    first = FIRST_DAYS[1]
    plain = fitted(name, first)
    base = 0.8 * (plain.running_kw or 0.0)
    days = shipped(name, first, first + timedelta(days=REFERENCE_DAYS - 1))
    fit = fit_baseline([DayLoads(d.day, d.kind, d.kw + base) for d in days], slot_s=900)
    load, cap = later(name, first) + base, cap_of(fit)
    assert fit.idle_median_kw == pytest.approx((plain.idle_median_kw or 0.0) + base, rel=0.05)
    stops = [r for r in runs_of(load < STOOD_BELOW_KW[name] + base).tolist() if r[1] - r[0] >= STOP_SLOTS]
    assert not any((nth_largest(load[b + GRACE_SLOTS : e], 3, 4) > cap).any() for b, e in stops)


@pytest.mark.parametrize("name", ["steel", "metalworking"])
def test_half_of_a_plants_own_work_by_night_and_at_weekends_is_not_idling(name: str) -> None:
    days = shipped(name, FIRST_DAYS[1], FIRST_DAYS[1] + timedelta(days=REFERENCE_DAYS - 1))
    level_kw = 0.5 * (fitted(name, FIRST_DAYS[1]).running_kw or 0.0)
    work = np.concatenate([d.kw[d.kw > level_kw] for d in days])
    filled = [
        DayLoads(d.day, d.kind, np.where(d.kw > level_kw, d.kw, 0.55 * np.resize(np.roll(work, -97 * i), len(d.kw))))
        for i, d in enumerate(days)
    ]
    assert fit_baseline(filled, slot_s=900).idle_kw is None


def test_idle_of_the_steel_plant_is_that_of_its_long_stops() -> None:
    fit = fitted("steel", date(2018, 3, 1))
    assert fit.idle_median_kw == pytest.approx(12, abs=1)
    assert 17 <= (fit.idle_kw or 0) < 60  # a naive split says 127
    assert (fit.split_kw or 0) < 127


def test_idle_of_the_metalworking_plant_is_not_near_zero() -> None:
    fit = fitted("metalworking", date(2018, 3, 1))
    assert fit.idle_median_kw == pytest.approx(31, abs=3)
    assert 40 < cap_of(fit) < 62  # below half of its working level of 125
    assert fit.running_kw == pytest.approx(122, rel=0.05)


def test_an_honest_steel_day_of_eighty_percent_is_under_the_working_day() -> None:
    fit = fitted("steel", date(2018, 3, 1))
    weekdays = [d.kw.sum() / 4 for d in shipped("steel", date(2018, 3, 1), date(2018, 6, 28)) if d.day.weekday() < 5]
    everything = np.mean([d.kw.sum() / 4 for d in shipped("steel", date(2018, 3, 1), date(2018, 6, 28))])
    assert fit.day_kwh == pytest.approx(float(np.mean([e for e in weekdays if e > 1600])), rel=0.01)
    assert (fit.day_kwh or 0) > 1.2 * everything
    assert (fit.applied, fit.applied_reason) == (("all",), "mixed")


def test_nothing_of_the_shipped_plants_is_taken_for_a_data_fault() -> None:
    for name in ("steel", "metalworking"):
        days = list(template(name).days)
        fit = fit_baseline(shipped(name, days[0], days[-1]), slot_s=900)
        assert set(dropped_counts(fit.dropped)) == {"low_use"}, name


def test_loads_above_capacity_are_not_raised_by_later_weeks() -> None:
    for name in ("steel", "metalworking"):
        for first in FIRST_DAYS:
            above = later(name, first) > 1.1 * (fitted(name, first).max_kw or 0)
            assert np.convolve(above, np.ones(8), "valid").max() < 6, (name, first)


@cache
def campus() -> tuple[DayLoads, ...]:
    folder = os.environ.get("CUOFENG_DATA")
    if not folder or not (path := Path(folder) / "campus_substation_2013_2015_15min.csv.gz").exists():
        pytest.skip("CUOFENG_DATA names no folder with the campus data")
    days: dict[date, F64] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = row["time_local"]
            slot = int(at[11:13]) * 4 + int(at[14:16]) // 15
            days.setdefault(date.fromisoformat(at[:10]), np.full(96, np.nan))[slot] = float(row["total_kw"])
    return tuple(DayLoads(d, weekday_kind(d), kw) for d, kw in days.items())


def campus_fit(first: date, last: date) -> Fit:
    return fit_baseline([d for d in campus() if first <= d.day <= last], slot_s=900)


def test_campus_weeks_at_a_tenth_and_dead_days_are_left_out() -> None:
    fit = campus_fit(date(2013, 9, 15), date(2014, 1, 31))
    reasons = {d.day: d.reason for d in fit.dropped}
    wrong = [date(2013, 10, 3) + timedelta(days=n) for n in range(13)]
    wrong += [date(2013, 10, 30) + timedelta(days=n) for n in range(13)]
    assert {reasons.get(d) for d in wrong} == {"level"}
    dead = [date(2014, 1, 16) + timedelta(days=n) for n in range(5)]
    assert {reasons.get(d) for d in dead} == {"zeros_unproven"}
    assert fit.idle_median_kw == pytest.approx(160, abs=15)
    assert "level_fault" in fit.doubts


def test_campus_absurd_values_are_no_maximum() -> None:
    fit = campus_fit(date(2014, 9, 25), date(2014, 12, 20))
    assert {d.day: d.reason for d in fit.dropped}[date(2014, 10, 22)] == "spike"
    assert (fit.max_kw or 0) < 950


def test_campus_months_at_a_ninth_do_not_become_the_baseline() -> None:
    fit = campus_fit(date(2014, 1, 28), date(2014, 5, 26))
    assert sum(d.reason == "level" for d in fit.dropped) > 80
    assert fit.running_kw == pytest.approx(500, rel=0.1)
