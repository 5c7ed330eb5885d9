"""Whether a plant ran up before the season, by the same weeks of the year before."""

from datetime import timedelta

import pytest

from detectors.baseline import DayKind, DayLoads, fit_baseline, run_up
from tests.unit.baseline_plants import MONDAY, made, shift, with_days

SHOP = shift(300, 12)
LAST_YEAR = made(SHOP, 28, seed=1, first=MONDAY - timedelta(days=364))
NOW = made(SHOP, 28, seed=2)


def test_the_same_weeks_alike() -> None:
    found = run_up(NOW, LAST_YEAR, slot_s=900)
    assert found.share == pytest.approx(0, abs=0.02)
    assert not found.is_suspicious


@pytest.mark.parametrize(("rise", "is_suspicious"), [(1.10, False), (1.25, True)])
def test_a_rise_is_asked_about_from_fifteen_percent_on(rise: float, is_suspicious: bool) -> None:
    found = run_up(with_days(NOW, lambda d: d.kw * rise), LAST_YEAR, slot_s=900)
    assert found.is_suspicious == is_suspicious
    assert f"{rise - 1:.0%}"[:1] in found.en
    assert ("Ask the plant" in found.en) == is_suspicious
    assert ("请向企业核实" in found.zh) == is_suspicious


def test_fewer_idle_workdays_are_a_run_up_too() -> None:
    lazy = with_days(LAST_YEAR, lambda d: d.kw * 0 + 12 if d.day.weekday() in (2, 3) else None)
    assert run_up(NOW, lazy, slot_s=900).is_suspicious


def test_a_rise_within_the_scatter_is_no_run_up() -> None:
    scattered = with_days(NOW, lambda d: d.kw * (2.6 if d.day.weekday() == 4 else 0.85))
    found = run_up(scattered, LAST_YEAR, slot_s=900)
    assert found.share is not None
    assert found.share > 0.15
    assert not found.is_suspicious


def test_holidays_do_not_count_and_too_few_days_cannot_be_told() -> None:
    away = [DayLoads(d.day, DayKind.HOLIDAY, d.kw * 9) for d in NOW[:7]]
    assert run_up([*away, *NOW[7:]], LAST_YEAR, slot_s=900).share == pytest.approx(0, abs=0.02)
    found = run_up(NOW[:4], LAST_YEAR, slot_s=900)
    assert (found.share, found.is_suspicious) == (None, False)
    assert "Cannot be compared" in found.en


def test_a_fit_tells_it_among_its_doubts() -> None:
    fit = fit_baseline(with_days(NOW, lambda d: d.kw * 1.3), slot_s=900, year_before=LAST_YEAR)
    assert "run_up" in fit.doubts
    assert fit.run_up is not None
    assert fit.run_up.en in fit.en
