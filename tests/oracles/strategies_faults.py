"""Random worlds of plants with a learned day and meters that fail: spikes, dropouts, stuck values, filled-in hours, a
fraction or a multiple of the level, over midnight too. Every world is made from one seed: it has thousands of readings.
"""

import random
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from detectors.registry import (
    FOREVER,
    Baseline,
    Line,
    Meter,
    Order,
    Plant,
    Registry,
    ScopeMeter,
    Source,
    Threshold,
    with_default_scopes,
)
from detectors.vocab import Control, Kind, Measure, Quality, Role, Rule
from tests.oracles.local_time import LocalTime
from tests.oracles.rows import Reading, World
from tests.oracles.strategies import PLACES, Span

#: Mean load of each hour of a day, kW: two shifts, one shift, hardly any shape.
SHAPES = (
    (120,) * 6 + (240, 600) + (840,) * 4 + (480,) + (840,) * 5 + (600,) * 3 + (240, 120, 120),
    (96,) * 7 + (360,) + (720,) * 9 + (240,) + (96,) * 6,
    (480,) * 8 + (600,) * 8 + (540,) * 8,
)
#: Thresholds that the office has set.
SET: tuple[tuple[tuple[str, float], ...], ...] = (
    (),
    (),
    (("spike_factor", 1.3), ("spike_min", 45), ("dropout_share", 0.6), ("dropout_min", 30)),
    (("level_share", 0.7), ("level_floor", 1.0), ("level_alike", 6.0), ("level_shape", 0.3), ("level_h", 3)),
    (("stuck_h", 1), ("stuck_factor", 1), ("level_rise", 1.5), ("level_h", 4)),
)


def _true_kw(chance: random.Random, shape: tuple[int, ...], wall_hours: list[int]) -> list[float]:
    """What a plant draws: its day, some days only idling, some at half."""
    share = chance.choice([1.0, 1.0, 1.0, 0.5])
    rests = chance.random() < 0.15
    return [
        12.0 * round((shape[0] if rests else shape[h]) * share * chance.uniform(0.93, 1.07) / 12) for h in wall_hours
    ]


def _spoil(chance: random.Random, kw: list[float | None], per_hour: int) -> None:
    """Let the meter fail once, in one of its ways."""
    at = chance.randrange(len(kw))
    what = chance.choice(["level", "level", "level", "level", "spike", "dropout", "dropout", "stuck", "gap", "hour"])
    length = {
        "level": chance.choice([5, 9, 14, 24, 40]) * per_hour,
        "spike": chance.choice([1, 2, per_hour, 2 * per_hour, 2 * per_hour + 1]),
        "dropout": chance.choice([1, 1, 2, per_hour, per_hour + 1]),
        "stuck": chance.choice([2, 3, 4, 6, 11]) * per_hour + chance.choice([0, 1]),
        "gap": chance.choice([1, 2, 5, 30]),
        "hour": per_hour,
    }[what]
    factor = chance.choice([0.08, 0.1, 0.15, 0.3, 10.0])
    held = kw[at]
    for i in range(at, min(len(kw), at + length)):
        now = kw[i]
        if what == "gap":
            kw[i] = None
        elif now is None:
            continue
        elif what == "level":
            kw[i] = max(0.0, 1.2 * round(now * factor / 1.2))
        elif what == "spike":
            kw[i] = chance.choice([1800.0, 3000.0, 6000.0])
        elif what == "dropout":
            kw[i] = chance.choice([0.0, 0.0, 1.2, 8.4])
        else:
            kw[i] = held


def _meter(chance: random.Random, meter_id: str, plant_id: str, slot_s: int) -> Meter:
    kinds = [(Kind.POWER_AVG, slot_s)] * 8 + [(Kind.ENERGY_REG, slot_s), (Kind.ENERGY_INT, 3600)]
    kind, period_s = chance.choice(kinds)
    return Meter(meter_id, plant_id, source=chance.choice(["default", "feed"]), kind=kind, period_s=period_s)


def _readings(chance: random.Random, meter: Meter, kw: list[float | None], span: Span) -> list[Reading]:
    """Loads of slots as the readings of one meter, and voltages at some of its zeros."""
    step, each = meter.period_s, meter.period_s // span.slot_s
    register, volts = 1000.0, chance.choice([None, None, 220.0, 0.0])
    found: list[Reading] = []
    for i in range(0, len(kw) - each + 1, each):
        loads = [x for x in kw[i : i + each] if x is not None]
        ts = span.begin + (i + each) * span.slot_s
        if len(loads) < each:
            continue
        mean = sum(loads) / each
        register += mean * step / 3600
        value = {Kind.ENERGY_REG: register, Kind.ENERGY_INT: mean * step / 3600}.get(meter.kind, mean)
        found.append(Reading(meter.meter_id, meter.kind, ts, value, Quality.M, 0, ts * 1000, period_s=step))
        if mean == 0 and volts is not None:
            found.append(Reading(meter.meter_id, Kind.VOLTAGE, ts, volts, Quality.M, 0, ts * 1000))
    return found


def _order(chance: random.Random, order_id: str, scope_id: str, span: Span, has_lines: bool) -> Order:
    kinds = [Control.STOP, Control.LIMIT, Control.LIMIT, Control.CAP, *([Control.UNITS] * 3 if has_lines else [])]
    control = chance.choice(kinds)
    return Order(
        order_id,
        scope_id,
        control,
        span.begin + chance.choice([0, 0, 3600, 50_400, 86_400]),
        chance.choice([FOREVER, FOREVER, span.end, span.end - 30_600]),
        daily_from_s=chance.choice([None, None, None, 28_800]),
        reduction=chance.choice([0.3, 0.5, 0.8]) if control in (Control.LIMIT, Control.UNITS) else None,
        cap_kw=chance.choice([303.3, 711.7]) if control == Control.CAP else None,
        residual_kw=chance.choice([None, 151.7]) if control == Control.STOP else None,
        ramp_down_h=chance.choice([0.0, 0.0, 2.0]),
        measure=Measure.ENERGY if control == Control.LIMIT and chance.random() < 0.6 else Measure.POWER,
    )


def faulty_world(seed: int) -> World:
    """One or two plants over two or three days, most with a learned baseline; meters that fail up to four times."""
    chance = random.Random(seed)
    zone, first = chance.choice(PLACES)
    slot_s = chance.choice([900, 900, 900, 300])
    n_days = chance.choice([2, 3]) if slot_s == 900 else chance.choice([1, 2])
    local = LocalTime(ZoneInfo(zone), slot_s)
    span = Span(local.midnight(first), local.midnight(first + timedelta(days=n_days)), slot_s)
    slots = range(span.begin // slot_s, span.end // slot_s)
    per_hour = 3600 // slot_s
    plants, meters, lines, baselines, readings = [], [], [], [], []
    own: list[Meter] = []
    for name in [f"P{i}" for i in range(chance.choice([1, 1, 2]))]:
        shape = chance.choice(SHAPES)
        plants.append(Plant(name, name, "county"))
        mine = [_meter(chance, f"{name}m{i}", name, slot_s) for i in range(chance.choice([1, 1, 1, 2]))]
        if chance.random() < 0.25:  # of lines that are metered
            lines += [Line(f"{name}L{i}", name, f"line {i}", unit_kw=301.7) for i in range(2)]
            mine += [
                Meter(f"{name}L{i}m", name, f"{name}L{i}", role=Role.LINE, kind=Kind.POWER_AVG, period_s=slot_s)
                for i in range(2)
            ]
        for meter in mine:
            kw: list[float | None] = []
            for day in sorted({local.day_of_slot(s) for s in slots}):
                kw += _true_kw(chance, shape, [local.wall(s * slot_s).hour for s in local.slots_of(day)])
            for _ in range(chance.choice([0, 1, 1, 2, 4])):
                _spoil(chance, kw, per_hour)
            readings += _readings(chance, meter, kw, span)
        own += [m for m in mine if m.role == Role.SUPPLY]
        meters += mine
        profile = tuple(float(x) + 0.7 for x in shape for _ in range(per_hour))
        learned = Baseline(
            name,
            "v1",
            0,
            701.3,
            max_kw=chance.choice([903.7, 903.7, None]),
            idle_kw=chance.choice([130.9, 130.9, 3.1, None]),
            day_kwh=sum(profile) / per_hour,
            profile_kw=chance.choice([profile, profile, profile, ()]),
            floor_kw=chance.choice([83.3, 83.3, 83.3, None, 0.0]),
            equal_h=chance.choice([0.75, 0.75, 1.7, None]),
            idle_equal_h=chance.choice([1.25, 1.25, None]),
            night_kwh=chance.choice([None, 90.7]),
            night_sd_kwh=11.3,
        )
        change = local.midnight(first + timedelta(days=1))
        baselines += (
            [learned]
            if chance.random() < 0.7
            else [
                replace(learned, valid_to=change),
                replace(learned, version="v2", valid_from=change, floor_kw=chance.choice([None, 71.9])),
            ]
        )
    names = [p.plant_id for p in plants]
    thresholds = [
        Threshold(Rule.BAD_DATA, name, value, "office", chance.choice([None, *names]))
        for name, value in chance.choice(SET)
    ]
    metered = {m.plant_id for m in meters if m.role == Role.LINE}
    orders = []
    for i in range(chance.choice([1, 1, 2])):
        scope_id = chance.choice(names)
        orders.append(_order(chance, f"O{i}", scope_id, span, scope_id in metered))
    chance.shuffle(readings)
    registry = Registry(
        zone=zone,
        sources=(Source("feed", chance.choice([0, 60])),),
        plants=tuple(plants),
        lines=tuple(lines),
        meters=tuple(meters),
        scope_meters=tuple(ScopeMeter(m.plant_id, m.meter_id) for m in own),
        orders=tuple(orders),
        baselines=tuple(baselines),
        thresholds=tuple(thresholds),
    )
    as_of = span.end + chance.choice([0, 0, 4200, 300_000, -5400, -36_000])
    return World(with_default_scopes(registry), tuple(readings), as_of, slot_s, None)
