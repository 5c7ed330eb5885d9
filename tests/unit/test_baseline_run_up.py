"""Whether a plant ran up before the season, by the same weeks of the year before."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from detectors.baseline import DayKind, DayLoads, DropReason, fit_baseline, run_up
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


SEASON_DAYS = 84
LONG_AGO = made(SHOP, SEASON_DAYS, seed=3, first=MONDAY - timedelta(days=364))
LONG_NOW = made(SHOP, SEASON_DAYS, seed=4)
LAST_WEEKS = MONDAY + timedelta(days=SEASON_DAYS - 28)


def raised(days: Sequence[DayLoads], *, last: float = 1.0, rest: float = 1.0) -> list[DayLoads]:
    """Other loads in the last four weeks and before them."""
    since = days[-28].day
    return with_days(days, lambda d: d.kw * (last if d.day >= since else rest))


@pytest.mark.parametrize(
    ("now", "ago", "shares", "asked"),
    [
        ({}, {}, (0.0, 0.0), ""),
        ({"last": 1.25}, {}, (0.25, 0.0), "in the last weeks, and not before"),
        ({"last": 1.12}, {}, (0.12, 0.0), ""),
        ({"last": 1.25, "rest": 1.25}, {}, (0.25, 0.25), "all over the period"),
        ({"last": 1.1, "rest": 1.1}, {}, (0.1, 0.1), ""),
        ({"last": 1.3}, {"last": 1.3}, (0.0, 0.0), ""),
        ({"last": 1.1, "rest": 0.8}, {}, (0.1, -0.2), "in the last weeks, and not before"),
        ({"rest": 0.6}, {"rest": 0.6}, (0.0, 0.0), ""),
        ({"last": 0.8}, {"last": 0.6}, (0.33, 0.0), "in the last weeks, and not before"),
    ],
    ids=[
        "alike",
        "run-up",
        "a little",
        "growth",
        "a little growth",
        "every year",
        "fell first",
        "a low summer",
        "less",
    ],
)
def test_the_last_four_weeks_are_held_against_the_rest(
    now: dict[str, float], ago: dict[str, float], shares: tuple[float, float], asked: str
) -> None:
    """A run-up moves the last weeks alone; growth moves the whole; what comes every year is nothing."""
    found = run_up(raised(LONG_NOW, **now), raised(LONG_AGO, **ago), slot_s=900)
    assert found.share == pytest.approx(shares[0], abs=0.02)
    assert found.rest_share == pytest.approx(shares[1], abs=0.02)
    assert found.is_suspicious == bool(asked)
    assert asked in found.en
    assert ("Ask the plant" in found.en) == ("请向企业核实" in found.zh) == bool(asked)


def test_a_run_up_of_the_last_weeks_is_lost_in_the_mean_of_the_period() -> None:
    """A rise of 30 % in four weeks of twelve is 10 % of the whole."""
    held = run_up(raised(LONG_NOW, last=1.3), LONG_AGO, slot_s=900)
    assert held.is_suspicious
    whole = sum(d.kw.mean() for d in raised(LONG_NOW, last=1.3)) / sum(d.kw.mean() for d in LONG_AGO)
    assert whole < 1.15


def test_the_last_weeks_end_with_the_last_day_that_counts() -> None:
    """Days under an order at the end of the period count on neither side."""
    ordered = [
        DayLoads(d.day, d.kind, d.kw * 0, DropReason.ORDER) if d.day >= LAST_WEEKS + timedelta(days=14) else d
        for d in raised(LONG_NOW, last=1.3)
    ]
    early = LAST_WEEKS - timedelta(days=14)
    ordered = [DayLoads(d.day, d.kind, d.kw * 1.3, d.reason) if early <= d.day < LAST_WEEKS else d for d in ordered]
    found = run_up(ordered, LONG_AGO, slot_s=900)
    assert found.share == pytest.approx(0.3, abs=0.02)
    assert found.rest_share == pytest.approx(0, abs=0.02)


def test_the_order_in_which_days_come_says_nothing() -> None:
    now = raised(LONG_NOW, last=1.2)
    assert run_up(now[::-1], LONG_AGO[::-1], slot_s=900) == run_up(now, LONG_AGO, slot_s=900)


def test_too_short_a_rest_leaves_the_whole_period() -> None:
    """32 days have three or four working days before the last four weeks."""
    found = run_up(made(SHOP, 32, seed=2), made(SHOP, 32, seed=1, first=MONDAY - timedelta(days=364)), slot_s=900)
    assert found.rest_share is None
    assert "last four weeks" not in found.en


def test_a_fit_tells_it_among_its_doubts() -> None:
    fit = fit_baseline(with_days(NOW, lambda d: d.kw * 1.3), slot_s=900, year_before=LAST_YEAR)
    assert "run_up" in fit.doubts
    assert fit.run_up is not None
    assert fit.run_up.en in fit.en
