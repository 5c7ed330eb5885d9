"""The two measured plants of the demo under orders laid over what they did: an honest stop raises no load rule, and a
working morning no `step_up`. Baselines are fitted from earlier days only."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest

from detectors.baseline import baselines_of, fit_baseline
from detectors.registry import Baseline, Meter, Order, Plant, Registry, with_default_scopes
from detectors.vocab import Control, Kind, Measure, Rule, Verdict
from service.demo.measured import SLOTS_PER_DAY, template
from tests.cases.fast import fast
from tests.oracles.rows import AlertRow, Judgement, Reading
from tests.unit.baseline_plants import shipped

F64 = npt.NDArray[np.float64]
ZONE = ZoneInfo("Asia/Shanghai")
LOAD_RULES = (
    *(Rule.STOP_RUN, Rule.STOP_DAY, Rule.HOURS_OVER, Rule.LIMIT_SLOT, Rule.LIMIT_DAY, Rule.LIMIT_PACE, Rule.CAP_ABS),
    *(Rule.NIGHT_RUN, Rule.STEP_UP, Rule.OVER_CAPACITY),
)


def wall(text: str) -> datetime:
    """The wall clock of a plant, which is read as local."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def at(moment: datetime) -> int:
    """Epoch seconds."""
    return int(moment.timestamp())


#: Stops of the meters longer than a weekend (../shared/data/README.md), as far as there are weeks before them; the
#: plants obey from their first minute to their last.
STOPS = (
    ("steel", wall("2018-02-14T01:30"), wall("2018-02-19T08:00")),
    ("steel", wall("2018-07-31T17:15"), wall("2018-08-06T08:00")),
    ("steel", wall("2018-09-21T14:30"), wall("2018-09-27T08:00")),
    ("steel", wall("2018-12-28T22:00"), wall("2019-01-01T00:00")),
    ("metalworking", wall("2018-03-29T23:15"), wall("2018-04-02T22:30")),
    ("metalworking", wall("2018-12-21T15:30"), wall("2019-01-01T00:00")),
)


def fitted(name: str, until: date) -> tuple[Baseline, ...]:
    """The baseline of all days before ``until``."""
    fit = fit_baseline(shipped(name, date(2018, 1, 1), until - timedelta(days=1)), slot_s=900)
    return baselines_of(fit, "P", "v1", 0)


def readings(days: Iterable[date], name: str, share: float = 1.0) -> list[Reading]:
    """What the meter would have sent."""
    found = []
    for day in days:
        begin = at(datetime.combine(day, time(), ZONE))
        for i, kw in enumerate(template(name).days.get(day, np.zeros(0))):
            ts = begin + (i + 1) * 86400 // SLOTS_PER_DAY
            found.append(Reading("m", Kind.POWER_AVG, ts, float(kw) * share, coll_ms=ts * 1000))
    return found


def span(first: date, last: date) -> list[date]:
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def judged(orders: Iterable[Order], baselines: tuple[Baseline, ...], told: list[Reading]) -> Judgement:
    plant = Plant("P", "P", "county")
    meters = (Meter("m", "P", kind=Kind.POWER_AVG),)
    registry = Registry(plants=(plant,), meters=meters, orders=tuple(orders), baselines=baselines)
    return fast(with_default_scopes(registry), told, max(r.ts for r in told))


def of_load(found: Judgement) -> list[AlertRow]:
    return [a for a in found.alerts if a.rule in LOAD_RULES]


@pytest.mark.parametrize(("name", "begin", "end"), STOPS, ids=[f"{n}-{b:%m-%d}" for n, b, _ in STOPS])
def test_an_honest_stop_raises_no_load_rule(name: str, begin: datetime, end: datetime) -> None:
    baselines = fitted(name, begin.date())
    assert baselines[0].night_kwh is not None
    assert baselines[0].idle_kw is not None
    order = Order("O", "P", Control.STOP, at(begin), at(end))
    told = readings(span(begin.date() - timedelta(days=1), min(end.date(), date(2018, 12, 31))), name)
    found = judged([order], baselines, told)
    assert of_load(found) == []
    days = [d for d in found.days if begin.date() < d.day < end.date()]
    assert days
    assert {d.verdict for d in days} == {Verdict.COMPLIANT}


@pytest.mark.parametrize("hours", [1, 2, 4])
@pytest.mark.parametrize(("name", "begin", "end"), STOPS[1:5:3], ids=["steel", "metalworking"])
def test_a_night_of_the_plants_own_work_pasted_into_a_stop_is_found(
    name: str, begin: datetime, end: datetime, hours: int
) -> None:
    night = datetime.combine(begin.date() + timedelta(days=2), time(1, 30), ZONE)
    own = template(name).days[begin.date() - timedelta(days=7)][4 * 9 : 4 * (9 + hours)]
    ran = {at(night) + (i + 1) * 900: float(kw) for i, kw in enumerate(own)}
    told = [
        Reading(r.meter_id, r.kind, r.ts, ran.get(r.ts, r.value), coll_ms=r.coll_ms)
        for r in readings(span(begin.date() - timedelta(days=1), end.date()), name)
    ]
    found = judged([Order("O", "P", Control.STOP, at(begin), at(end))], fitted(name, begin.date()), told)
    nights = [a for a in of_load(found) if a.rule == Rule.NIGHT_RUN]
    assert [(a.grade, a.first_slot_end, a.opened_at_slot_end) for a in nights] == [
        (2, at(night) + 900, at(night) + 2700)
    ]
    assert next(d for d in found.days if d.day == night.date()).verdict == Verdict.VIOLATING


@pytest.mark.parametrize("since", [date(2018, 4, 10), date(2018, 10, 1)], ids=str)
@pytest.mark.parametrize("name", ["steel", "metalworking"])
def test_ordinary_weeks_have_no_night_run_and_no_step(name: str, since: date) -> None:
    """Mornings, evenings, worked Saturdays and quiet nights of six weeks, at full work: under an energy limit, however
    it is kept, under a load that was approved for it, and under no order at all."""
    days = span(since, since + timedelta(days=42))
    told, baselines = readings(days, name), fitted(name, since)
    assert all(b.night_kwh is not None and b.max_kw is not None for b in baselines)
    highest_kw = max(r.value or 0.0 for r in told)
    limit = Order(
        "L", "P", Control.LIMIT, at(datetime.combine(since, time(), ZONE)), reduction=0.3, measure=Measure.ENERGY
    )
    cap = Order("C", "P", Control.CAP, at(datetime.combine(since, time(), ZONE)), cap_kw=highest_kw)
    for orders in ([limit], [cap], []):
        told_of = {a.rule for a in judged(orders, baselines, told).alerts}
        assert not told_of & {Rule.NIGHT_RUN, Rule.STEP_UP, Rule.OVER_CAPACITY, Rule.CAP_ABS}
