"""Laws of a fit: what must hold for any plant."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.baseline import DayLoads, DropReason, Fit, fit_baseline
from tests.unit.baseline_plants import MONDAY, Load, kiln, made, shift, with_days

PLANTS: tuple[Load, ...] = (shift(300, 12), shift(40, 0), shift(900, 200, 6, 22, range(7)), kiln(500))
QUICK = settings(max_examples=25, deadline=None)
plants = st.sampled_from(PLANTS)
seeds = st.integers(0, 10_000)


def levels(fit: Fit) -> list[float | None]:
    return [fit.running_kw, fit.max_kw, fit.idle_kw, fit.split_kw, fit.floor_kw, fit.day_kwh, fit.night_kwh]


@QUICK
@given(plants, seeds)
def test_the_order_of_days_does_not_matter(plant: Load, seed: int) -> None:
    days = made(plant, 35, seed)
    mixed = [days[i] for i in np.random.default_rng(seed).permutation(len(days)).tolist()]
    assert fit_baseline(mixed, slot_s=900) == fit_baseline(days, slot_s=900)


@QUICK
@given(plants, seeds, st.sampled_from([0.125, 4.0, 64.0]))
def test_scaled_loads_scale_the_levels_and_nothing_else(plant: Load, seed: int, scale: float) -> None:
    days = made(plant, 35, seed)
    one, other = fit_baseline(days, slot_s=900), fit_baseline(with_days(days, lambda d: d.kw * scale), slot_s=900)
    for before, after in zip(levels(one), levels(other), strict=True):
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert after == pytest.approx(before * scale, rel=1e-6, abs=0.001 * (1 + scale))
    assert (other.used, other.dropped, other.applied) == (one.used, one.dropped, one.applied)
    assert other.rrmse == pytest.approx(one.rrmse, abs=2e-4)


@QUICK
@given(plants, seeds, st.integers(0, 34), st.sampled_from([DropReason.ORDER, DropReason.OUTAGE]))
def test_a_day_with_a_reason_may_as_well_be_away(plant: Load, seed: int, at: int, reason: str) -> None:
    days = made(plant, 35, seed)
    marked = [replace(d, reason=reason, kw=d.kw * 7) if i == at else d for i, d in enumerate(days)]
    one, other = fit_baseline(marked, slot_s=900), fit_baseline([d for i, d in enumerate(days) if i != at], slot_s=900)
    assert (levels(one), one.rows, one.data_hash, one.used) == (levels(other), other.rows, other.data_hash, other.used)


@QUICK
@given(plants, seeds)
def test_levels_are_in_their_order(plant: Load, seed: int) -> None:
    fit = fit_baseline(made(plant, 35, seed), slot_s=900)
    if fit.running_kw is None or fit.max_kw is None or fit.floor_kw is None:
        raise AssertionError("these plants have a baseline")
    assert fit.floor_kw <= fit.running_kw <= fit.max_kw
    if fit.idle_kw is not None and fit.split_kw is not None and fit.idle_median_kw is not None:
        assert fit.floor_kw <= fit.idle_median_kw <= fit.idle_kw < fit.running_kw
        assert fit.idle_median_kw <= fit.split_kw < fit.running_kw


@QUICK
@given(plants, seeds)
def test_the_input_stays_as_it_was_and_may_be_read_only(plant: Load, seed: int) -> None:
    days = made(plant, 20, seed)
    before = [d.kw.copy() for d in days]
    for one in days:
        one.kw.setflags(write=False)
    fit_baseline(days, slot_s=900)
    assert all(np.array_equal(d.kw, kw) for d, kw in zip(days, before, strict=True))


@QUICK
@given(seeds, st.integers(0, 34), st.integers(0, 95))
def test_one_other_value_is_another_hash(seed: int, at: int, slot: int) -> None:
    days = made(PLANTS[0], 35, seed)
    kw = days[at].kw.copy()
    kw[slot] += 0.01
    other = [DayLoads(d.day, d.kind, kw) if i == at else d for i, d in enumerate(days)]
    hashes = {fit_baseline(d, slot_s=900).data_hash for d in (days, other)}
    assert len(hashes) == 2


@QUICK
@given(st.lists(st.one_of(st.floats(-50, 5000), st.just(float("nan")), st.just(0.0)), min_size=96, max_size=96), seeds)
def test_any_loads_give_a_fit_or_a_refusal(values: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = [
        DayLoads(MONDAY + timedelta(days=i), "workday" if i % 7 < 5 else "restday", rng.permutation(np.array(values)))
        for i in range(21)
    ]
    fit = fit_baseline(days, slot_s=900)
    assert (fit.running_kw is None) == (fit.refusal is not None)
    assert fit.zh
    assert fit.en
    if fit.running_kw is not None:
        assert np.isfinite([v for v in levels(fit) if v is not None]).all()


def test_settings_are_part_of_the_hash() -> None:
    days = [DayLoads(MONDAY + timedelta(days=i), "workday", np.full(96, 10.0 + i)) for i in range(6)]
    assert fit_baseline(days, slot_s=900).data_hash == fit_baseline(days[::-1], slot_s=900).data_hash
    assert fit_baseline(days, slot_s=900, method="median").data_hash != fit_baseline(days, slot_s=900).data_hash
