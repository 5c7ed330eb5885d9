"""Running, idle, split, maximum: plants of many kinds give a sane answer or none."""

from datetime import date, timedelta

import numpy as np
import pytest

from detectors.baseline import DayKind, DayLoads, Fit, baselines_of, fit_baseline
from detectors.baseline_levels import MARGIN, lowest_ceilings, nth_largest
from tests.unit.baseline_plants import F64, HOUR, MONDAY, SLOTS, Load, kiln, made, noise, shift, with_days


def level(value: float | None) -> float:
    if value is None:
        raise AssertionError("not learned")
    return value


def stop_cap(fit: Fit) -> float:
    return level(fit.idle_kw) + MARGIN * level(fit.running_kw)


def wandering(day: date, rng: np.random.Generator) -> F64:
    """Nights between 31 and 93 of 250, as a slow wander."""
    wander = np.interp(np.arange(SLOTS), np.arange(0, SLOTS + 12, 12), rng.uniform(31, 93, 9))
    works = (HOUR >= 7) & (HOUR < 17) & (day.weekday() < 5)
    return np.asarray(np.where(works, 250 + noise(rng, 15), wander), np.float64)


def three_levels(day: date, rng: np.random.Generator) -> F64:
    """A night shift at 120 between days at 300; weekends at 20."""
    if day.weekday() >= 5:
        return 20 + noise(rng, 1)
    return np.asarray(np.where((HOUR >= 7) & (HOUR < 19), 300 + noise(rng, 15), 120 + noise(rng, 6)), np.float64)


def test_one_shift_shop() -> None:
    fit = fit_baseline(made(shift(300, 12)), slot_s=900)
    assert fit.running_kw == pytest.approx(300, rel=0.01)
    assert fit.idle_median_kw == pytest.approx(12, rel=0.05)
    assert 12 < level(fit.idle_kw) < 0.15 * 300
    assert level(fit.idle_kw) < level(fit.split_kw) < 250
    assert 300 < level(fit.max_kw) < 360
    assert fit.confidence == "high"


def test_a_night_shift_is_not_standing_still() -> None:
    fit = fit_baseline(made(three_levels, 84), slot_s=900)
    assert fit.idle_median_kw == pytest.approx(20, rel=0.05)
    assert stop_cap(fit) < 100
    assert level(fit.night_kwh) > 300


def test_wandering_nights_stay_silent_and_half_a_load_is_found() -> None:
    fit = fit_baseline(made(wandering, 84), slot_s=900)
    assert 93 < stop_cap(fit) < 125


def test_a_kiln_that_never_stops_has_no_idle_level() -> None:
    fit = fit_baseline(made(kiln()), slot_s=900)
    assert (fit.idle_kw, fit.split_kw, fit.idle_reason) == (None, None, "never_stops")
    assert fit.running_kw == pytest.approx(1000, rel=0.01)
    assert fit.night_kwh is None
    assert "never stood still" in fit.en
    assert fit.applied == ("all",)


def test_an_outage_of_a_kiln_shows_its_idle_level_and_that_it_was_one_stop() -> None:
    stood = [MONDAY + timedelta(days=n) for n in (30, 31, 32, 33)]
    days = with_days(made(kiln(), 84), lambda d: d.kw / 1000 * 55 if d.day in stood else None)
    fit = fit_baseline(days, slot_s=900)
    assert fit.idle_median_kw == pytest.approx(55, rel=0.05)
    assert fit.stops == 1
    assert "idle_of_one_stop" in fit.doubts


def test_a_night_at_sixty_percent_is_part_load() -> None:
    def load(day: date, rng: np.random.Generator) -> F64:
        return np.asarray(np.where((HOUR >= 7) & (HOUR < 22), 500, 300) + noise(rng, 8), np.float64)

    fit = fit_baseline(made(load), slot_s=900)
    assert (fit.idle_kw, fit.idle_reason) == (None, "too_high")


def _on_a_base(base_sd: float, rests: bool = True) -> Load:
    """Works at 500 by day; at 250 else, which moves by ``base_sd``; on rest days too only where it ``rests``."""

    def load(day: date, rng: np.random.Generator) -> F64:
        works = (HOUR >= 7) & (HOUR < 19) & (day.weekday() < 5 or not rests)
        return np.asarray(np.where(works, 500 + noise(rng, 25), 250 + noise(rng, base_sd)), np.float64)

    return load


def test_a_steady_load_over_whole_weekends_is_idling_of_a_high_base() -> None:
    fit = fit_baseline(made(_on_a_base(4), 84), slot_s=900)
    assert fit.idle_reason == "learned"
    assert "idle_high" in fit.doubts
    cap = level(fit.idle_kw) + MARGIN * level(fit.running_kw)
    assert 260 < cap <= 250 + 0.25 * 250 + 1  # a run of half of its work, 375, is found


@pytest.mark.parametrize(
    "load",
    [_on_a_base(12.5), _on_a_base(4, rests=False), lambda day, rng: np.full(SLOTS, _on_a_base(4)(day, rng).mean())],
    ids=["moves as half the work does", "by night alone", "told once a day"],
)
def test_a_high_low_load_that_may_be_part_load_is_not_idling(load: Load) -> None:
    fit = fit_baseline(made(load, 84), slot_s=900)
    assert fit.idle_kw is None


def test_a_furnace_that_switches_all_day_idles_where_it_rests() -> None:
    def load(day: date, rng: np.random.Generator) -> F64:
        on = ((np.arange(SLOTS) // 5) % 2 == 0) & (day.weekday() < 6)
        return np.asarray(np.where(on, 800 + noise(rng, 20), 50 + noise(rng, 3)), np.float64)

    fit = fit_baseline(made(load, 84), slot_s=900)
    assert fit.idle_median_kw == pytest.approx(50, rel=0.05)
    assert fit.running_kw == pytest.approx(800, rel=0.01)


@pytest.mark.parametrize("scale", [0.002, 1.0, 400.0])
def test_small_and_large_plants_alike(scale: float) -> None:
    fit = fit_baseline(with_days(made(shift(400, 25)), lambda d: d.kw * scale), slot_s=900)
    assert fit.running_kw == pytest.approx(400 * scale, rel=0.02)
    assert 25 * scale < level(fit.idle_kw) < 75 * scale


@pytest.mark.parametrize(
    ("load", "refusal"),
    [(lambda day, rng: np.zeros(SLOTS), "no_load"), (lambda day, rng: np.full(SLOTS, np.nan), "no_days")],
)
def test_nothing_to_learn_is_a_refusal(load: Load, refusal: str) -> None:
    fit = fit_baseline(made(load, 30), slot_s=900)
    assert fit.refusal == refusal
    assert fit.running_kw is None
    assert fit.rows == ()
    assert fit.en.count("No baseline") == 1
    assert "未能建立基准" in fit.zh


def test_a_period_of_frozen_days_alone_is_refused() -> None:
    days = with_days(made(shift(300, 12), 21), lambda d: np.full(SLOTS, 77.0) if d.day.weekday() % 2 else None)
    days = [DayLoads(d.day, d.kind, d.kw, None if d.day.weekday() % 2 else "asked by the office") for d in days]
    fit = fit_baseline(days, slot_s=900)
    assert (fit.running_kw is None) == (fit.refusal is not None)


def test_no_days_at_all() -> None:
    fit = fit_baseline([], slot_s=900)
    assert fit.refusal == "no_days"
    assert fit.first_day is None


def test_fewer_than_five_working_days_are_refused_and_fewer_than_ten_are_not_trusted() -> None:
    assert fit_baseline(made(shift(300, 12), 6)[:4], slot_s=900).refusal == "few_days"
    nine = fit_baseline(made(shift(300, 12), 11), slot_s=900)
    assert nine.refusal is None
    assert nine.confidence == "low"
    assert "few_days" in nine.doubts
    assert [row.rrmse for row in baselines_of(nine, "P", "v1", 0)] == [0.2778]
    assert fit_baseline(made(shift(300, 12), 14), slot_s=900).rrmse == pytest.approx(0.02, abs=0.02)


def test_a_stop_that_is_too_short_teaches_nothing() -> None:
    def change(one: DayLoads) -> F64 | None:
        return np.where((HOUR >= 2) & (HOUR < 11), 50.0, one.kw) if one.day == MONDAY + timedelta(days=9) else None

    fit = fit_baseline(with_days(made(kiln(), 40), change), slot_s=900)
    assert fit.idle_kw is None


def test_five_minute_slots_mean_the_same() -> None:
    quarter = made(shift(300, 12), 40)
    fine = [DayLoads(d.day, d.kind, np.repeat(d.kw, 3)) for d in quarter]
    one, other = fit_baseline(quarter, slot_s=900), fit_baseline(fine, slot_s=300)
    assert other.running_kw == pytest.approx(level(one.running_kw), rel=0.001)
    assert other.idle_kw == pytest.approx(level(one.idle_kw), rel=0.03)
    assert other.day_kwh == pytest.approx(level(one.day_kwh), rel=0.001)
    assert other.night_kwh == pytest.approx(level(one.night_kwh), abs=1)


def test_gaps_do_not_make_a_stop_and_short_ones_do_not_break_one() -> None:
    rng = np.random.default_rng(1)

    def change(one: DayLoads) -> F64 | None:
        kw = one.kw.copy()
        kw[rng.random(SLOTS) < 0.03] = np.nan
        return kw

    whole, holed = made(shift(300, 12), 60), with_days(made(shift(300, 12), 60), change)
    one, other = fit_baseline(whole, slot_s=900), fit_baseline(holed, slot_s=900)
    assert other.idle_kw == pytest.approx(level(one.idle_kw), rel=0.02)
    assert other.idle_hours > 0.6 * one.idle_hours


def test_days_far_apart_are_not_one_night() -> None:
    days = made(shift(300, 12), 60)
    fit = fit_baseline(days[::2], slot_s=900)
    assert fit.night_kwh is None


def test_ceilings_against_a_slow_loop() -> None:
    x = np.random.default_rng(5).normal(size=60)
    held = nth_largest(x, 3, 4)
    assert held.tolist() == [sorted(x[i : i + 4])[1] for i in range(57)]
    width = 9
    slow = [
        min(max(held[b : b + width]) for b in range(max(0, i - width + 1), min(i, len(held) - width) + 1))
        for i in range(len(held))
    ]
    assert lowest_ceilings(held, width).tolist() == slow


def test_kinds_of_days_beyond_the_two_need_no_rows() -> None:
    days = [DayLoads(d.day, DayKind.WORKDAY, d.kw) for d in made(shift(300, 12), 30)]
    fit = fit_baseline(days, slot_s=900)
    assert fit.row("restday") is None
    assert fit.applied_reason == "few"
