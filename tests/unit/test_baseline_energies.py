"""Day energies by method and day type, errors on left-out days, nights, the rows of the registry."""

import json
from dataclasses import asdict
from datetime import date, timedelta

import numpy as np
import pytest

from detectors.baseline import DayKind, DayLoads, baselines_of, dropped_counts, fit_baseline
from detectors.baseline_energies import confidence_of, error_of, middle_days, told_rrmse, typical
from detectors.registry import FOREVER, Registry, Scope
from detectors.world import compile_world
from tests.unit.baseline_plants import F64, HOUR, MONDAY, SLOTS, kiln, made, noise, shift, with_days

SHOP = shift(300, 12)
WORKED = 9 * 300 + 15 * 12


def test_a_saturday_shift_does_not_lower_the_working_day() -> None:
    def load(day: date, rng: np.random.Generator) -> F64:
        end = {5: 13, 6: 0}.get(day.weekday(), 17)
        return np.asarray(np.where((HOUR >= 8) & (end > HOUR), 300 + noise(rng, 15), 12 + noise(rng, 1)), np.float64)

    with_saturdays, without = fit_baseline(made(load, 84), slot_s=900), fit_baseline(made(SHOP, 84), slot_s=900)
    assert with_saturdays.day_kwh == pytest.approx(without.day_kwh, rel=0.005)
    assert with_saturdays.day_kwh == pytest.approx(WORKED, rel=0.01)


def test_idle_rest_days_get_no_row_of_their_own() -> None:
    fit = fit_baseline(made(SHOP, 84), slot_s=900)
    assert (fit.applied, fit.applied_reason) == (("all",), "idle")
    rest = fit.row("restday")
    assert rest is not None
    assert rest.day_kwh == pytest.approx(24 * 12, rel=0.02)


def test_rest_days_now_worked_now_idle_get_no_row_of_their_own() -> None:
    def load(day: date, rng: np.random.Generator) -> F64:
        works = (HOUR >= 8) & (HOUR < 17) & (day.weekday() < 5 or (day.weekday() == 5 and day.toordinal() % 2 == 0))
        return np.asarray(np.where(works, 300 + noise(rng, 15), 12 + noise(rng, 1)), np.float64)

    fit = fit_baseline(made(load, 84), slot_s=900)
    assert (fit.applied, fit.applied_reason) == (("all",), "mixed")
    assert "rest_days_mixed" in fit.doubts


def test_rest_days_worked_in_their_own_way_get_their_row() -> None:
    def load(day: date, rng: np.random.Generator) -> F64:
        on = 400 if day.weekday() >= 5 else 200
        return np.asarray(np.where((HOUR >= 8) & (HOUR < 20), on + noise(rng, 10), 15 + noise(rng, 1)), np.float64)

    fit = fit_baseline(made(load, 84), slot_s=900)
    assert fit.applied == ("workday", "restday")
    work, rest = baselines_of(fit, "P", "V1", 0)
    assert (work.day_type, rest.day_type) == ("workday", "restday")
    assert work.running_kw == pytest.approx(200, rel=0.01)
    assert rest.running_kw == pytest.approx(400, rel=0.01)
    assert rest.day_kwh == pytest.approx(12 * 400 + 12 * 15, rel=0.01)


def test_a_continuous_kiln_needs_no_day_types() -> None:
    fit = fit_baseline(made(kiln(), 60), slot_s=900)
    assert (fit.applied, fit.applied_reason) == (("all",), "same")
    assert fit.day_kwh == pytest.approx(24_000, rel=0.005)


def test_make_up_workdays_count_as_workdays() -> None:
    days = made(SHOP, 40)
    saturday = next(i for i, d in enumerate(days) if d.day.weekday() == 5)
    days[saturday] = DayLoads(days[saturday].day, DayKind.WORKDAY, days[0].kw)
    fit = fit_baseline(days, slot_s=900)
    row, before = fit.row("all"), fit_baseline(made(SHOP, 40), slot_s=900).row("all")
    assert row is not None
    assert before is not None
    assert row.days == before.days + 1


def test_the_profile_has_the_energy_of_the_day() -> None:
    for method in ("mean", "median", "mid6of10"):
        fit = fit_baseline(made(SHOP, 40), slot_s=900, method=method)
        row = fit.row("all")
        assert row is not None
        assert len(row.profile_kw) == SLOTS
        assert sum(row.profile_kw) / 4 == pytest.approx(row.day_kwh, abs=0.05)
        assert np.mean(row.profile_kw[32:68]) == pytest.approx(300, rel=0.02)


def test_methods() -> None:
    energies = np.array([500.0, 1, 2, 3, 4, 5, 6, 7, 8, 100, 9])
    assert typical(energies, "mean") == pytest.approx(energies.mean())
    assert typical(energies, "median") == 6
    assert energies[middle_days(energies)].tolist() == [3, 4, 5, 6, 7, 8]
    assert typical(energies, "mid6of10") == 5.5


def test_mid_six_of_ten_and_median_do_not_follow_a_few_high_days() -> None:
    high = with_days(made(SHOP, 40), lambda d: d.kw * 1.8 if d.day >= MONDAY + timedelta(days=38) else None)
    plain = fit_baseline(made(SHOP, 40), slot_s=900).day_kwh
    assert fit_baseline(high, slot_s=900, method="mid6of10").day_kwh == pytest.approx(plain, rel=0.02)
    assert fit_baseline(high, slot_s=900, method="median").day_kwh == pytest.approx(plain, rel=0.02)


def test_capacity_by_hand_keeps_the_hours_of_the_plant() -> None:
    fit = fit_baseline(made(SHOP, 40), slot_s=900, method="capacity", capacity_kw=400)
    assert (fit.running_kw, fit.max_kw) == (400, 400)
    assert fit.day_kwh == pytest.approx(WORKED * 400 / 300, rel=0.01)
    assert fit.bias == pytest.approx(1 / 3, abs=0.02)
    assert fit_baseline([], slot_s=900, method="capacity", capacity_kw=400).day_kwh == 400 * 24
    assert fit_baseline(made(SHOP, 40), slot_s=900, method="capacity").refusal == "no_capacity"


def test_errors_are_those_of_later_days_told_from_earlier_ones() -> None:
    steady = error_of(np.array([100.0] * 20), "mean")
    assert (steady.rrmse, steady.bias) == (0, 0)
    falling = error_of(np.array([100.0] * 10 + [80.0] * 10), "mean")
    blocks = np.array([np.mean([100.0] * 10 + [80.0] * seen) for seen in (0, 2, 4, 6, 8)], np.float64)
    assert falling.bias == pytest.approx(float((blocks - 80).mean()) / 80)
    assert falling.rrmse == pytest.approx(float(np.sqrt(((blocks - 80) ** 2).mean())) / 80)
    assert error_of(np.array([5.0, 5, 5]), "mean").rrmse is None


def test_grades() -> None:
    assert [confidence_of(r, 40) for r in (0.0, 0.10, 0.11, 0.25, 0.26, None)] == [
        "high",
        "high",
        "medium",
        "medium",
        "low",
        "low",
    ]
    assert confidence_of(0.01, 9) == "low"


def test_few_days_cannot_claim_a_small_error() -> None:
    assert [told_rrmse(0.02, n) for n in (5, 9, 10)] == [0.5, 0.2778, 0.02]
    assert told_rrmse(0.7, 5) == 0.7
    assert told_rrmse(None, 3) is None


def test_nights_above_idle_belong_to_their_morning() -> None:
    def change(one: DayLoads) -> F64 | None:
        if one.day == MONDAY + timedelta(days=8):  # from 23:00 of the day before, to 02:00
            return np.where(HOUR < 2, 200.0, one.kw)
        return np.where(HOUR >= 23, 200.0, one.kw) if one.day == MONDAY + timedelta(days=7) else None

    quiet, run = fit_baseline(made(SHOP, 36), slot_s=900), fit_baseline(with_days(made(SHOP, 36), change), slot_s=900)
    if run.idle_kw is None or run.night_kwh is None or run.night_sd_kwh is None:
        raise AssertionError("nights are known")
    extra = 3 * (200 - run.idle_kw)
    assert quiet.night_kwh == pytest.approx(0, abs=0.5)
    assert run.night_kwh == pytest.approx(extra / 35, rel=0.02)
    assert run.night_sd_kwh == pytest.approx(extra / np.sqrt(35), rel=0.03)


def test_the_registry_takes_the_rows_and_the_world_compiles_them() -> None:
    fit = fit_baseline(made(SHOP, 40), slot_s=900)
    rows = baselines_of(fit, "P", "V1", 1000, approved_by="office")
    assert [r.day_type for r in rows] == ["all"]
    row = rows[0]
    assert (row.valid_from, row.valid_to, row.version, row.approved_by) == (1000, FOREVER, "V1", "office")
    assert (row.night_kwh, row.floor_kw, row.equal_h, row.idle_equal_h, row.rrmse) == (
        fit.night_kwh,
        fit.floor_kw,
        fit.equal_h,
        fit.idle_equal_h,
        fit.rrmse,
    )
    assert fit.data_hash in str(row.origin)
    assert baselines_of(fit, "P", "V1", 0, with_profile=False)[0].profile_kw == ()
    world = compile_world(Registry(scopes=(Scope("P", "P", "P"),), baselines=rows))
    assert world.baseline.idle_kw[0] == fit.idle_kw


def test_a_refused_fit_has_no_rows() -> None:
    assert baselines_of(fit_baseline([], slot_s=900), "P", "V1", 0) == ()


def test_a_fit_can_be_written_as_json_and_says_everything_in_two_languages() -> None:
    days = made(SHOP, 40)
    days[3] = DayLoads(days[3].day, DayKind.HOLIDAY, days[3].kw)
    fit = fit_baseline(days, slot_s=900, year_before=made(SHOP, 40, first=MONDAY - timedelta(days=364)))
    text = json.dumps(asdict(fit), default=str)
    assert fit.data_hash in text
    assert dropped_counts(fit.dropped) == {"holiday": 1}
    for told in ("2880", "high", "public holiday 1", "No clear run-up"):
        assert told in fit.en.replace(f"{fit.day_kwh:g}", "2880")
    for told in ("参考期", "法定节假日 1", "停产负荷", "可信度高", "未见明显冲高"):
        assert told in fit.zh
