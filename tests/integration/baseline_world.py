"""Two plants with two months of readings before a season: one under a stop, one under a limit, without baselines."""

import csv
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from detectors.registry import Meter, Order, Outage, Plant, Registry, Source
from detectors.vocab import Control, Kind
from tests.oracles.rows import Reading

ZONE = ZoneInfo("Asia/Shanghai")
#: Readings begin here; the period of a fit, [from, to); the season.
BEGIN, FROM, TO, SEASON = date(2017, 9, 1), date(2017, 9, 11), date(2017, 11, 1), date(2017, 11, 15)
DAY_S = 86_400
#: Plant B has a declared outage on this day.
DARK = date(2017, 9, 20)


def at(day: date, hour: int = 0) -> int:
    """Epoch seconds of a local time."""
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=ZONE).timestamp())


REGISTRY = Registry(
    sources=(Source("grid"),),
    plants=(Plant("A", "甲厂", "新密市", contract_kw=800.0), Plant("B", "乙厂", "登封市")),
    meters=tuple(
        Meter(p.lower(), p, source="grid", kind=Kind.POWER_AVG, contract_kw=contract)
        for p, contract in (("A", None), ("B", 1200.0))
    ),
    orders=(
        Order("stop", "A", Control.STOP, at(SEASON), at(date(2018, 3, 15)), ramp_down_h=0.0),
        Order("limit", "B", Control.LIMIT, at(SEASON), at(date(2018, 3, 15)), reduction=0.3),
        Order("early", "B", Control.CAP, at(date(2017, 9, 12), 6), at(date(2017, 9, 12), 9), cap_kw=5.0),
    ),
    outages=(Outage(at(DARK, 8), at(DARK, 10), "grid", plant_id="B"),),
)


def readings(until: date, *, run_kw: float = 400.0) -> tuple[Reading, ...]:
    """A: works from 8 to 20 on workdays and idles at 30 kW, also under its stop, but for the 16th of November, when it
    runs. B: 600 kW all the time, a little less by night. Nothing of B for six hours of the 25th of September."""
    chance = np.random.default_rng(20171115)
    found: list[Reading] = []
    day = BEGIN
    while day < until:
        noise = chance.normal(0, 1, (2, 96))
        for i in range(96):
            ts, hour = at(day) + (i + 1) * 900, i // 4
            works = day.weekday() < 5 and 8 <= hour < 20 and (day < SEASON or day == date(2017, 11, 16))
            a_kw = run_kw + 12 * noise[0, i] if works else 30 + 0.8 * noise[0, i]
            b_kw = (600 if 8 <= hour < 20 else 520) + 10 * noise[1, i]
            for meter, kw in (("a", a_kw), ("b", b_kw)):
                if meter == "b" and day == date(2017, 9, 25) and 9 <= hour < 15:
                    continue
                found.append(Reading(meter, Kind.POWER_AVG, ts, round(float(kw), 2), period_s=900, coll_ms=ts * 1000))
        day += timedelta(days=1)
    return tuple(found)


def write_readings(path: Path, rows: tuple[Reading, ...]) -> None:
    """The readings as a file for a back-test."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["meter_id", "ts", "value", "coll"])
        writer.writerows(_lines(rows))


def _lines(rows: tuple[Reading, ...]) -> Iterator[tuple[str, str, float | None, str]]:
    for row in rows:
        moment = datetime.fromtimestamp(row.ts, ZONE).isoformat()
        yield row.meter_id, moment, row.value, moment
