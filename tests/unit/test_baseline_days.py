"""Which days of a reference period count, and why the others do not."""

from datetime import date, timedelta

import numpy as np
import pytest

from detectors.baseline import DayKind, DayLoads, DropReason, Fit, fit_baseline
from tests.unit.baseline_plants import F64, HOUR, MONDAY, SLOTS, kiln, made, noise, shift, with_days

SHOP = shift(300, 12)
BASE = shift(600, 160)


def reasons(fit: Fit) -> dict[date, str]:
    return {d.day: d.reason for d in fit.dropped}


def day(n: int) -> date:
    return MONDAY + timedelta(days=n)


def test_every_day_is_either_used_or_dropped_once() -> None:
    days = made(SHOP, 40)
    days[3] = DayLoads(day(3), DayKind.HOLIDAY, days[3].kw)
    fit = fit_baseline(days, slot_s=900)
    dropped = [d.day for d in fit.dropped]
    assert sorted([*fit.used, *dropped]) == [d.day for d in days]
    assert reasons(fit) == {day(3): "holiday"}


@pytest.mark.parametrize("reason", [DropReason.ORDER, DropReason.OUTAGE, "asked by the office"])
def test_a_reason_of_the_caller_leaves_a_day_out(reason: str) -> None:
    days = made(SHOP, 40)
    days[10] = DayLoads(day(10), days[10].kind, days[10].kw, reason)
    assert reasons(fit_baseline(days, slot_s=900)) == {day(10): str(reason)}


@pytest.mark.parametrize("kind", [DayKind.HOLIDAY, DayKind.SPRING_RAMP])
def test_the_calendar_leaves_days_out_of_the_energies_though_they_are_worked(kind: DayKind) -> None:
    days = made(SHOP, 40)
    days[8] = DayLoads(day(8), kind, days[8].kw * 1.5)
    fit = fit_baseline(days, slot_s=900)
    assert reasons(fit) == {day(8): str(kind)}
    without = fit_baseline([d for d in days if d.day != day(8)], slot_s=900)
    assert fit.day_kwh == without.day_kwh


def test_days_off_still_show_how_the_plant_stands_still() -> None:
    def change(one: DayLoads) -> F64 | None:
        return np.full(SLOTS, 55.0) + noise(np.random.default_rng(one.day.toordinal()), 2) if one.day in off else None

    off = [day(n) for n in range(20, 27)]
    days = with_days(made(kiln(), 60), change)
    days = [DayLoads(d.day, DayKind.HOLIDAY if d.day in off else d.kind, d.kw) for d in days]
    fit = fit_baseline(days, slot_s=900)
    assert fit.idle_median_kw == pytest.approx(55, abs=2)
    assert fit.day_kwh == pytest.approx(24_000, rel=0.01)


@pytest.mark.parametrize("slots", [92, 100])
def test_a_day_of_a_clock_change_is_left_out(slots: int) -> None:
    days = made(SHOP, 40)
    days[6] = DayLoads(day(6), days[6].kind, np.resize(days[6].kw, slots))
    assert reasons(fit_baseline(days, slot_s=900)) == {day(6): "clock_change"}


def test_missing_slots_leave_a_day_out_from_a_tenth_on() -> None:
    days = made(SHOP, 40)
    for n, gone in ((1, 9), (2, 10)):
        kw = days[n].kw.copy()
        kw[40 : 40 + gone] = np.nan
        days[n] = DayLoads(day(n), days[n].kind, kw)
    fit = fit_baseline(days, slot_s=900)
    assert reasons(fit) == {day(2): "coverage"}
    whole = fit_baseline(made(SHOP, 40), slot_s=900)
    assert fit.day_kwh == pytest.approx(whole.day_kwh, rel=0.003)


def test_rare_zeros_are_no_evidence_and_do_not_become_the_idle_level() -> None:
    def change(one: DayLoads) -> F64 | None:
        return np.zeros(SLOTS) if one.day in dead else None

    dead = [day(n) for n in range(15, 20)]
    fit = fit_baseline(with_days(made(BASE, 60), change), slot_s=900)
    assert {d for d, r in reasons(fit).items() if r == "zeros_unproven"} == set(dead)
    assert fit.idle_median_kw == pytest.approx(160, rel=0.02)
    assert fit.floor_kw is not None
    assert fit.floor_kw > 100


def test_zeros_that_are_the_habit_of_a_plant_are_its_idle_level() -> None:
    fit = fit_baseline(made(shift(300, 0), 60), slot_s=900)
    assert fit.idle_median_kw == 0
    assert fit.idle_kw is not None
    assert fit.running_kw is not None
    assert fit.idle_kw <= 0.011 * fit.running_kw  # zeros stay proof (SEMANTICS §2.11)
    assert not fit.dropped


def test_a_single_zero_is_a_dropout() -> None:
    days = made(BASE, 40)
    kw = days[5].kw.copy()
    kw[4] = 0
    days[5] = DayLoads(day(5), days[5].kind, kw)
    fit = fit_baseline(days, slot_s=900)
    assert not fit.dropped
    assert fit.floor_kw is not None
    assert fit.floor_kw > 100


def test_a_spike_leaves_its_day_out_and_does_not_become_the_maximum() -> None:
    days = made(SHOP, 60)
    kw = days[9].kw.copy()
    kw[40:44] = [2148, 5157, 3000, 2500]
    days[9] = DayLoads(day(9), days[9].kind, kw)
    fit = fit_baseline(days, slot_s=900)
    assert reasons(fit) == {day(9): "spike"}
    assert fit.max_kw is not None
    assert fit.max_kw < 400


def test_weeks_at_a_tenth_of_the_level_are_a_meter_and_not_a_plant() -> None:
    def change(one: DayLoads) -> F64 | None:
        return one.kw / 10 if one.day in faulty else None

    faulty = [day(n) for n in range(21, 35)]
    fit = fit_baseline(with_days(made(BASE, 84), change), slot_s=900)
    assert {d for d, r in reasons(fit).items() if r == "level"} == set(faulty)
    assert fit.idle_median_kw == pytest.approx(160, rel=0.02)
    assert "level_fault" in fit.doubts


def test_a_works_holiday_is_no_fault_of_level() -> None:
    def change(one: DayLoads) -> F64 | None:
        return one.kw * 0 + 60 + noise(np.random.default_rng(one.day.toordinal()), 4) if one.day in closed else None

    closed = [day(n) for n in range(21, 35)]
    fit = fit_baseline(with_days(made(BASE, 84), change), slot_s=900)
    assert set(reasons(fit).values()) == {"low_use"}


def test_days_of_daily_energies_have_no_shape_that_could_fall() -> None:
    flat = with_days(
        made(BASE, 84), lambda one: np.full(SLOTS, float(one.kw.mean()) * (0.3 if one.day < day(30) else 1))
    )
    assert "level" not in reasons(fit_baseline(flat, slot_s=900)).values()


def test_a_frozen_value_leaves_all_of_its_days_out() -> None:
    frozen = made(SHOP, 60)
    for n in (15, 16, 17):
        kw = frozen[n].kw.copy()
        kw[40 if n == 15 else 0 : 40 if n == 17 else SLOTS] = 287.5
        frozen[n] = DayLoads(day(n), frozen[n].kind, kw)
    assert reasons(fit_baseline(frozen, slot_s=900)) == {day(n): "stuck" for n in (15, 16, 17)}


def test_daily_energies_of_a_plant_that_stands_still_most_days_are_not_frozen() -> None:
    """One value a day is all that such a meter has, on the few days of work as on the others."""
    works = made(shift(300, 12, days=(1, 3)), 84)
    flat = with_days(works, lambda one: np.full(SLOTS, round(float(one.kw.mean()), 1)))
    fit = fit_baseline(flat, slot_s=900)
    assert "stuck" not in reasons(fit).values()
    working = [float(d.kw.mean()) * 24 for d in flat if d.kind == "workday" and d.kw[0] > 50]
    assert fit.day_kwh == pytest.approx(np.mean(working), rel=0.02)


def test_equal_values_of_a_coarse_register_are_not_frozen() -> None:
    coarse = with_days(made(SHOP, 60), lambda one: np.round(one.kw / 50) * 50)
    fit = fit_baseline(coarse, slot_s=900)
    assert not fit.dropped
    assert fit.equal_h is not None
    assert fit.equal_h > 1


def test_the_longest_value_of_idling_is_learned_where_idling_varies() -> None:
    days = made(SHOP, 60)
    quiet = days[5].kw.copy()
    quiet[10:18] = quiet[10]  # 2 h of one value, by night
    days[5] = DayLoads(days[5].day, days[5].kind, quiet)
    assert fit_baseline(days, slot_s=900).idle_equal_h == 2.0


def test_idling_that_is_one_value_all_night_teaches_nothing() -> None:
    flat = with_days(made(SHOP, 60), lambda one: np.where(one.kw < 50, 12.0, one.kw))
    fit = fit_baseline(flat, slot_s=900)
    assert fit.idle_kw is not None
    assert fit.idle_equal_h is None


def test_low_workdays_are_left_out_and_rest_days_are_not() -> None:
    days = with_days(made(SHOP, 40), lambda one: one.kw * 0 + 12 + (HOUR > 12) * 0.5 if one.day == day(2) else None)
    fit = fit_baseline(days, slot_s=900)
    assert reasons(fit) == {day(2): "low_use"}
    assert day(5) in fit.used


def test_a_plant_that_works_two_days_a_week_is_measured_on_the_days_that_it_works() -> None:
    fit = fit_baseline(made(shift(300, 12, days=(1, 3)), 84), slot_s=900)
    assert fit.day_kwh == pytest.approx(9 * 300 + 15 * 12, rel=0.02)
    assert set(reasons(fit).values()) == {"low_use"}


@pytest.mark.parametrize("fault", ["twice", "kind", "slot", "method"])
def test_bad_input_is_refused(fault: str) -> None:
    days = made(SHOP, 10)
    if fault == "twice":
        days.append(days[0])
    if fault == "kind":
        days[0] = DayLoads(days[0].day, "sunday", days[0].kw)
    with pytest.raises(ValueError, match={"twice": "given twice", "kind": "sunday", "slot": "tile"}.get(fault, "best")):
        fit_baseline(days, slot_s=777 if fault == "slot" else 900, method="best" if fault == "method" else "mean")
