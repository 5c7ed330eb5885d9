"""Random worlds in which meters outside the scopes tell: enterprises whose plants take over from each other, and
production with its treatment. Every world is made from one seed: a world has thousands of readings."""

import random
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from detectors.registry import (
    FOREVER,
    Baseline,
    Line,
    Meter,
    Multiplier,
    Order,
    Plant,
    Registry,
    Scope,
    ScopeMeter,
    Source,
    Threshold,
    with_default_scopes,
)
from detectors.vocab import Control, Kind, Measure, Quality, Role, Rule, Scale
from tests.oracles.local_time import LocalTime
from tests.oracles.rows import Reading, World
from tests.oracles.strategies import PLACES, Span

#: Loads of the plants on a day, kW: as ever (396 kW are 9.5 MWh), the first stands still, others take over, in part.
DAYS = ((396, 396, 396), (12, 780, 396), (24, 396, 780), (12, 396, 396), (84, 600, 480), (12, 588, 396), (180, 804, 12))
MOVED = DAYS[1]
#: Loads of production and treatment, kW, for a while.
RUNS = (0, 12, 48, 108, 180, 204, 600)
#: Thresholds that the office has set.
SET = (
    (),
    (),
    ((Rule.SHIFT, "drop", 0.6), (Rule.SHIFT, "total", 0.3), (Rule.SHIFT, "least", 0.01), (Rule.SHIFT, "sigma", 0.0)),
    ((Rule.TREATMENT_OFF, "running", 0.5), (Rule.TREATMENT_OFF, "off", 0.4), (Rule.TREATMENT_OFF, "n_min", 15.0)),
)


def _meter(chance: random.Random, meter_id: str, plant_id: str, role: Role, line_id: str | None, span: Span) -> Meter:
    kind, period_s = chance.choice([(Kind.POWER_INST, 900)] * 5 + [(Kind.ENERGY_INT, 3600), (Kind.ENERGY_REG, 900)])
    middle = span.begin + (span.end - span.begin) // 1800 * 900
    return Meter(
        meter_id,
        plant_id,
        line_id,
        source=chance.choice(["default", "feed"]),
        role=role,
        kind=kind,
        period_s=period_s,
        contract_kw=chance.choice([1000.3, 100.7, 500.9, 1000.3, None]) if line_id or role != Role.SUPPLY else None,
        resolution_kwh=chance.choice([0.01, 0.01, 6.3]),
        valid_to=chance.choice([FOREVER] * 19 + [middle]),
    )


def _loads_kw(chance: random.Random, meter: Meter, days: Sequence[Sequence[int]], count: int) -> list[float]:
    """A load an interval: of an account its plant's of the day, of others levels in runs."""
    if meter.role in (Role.SUPPLY, Role.CHECK):
        return [float(days[i * len(days) // count][int(meter.plant_id[1:])]) for i in range(count)]
    if meter.role in (Role.GENERATION, Role.REVERSE):
        return [12.0] * count
    found: list[float] = []
    while len(found) < count:
        found += [float(chance.choice(RUNS))] * chance.choice([1, 2, 3, 5, 8, 96])
    return found[:count]


def _readings(
    chance: random.Random, meter: Meter, days: Sequence[Sequence[int]], span: Span, has_factor: bool
) -> list[Reading]:
    """The life of one meter, with silence here and there."""
    step, times = meter.period_s, 10.0 if has_factor else 1.0
    scale = Scale.SECONDARY if has_factor else Scale.PRIMARY
    found: list[Reading] = []
    register = 0.0
    for i, kw in enumerate(_loads_kw(chance, meter, days, (span.end - span.begin) // step)):
        ts, kwh = span.begin + (i + 1) * step, kw / times * step / 3600
        register += kwh
        value = {Kind.ENERGY_REG: register, Kind.ENERGY_INT: kwh}.get(meter.kind, kw / times)
        found.append(Reading(meter.meter_id, meter.kind, ts, value, Quality.M, 0, ts * 1000, scale, step))
    for _ in range(chance.choice([0] * 11 + [4])):
        del found[chance.randrange(len(found))]
    return found


def _order(chance: random.Random, order_id: str, scope_ids: Sequence[str], span: Span) -> Order:
    control = chance.choice([Control.STOP, Control.STOP, Control.STOP, Control.LIMIT, Control.CAP, Control.COKING])
    return Order(
        order_id,
        chance.choice([scope_ids[0], scope_ids[0], *scope_ids]),
        control,
        span.begin + chance.choice([0] * 9 + [3600]),
        chance.choice([FOREVER] * 4 + [span.end] * 2 + [span.end - 3600]),
        reduction=0.4 if control in (Control.LIMIT, Control.COKING) else None,
        cap_kw=303.3 if control == Control.CAP else None,
        ramp_down_h=chance.choice([0.0, 0.0, 0.0, 0.0, 2.0]),
        measure=chance.choice([Measure.POWER, Measure.ENERGY]),
    )


def heard_world(seed: int, *, treated: bool) -> World:
    """One to three plants, most of one enterprise, under orders over whole and broken days; a line with a scope of its
    own. treated: pairs of treatment and production as well."""
    chance = random.Random(seed)
    zone, first = chance.choice(PLACES)
    slot_s, n_days = chance.choice([900, 900, 300]), chance.randint(1, 2)
    local = LocalTime(ZoneInfo(zone), slot_s)
    span = Span(local.midnight(first), local.midnight(first + timedelta(days=n_days)), slot_s)
    names = [f"P{i}" for i in range(chance.choice([1, 2, 2, 2, 2, 3]))]
    plants = [Plant(p, p, "county", uscc=chance.choice(["X"] * 16 + ["Y", None])) for p in names]
    lines, meters, scopes, members = [], [], [], []
    for p in names:
        more = chance.choice([(), (), (), (Role.GENERATION,), (Role.REVERSE,), (Role.CHECK,)])
        meters += [_meter(chance, f"{p}m{i}", p, role, None, span) for i, role in enumerate((Role.SUPPLY, *more))]
        for line_id in chance.choice([(f"{p}L",), (f"{p}L", ""), ("",)]) if treated or chance.random() < 0.3 else ():
            lines += [Line(line_id, p, line_id)] if line_id else []
            kinds = (chance.choice([Role.LINE, Role.PRODUCTION]), *([Role.TREATMENT] * chance.randint(0, 2)))
            meters += [
                _meter(chance, f"{p}{line_id}x{i}", p, role, line_id or None, span) for i, role in enumerate(kinds)
            ]
            if line_id and chance.random() < 0.5:
                scopes.append(Scope(line_id, p, line_id, "line"))
                members.append(ScopeMeter(line_id, f"{p}{line_id}x0"))
    scope_ids = names + [s.scope_id for s in scopes]
    baselines = [
        Baseline(
            s,
            "v1",
            0,
            480.7,
            idle_kw=24.3,
            day_kwh=chance.choice([9503.3] * 24 + [4751.9, None]),
            day_type=chance.choice(["all"] * 15 + ["restday"]),
            rrmse=chance.choice([None, None, None, 0.05, 0.11]),
        )
        for s in scope_ids
    ]
    until = chance.choice([FOREVER, span.begin + 90_000])
    own = [
        Threshold(rule, name, value, "office", chance.choice([None, *scope_ids]), span.begin, until)
        for rule, name, value in chance.choice(SET)
    ]
    factored = {m.meter_id for m in meters if m.kind != Kind.ENERGY_REG and chance.random() < 0.3}
    days = [chance.choice((*DAYS, MOVED, MOVED, MOVED)) for _ in range(n_days)]
    readings = [r for m in meters for r in _readings(chance, m, days, span, m.meter_id in factored)]
    chance.shuffle(readings)
    registry = Registry(
        zone=zone,
        sources=(Source("feed", chance.choice([0, 60])),),
        plants=tuple(plants),
        lines=tuple(lines),
        meters=tuple(meters),
        multipliers=tuple(Multiplier(m, 0, FOREVER, 10.0) for m in sorted(factored)),
        scopes=tuple(scopes),
        scope_meters=tuple(members),
        orders=tuple(_order(chance, f"O{i}", scope_ids, span) for i in range(chance.randint(1, 3))),
        baselines=tuple(baselines),
        thresholds=tuple(own),
    )
    as_of = span.end + chance.choice([0, 0, 4200, 4200, 300_000, -5400])
    return World(with_default_scopes(registry), tuple(readings), as_of, slot_s, None)
