"""Data faults on measured load curves: honest stops and part loads of the shipped plants are not suspect, faults laid
over them are; and where ``CUOFENG_DATA`` names a folder with the campus data, the faults that its description lists."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from detectors.registry import Baseline, Order
from detectors.vocab import Control, Measure, Reason, Verdict
from tests.quality.sites import CAMPUS, Site, campus, shipped_sites
from tests.unit.measured_meters import Judged, fit_of, judged, midnight

F64 = npt.NDArray[np.float64]

SITES = {site.name: site for site in shipped_sites()}
#: Days of which the baselines are learned; all others are judged.
REFERENCE = {"steel": (date(2018, 2, 20), date(2018, 4, 30)), "metalworking": (date(2018, 2, 1), date(2018, 4, 30))}


@pytest.fixture(scope="module", params=sorted(SITES))
def plant(request: pytest.FixtureRequest) -> tuple[Site, tuple[Baseline, ...]]:
    """A shipped plant and what is learned of it."""
    site = SITES[request.param]
    return site, fit_of(site, *REFERENCE[site.name])


def test_a_year_of_a_plant_is_believed(plant: tuple[Site, tuple[Baseline, ...]]) -> None:
    """Weekends, holidays, shutdowns, Christmas at a third of idling; of the steel plant all but its one zero."""
    site, baselines = plant
    found = judged(site, baselines, date(2018, 1, 1), date(2018, 12, 31))
    wrong = found.suspect.copy()
    if site.name == "steel":
        zero = found.slot("2018-11-07T23:45")
        assert found.load_kw[zero] == 0
        assert found.of(Reason.SUSPECT_DROPOUT)[zero]
        assert found.faults("2018-11-07T23:45", "2018-11-08T00:00") == {"dropout"}
        wrong[zero] = False
    assert wrong.sum() == 0


def test_the_zero_of_the_steel_year_is_no_stop_and_breaks_none() -> None:
    site = SITES["steel"]
    baselines = fit_of(site, *REFERENCE["steel"])
    night = Order("O", "P", Control.STOP, midnight(site.zone, date(2018, 11, 7)) + 82_800, ramp_down_h=0.0)
    found = judged(site, baselines, date(2018, 11, 7), date(2018, 11, 8), order=night)
    zero = found.slot("2018-11-07T23:45")
    assert found.verdict[zero] == Verdict.UNKNOWN
    assert found.verdict[zero - 1] == found.verdict[zero + 1] == Verdict.COMPLIANT
    ran = judged(site, baselines, date(2018, 11, 7), date(2018, 11, 8), order=night, spoil=lambda kw: _run(kw, 92, 104))
    runs = [a for a in ran.alerts if a.rule == "stop_run" and a.first_slot < ran.first_slot + 104]
    assert len(runs) == 1
    assert runs[0].last_slot == ran.first_slot + 103


def _run(kw: F64, first: int, last: int) -> None:
    """Work through some slots, but for those that read zero."""
    kw[first:last] = np.where(kw[first:last] == 0, 0, 300.0)


#: What is laid over the week from Monday 4 June, each from one slot of that week to another; and the reason.
FAULTS: dict[str, tuple[int, int, Callable[[F64], F64], Reason]] = {
    "a tenth overnight": (96, 384, lambda kw: kw * 0.1, Reason.SUSPECT_LEVEL),
    "a ninth from noon": (144, 480, lambda kw: kw / 9, Reason.SUSPECT_LEVEL),
    "ten times": (96, 384, lambda kw: kw * 10, Reason.SUSPECT_LEVEL),
    "stuck": (140, 180, lambda kw: np.full(len(kw), kw[0]), Reason.SUSPECT_STUCK),
    "stuck at idle": (200, 260, lambda kw: np.full(len(kw), kw.min()), Reason.SUSPECT_STUCK),
    "spike": (140, 146, lambda kw: kw * 0 + 4000, Reason.SUSPECT_SPIKE),
    "dropout": (140, 143, lambda kw: kw * 0, Reason.SUSPECT_DROPOUT),
}
MONDAY, SUNDAY = date(2018, 6, 4), date(2018, 6, 10)


@pytest.mark.parametrize("name", FAULTS)
def test_a_spoilt_meter_is_found(plant: tuple[Site, tuple[Baseline, ...]], name: str) -> None:
    site, baselines = plant
    first, last, change, reason = FAULTS[name]

    def spoil(kw: F64) -> None:
        kw[first:last] = change(kw[first:last])

    begin = midnight(site.zone, MONDAY)
    limit = Order("O", "P", Control.LIMIT, begin, reduction=0.3, measure=Measure.ENERGY)
    found = judged(site, baselines, MONDAY, SUNDAY, order=limit, spoil=spoil)
    inside = slice(first, last)
    assert found.of(reason)[inside].mean() >= (0.6 if reason == Reason.SUSPECT_LEVEL else 1.0)
    assert not found.of(reason)[:first].any()
    assert (found.verdict[found.of(reason)] == Verdict.UNKNOWN).all()


def test_part_load_is_no_fault(plant: tuple[Site, tuple[Baseline, ...]]) -> None:
    """Working hours at 0 to 60 % of what they were, idling as ever: never one value for hours."""
    site, baselines = plant
    idle = 0.95 * (baselines[0].idle_kw or 0.0)
    varies = np.random.default_rng(211)
    for share in (0.0, 0.1, 0.3, 0.6):

        def spoil(kw: F64, share: float = share) -> None:
            base = np.minimum(kw, idle * varies.uniform(0.96, 1.0, len(kw)))
            kw[:] = base + (kw - base) * share

        assert not judged(site, baselines, MONDAY, SUNDAY, spoil=spoil).suspect.any()


def test_a_flat_stop_below_anything_seen_is_no_fault(plant: tuple[Site, tuple[Baseline, ...]]) -> None:
    site, baselines = plant
    floor = baselines[0].floor_kw or 0.0

    def spoil(kw: F64) -> None:
        kw[100:] = floor * np.random.default_rng(210).uniform(0.25, 0.35, len(kw) - 100)

    order = Order("O", "P", Control.STOP, midnight(site.zone, MONDAY), ramp_down_h=30.0)
    found = judged(site, baselines, MONDAY, SUNDAY, order=order, spoil=spoil)
    assert not found.suspect.any()
    assert (found.verdict[120:] == Verdict.COMPLIANT).all()


# The campus. Its labels are read as UTC+01:00 throughout (tests/quality/sites.py).


@pytest.fixture(scope="module")
def campus_site() -> Site:
    named = os.environ.get("CUOFENG_DATA")
    if not named or not (Path(named) / CAMPUS).is_file():
        pytest.skip(f"CUOFENG_DATA does not name a folder with {CAMPUS}")
    return campus(Path(named))


@pytest.fixture(scope="module")
def campus_judged(campus_site: Site) -> Judged:
    """Under an energy limit of 30 % from October 2013 on, by what June to September taught."""
    baselines = fit_of(campus_site, date(2013, 6, 1), date(2013, 9, 30))
    begin = midnight(campus_site.zone, date(2013, 10, 1))
    limit = Order("O", "P", Control.LIMIT, begin, reduction=0.3, measure=Measure.ENERGY)
    return judged(campus_site, baselines, date(2013, 10, 1), date(2015, 6, 29), order=limit)


#: (name, from, to, share of the slots that is found). Listed in the data's description; times as published.
LISTED = (
    ("level", "2013-10-02T10:15", "2013-10-16T16:00", 1.0),
    ("level", "2013-10-29T12:00", "2013-11-12T11:45", 1.0),
    ("level", "2014-01-24T15:30", "2014-01-27T10:00", 1.0),
    ("level", "2014-02-21T15:00", "2014-05-29T14:00", 0.99),
    ("level", "2014-08-10T18:00", "2014-09-23T14:30", 0.15),  # another resolution, at a lower level for a part of it
    ("dropout", "2014-01-21T12:45", "2014-01-21T18:30", 0.4),  # flickering
    ("spike", "2014-10-22T14:15", "2014-10-22T15:45", 1.0),
)


@pytest.mark.parametrize(("name", "begin", "end", "share"), LISTED, ids=[f"{n}-{b[:10]}" for n, b, _, _ in LISTED])
def test_a_listed_fault_of_the_campus_is_found(
    campus_judged: Judged, name: str, begin: str, end: str, share: float
) -> None:
    inside = campus_judged.span(begin, end)
    assert campus_judged.suspect[inside].mean() >= share
    assert name in campus_judged.faults(begin, end)
    if share > 0.9:
        assert not campus_judged.is_any(Verdict.COMPLIANT, inside)
        assert not campus_judged.is_any(Verdict.VIOLATING, inside)


#: Zeros that nothing proves were none before (SEMANTICS §2.11), and stay so.
ZEROS = (
    ("2014-01-15T18:00", "2014-01-21T12:00"),
    ("2014-01-21T21:00", "2014-01-24T15:00"),
    ("2014-02-21T11:00", "2014-02-21T14:45"),
    ("2014-08-10T08:30", "2014-08-10T15:00"),
)


@pytest.mark.parametrize(("begin", "end"), ZEROS)
def test_long_zeros_of_the_campus_prove_nothing(campus_judged: Judged, begin: str, end: str) -> None:
    inside = campus_judged.span(begin, end)
    assert set(campus_judged.load_kw[inside].tolist()) == {0.0}
    assert (campus_judged.verdict[inside] == Verdict.UNKNOWN).all()
    assert campus_judged.of(Reason.ZERO_UNPROVEN)[inside].all()


#: (from, to, whether one value fills the hour): the hour that summer time leaves out.
CLOCK_HOURS = (("2014-03-29", "2014-03-30", False), ("2015-03-28", "2015-03-29", True))


@pytest.mark.parametrize(("before", "day", "is_repeated"), CLOCK_HOURS)
def test_the_hour_that_does_not_exist_is_found(campus_site: Site, before: str, day: str, is_repeated: bool) -> None:
    """By a registry in the campus's own zone, which knows of summer time."""
    baselines = fit_of(campus_site, date(2013, 6, 1), date(2013, 9, 30))
    first, last = date.fromisoformat(before), date.fromisoformat(day)
    found = judged(campus_site, baselines, first, last, zone="Europe/Rome")
    filled = slice(96 + 9, 96 + 12)  # labels 02:15 to 02:45 of a clock without summer time
    assert found.suspect[filled].all()
    names = {n for a in found.alerts if a.rule == "bad_data" for n in a.facts["faults"]}
    assert ("clock_hour" if is_repeated else "dropout") in names


#: Listed as true, by hand.
TRUE_LOWS = (
    ("2013-12-24T00:00", "2014-01-03T00:00"),
    ("2014-12-24T00:00", "2015-01-07T00:00"),
    ("2014-12-08T00:00", "2014-12-09T00:00"),
    ("2015-04-06T00:00", "2015-04-07T00:00"),
    ("2015-05-01T00:00", "2015-05-02T00:00"),
)


@pytest.mark.parametrize(("begin", "end"), TRUE_LOWS)
def test_a_true_spell_of_low_load_is_believed(campus_judged: Judged, begin: str, end: str) -> None:
    assert not campus_judged.suspect[campus_judged.span(begin, end)].any()


def test_hardly_anything_else_of_the_campus_is_suspect(campus_judged: Judged) -> None:
    """Outside the listed faults, half a day on either side of each left out: one slot in 2,000 at most."""
    outside = np.ones(len(campus_judged.load_kw), np.bool_)
    for begin, end in [(b, e) for _, b, e, _ in LISTED] + list(ZEROS):
        inside = campus_judged.span(begin, end)
        outside[max(0, inside.start - 48) : inside.stop + 48] = False
    wrong = campus_judged.suspect & outside
    print(f"wrongly suspect: {wrong.sum()} of {outside.sum()} slots, {wrong.sum() / outside.sum():.5%}")
    assert outside.sum() > 40_000
    assert wrong.sum() <= outside.sum() / 2_000
