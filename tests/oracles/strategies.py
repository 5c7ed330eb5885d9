"""Small random worlds for comparing judgements: a few plants, meters, days, and everything that goes wrong.

Loads come as runs of levels around the thresholds. Numbers of registry rows are crooked on purpose (R = 1003.7), so
that no sum meets a threshold exactly: there floating point may differ and nothing is learned. Levels are multiples of
12 kW: whole watt-hours at every slot width.
"""

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from detectors.registry import (
    FOREVER,
    Baseline,
    Exemption,
    Line,
    Meter,
    Multiplier,
    Order,
    Outage,
    Plant,
    Registry,
    Scope,
    ScopeMeter,
    Source,
    with_default_scopes,
)
from detectors.vocab import Control, Kind, Measure, Quality, Role, Scale
from tests.oracles.local_time import LocalTime
from tests.oracles.rows import Reading, World
from tests.oracles.strategies_thresholds import thresholds
from tests.oracles.windows import windows

#: kW; None is silence.
LEVELS: tuple[int | None, ...] = (
    0,
    12,
    24,
    72,
    84,
    168,
    312,
    516,
    660,
    708,
    720,
    744,
    900,
    1104,
    1560,
    1800,
    -24,
    None,
)
#: Zone and first day: plain days, and Berlin around its changes of 2018.
PLACES = (
    ("Asia/Shanghai", date(2017, 11, 15)),
    ("Asia/Shanghai", date(2017, 11, 17)),
    ("Europe/Berlin", date(2018, 3, 24)),
    ("Europe/Berlin", date(2018, 10, 27)),
)


class Span(NamedTuple):
    """Time of a world: ``[begin, end)``, local midnights."""

    begin: int
    end: int
    slot_s: int


@st.composite
def _instants(draw: st.DrawFn, span: Span) -> int:
    """An instant of the world, mostly at a slot's edge, sometimes within a slot."""
    slots = (span.end - span.begin) // span.slot_s
    aligned = span.begin + draw(st.integers(0, slots)) * span.slot_s
    return aligned + draw(st.sampled_from([0, 0, 0, 420]))


@st.composite
def _stretches(draw: st.DrawFn, span: Span) -> tuple[int, int]:
    """A beginning and a later end, open or not."""
    one, other = draw(_instants(span)), draw(_instants(span))
    begin, end = min(one, other), max(one, other)
    shape = draw(st.sampled_from(["all", "from", "between", "between"]))
    if shape == "all" or begin == end:
        return span.begin, FOREVER
    return begin, FOREVER if shape == "from" else end


@st.composite
def _orders(draw: st.DrawFn, order_id: str, scope_id: str, span: Span, by_units: bool) -> Order:
    begin, end = draw(_stretches(span))
    kinds = [Control.STOP] * 3 + [Control.LIMIT] * 3 + [Control.CAP] * 2 + [Control.UNITS] * 3 + [Control.COKING]
    if by_units:
        kinds = [Control.UNITS] * 6 + [Control.STOP, Control.LIMIT, Control.CAP, Control.COKING]
    control = draw(st.sampled_from(kinds))
    is_energy = control == Control.LIMIT and draw(st.booleans())
    window = draw(st.sampled_from([(None, None)] * 3 + [(79200, 21600), (28800, 64800), (9000, 32400), (73800, 1800)]))
    return Order(
        order_id,
        scope_id,
        control,
        begin,
        end,
        daily_from_s=window[0],
        daily_to_s=window[1],
        reduction=draw(_reductions(control)),
        cap_kw=draw(st.sampled_from([303.3, 1511.1])) if control == Control.CAP else None,
        units_allowed=draw(st.sampled_from([None, 0, 1, 1, 2, 4])) if control == Control.UNITS else None,
        residual_kw=draw(st.sampled_from([None, None, 101.3])) if control == Control.STOP else None,
        ramp_down_h=draw(st.sampled_from([None, 0.0, 0.0, 1.0])),
        measure=Measure.ENERGY if is_energy else Measure.POWER,
        level=draw(st.sampled_from([None, None, "orange", "red"])),
    )


@st.composite
def _reductions(draw: st.DrawFn, control: Control) -> float | None:
    """A limit always has one; where units are named or nothing is known of the ovens there may be none."""
    if control in (Control.STOP, Control.CAP):
        return None
    return draw(st.sampled_from([0.3, 0.5] if control == Control.LIMIT else [0.3, 0.5, 0.5, None]))


@st.composite
def _lines(
    draw: st.DrawFn, plant_id: str, own: list[Meter], span: Span, by_units: bool
) -> tuple[list[Line], list[Meter]]:
    """Lines of a plant: none, without meters, with meters of their own, or each with a meter of the plant.

    own: the plant's meters. Returns the lines, and all meters of the plant.
    """
    shapes = ["apart", "bare", "apart", "bare", "bare", "apart", "shared", "in part"]
    shape = draw(st.sampled_from(shapes if by_units else ["none", "none", *shapes]))
    if shape == "none":
        return [], own
    count = len(own) if shape == "shared" else draw(st.integers(1, 3))
    lines = [
        Line(
            f"{plant_id}L{i}",
            plant_id,
            f"line {i}",
            units=draw(st.sampled_from([None, None, None, 1, 2, 5])),
            unit_kw=draw(st.sampled_from([301.7, None, 97.3, 301.7, 97.3, 650.9])),
        )
        for i in range(count)
    ]
    if shape == "shared":
        return lines, [replace(m, line_id=line.line_id) for m, line in zip(own, lines, strict=True)]
    metered = lines if shape == "apart" else lines[1:] if shape == "in part" else []
    apart = []
    for line in metered:
        meter = draw(_meters(f"{line.line_id}m", plant_id, span, with_registers=True))
        apart.append(replace(meter, role=Role.LINE, line_id=line.line_id))
    return lines, own + apart


@st.composite
def _baselines(draw: st.DrawFn, scope_id: str, span: Span) -> list[Baseline]:
    """None, one for all days, or one of each day type; sometimes another from a later midnight on."""
    each = 900 // span.slot_s  # one value a slot
    profile_kw = (301.1,) * 32 * each + (901.3,) * 40 * each + (301.1,) * 24 * each
    running_kw = draw(st.sampled_from([1003.7] * 6 + [487.3, 0.0]))
    night_kwh, night_sd_kwh = draw(st.sampled_from([(None, None), (3.7, 1.3), (3.7, 151.3), (811.3, 90.7)]))
    floor_kw, equal_h = draw(st.sampled_from([(None, None), (None, None), (151.3, 0.75), (303.1, 1.6), (151.3, None)]))
    one = Baseline(
        scope_id,
        "v1",
        0,
        running_kw,
        max_kw=draw(st.sampled_from([None, None, 1300.9])),
        idle_kw=draw(st.sampled_from([None, 4.1, 21.3, 21.3])),
        day_kwh=draw(st.sampled_from([None, 9001.3, 16003.7])),
        profile_kw=draw(st.sampled_from([(), (), profile_kw])),
        night_kwh=night_kwh,
        night_sd_kwh=night_sd_kwh,
        rrmse=draw(st.sampled_from([None, None, 0.07, 0.41])),
        floor_kw=floor_kw,
        equal_h=equal_h,
        idle_equal_h=draw(st.sampled_from([None, None, 0.75])) if floor_kw is not None else None,
    )
    shape = draw(st.sampled_from(["none", "all", "all", "all", "all", "all", "types", "later"]))
    if shape == "none":
        return []
    if shape == "types":
        rest = replace(one, version="v2", day_type="restday", running_kw=611.9)
        return [replace(one, day_type="workday"), rest]
    if shape == "later" and span.end - span.begin > 86400:
        # both stretches are whole local days in every zone of PLACES
        change = draw(st.sampled_from([span.begin, span.end]))
        return [replace(one, valid_to=change), replace(one, version="v2", valid_from=change, running_kw=803.9)]
    return [one]


@st.composite
def _load_runs(draw: st.DrawFn, count: int) -> list[int | None]:
    """``count`` levels in runs; short runs make n-of-m, long ones days."""
    levels: list[int | None] = []
    while len(levels) < count:
        level = draw(st.sampled_from(LEVELS))
        levels += [level] * draw(st.sampled_from([1, 1, 2, 2, 3, 5, 9, 20, 40, 96]))
    return levels[:count]


@st.composite
def _meter_readings(draw: st.DrawFn, meter: Meter, span: Span, has_factor: bool) -> list[Reading]:
    """The life of one meter: a curve or a register, voltages at its zeros, corrections and second opinions."""
    step = meter.period_s
    levels = draw(_load_runs((span.end - span.begin) // step))
    scale = Scale.SECONDARY if has_factor else Scale.PRIMARY
    times = 12.0 if has_factor else 1.0
    volts = draw(st.sampled_from([None, None, 220.0, 0.0]))
    found: list[Reading] = []
    register_kwh = 1000.0
    for i, kw in enumerate(levels):
        ts = span.begin + (i + 1) * step
        coll = ts * 1000 + 120000
        if kw is not None and meter.kind == Kind.ENERGY_REG:
            register_kwh += abs(kw) / times * step / 3600
        if kw is None:
            continue
        value = kw / times
        if meter.kind == Kind.ENERGY_REG:
            value = register_kwh
        elif meter.kind == Kind.ENERGY_INT:
            value = value * step / 3600
        found.append(Reading(meter.meter_id, meter.kind, ts, value, Quality.M, 0, coll, scale, step))
        if kw == 0 and volts is not None:
            found.append(Reading(meter.meter_id, Kind.VOLTAGE, ts, volts, Quality.M, 0, coll))
    if found and meter.kind != Kind.ENERGY_REG:
        for _ in range(draw(st.integers(0, 4))):
            found.append(draw(_second_opinion(found[draw(st.integers(0, len(found) - 1))])))
    return found


@st.composite
def _second_opinion(draw: st.DrawFn, first: Reading) -> Reading:
    """Another reading of the same key: a duplicate, a correction, an estimate, a null; soon or days later."""
    q = draw(st.sampled_from([Quality.M, Quality.R, Quality.E, Quality.S, Quality.Q, Quality.N]))
    if first.value is None:
        q = Quality.N  # null is N, and N is null
    value = first.value if first.value is None else first.value + draw(st.sampled_from([0.0, 12.0, 240.0]))
    return replace(
        first,
        value=None if q == Quality.N else value,
        q=q,
        rev=draw(st.sampled_from([0, 0, 1])),
        coll_ms=first.coll_ms + draw(st.sampled_from([-60000, 0, 3600000, 172800000])),
    )


@st.composite
def _meters(draw: st.DrawFn, meter_id: str, plant_id: str, span: Span, with_registers: bool) -> Meter:
    kinds = [(Kind.POWER_INST, 900)] * 3 + [(Kind.POWER_AVG, 900), (Kind.ENERGY_INT, 900)]
    kinds += [(Kind.POWER_INST, 300), (Kind.ENERGY_INT, 3600)]
    if with_registers:
        kinds += [(Kind.ENERGY_REG, 900), (Kind.ENERGY_REG, 900)]
    kind, period_s = draw(st.sampled_from(kinds))
    roles = [Role.SUPPLY] * 6 + [Role.GENERATION, Role.REVERSE, Role.CHECK]
    valid_to = draw(st.one_of(st.just(FOREVER), st.just(FOREVER), _instants(span)))
    return Meter(
        meter_id,
        plant_id,
        source=draw(st.sampled_from(["default", "feed"])),
        role=draw(st.sampled_from(roles)),
        kind=kind,
        period_s=period_s,
        contract_kw=draw(st.sampled_from([None, None, 1100.3])),
        resolution_kwh=draw(st.sampled_from([0.01, 5.0, 11.0])),
        valid_to=valid_to,
    )


@st.composite
def worlds(draw: st.DrawFn, with_registers: bool = True, by_units: bool = False) -> World:
    """One to three plants, each with one or two meters, one to three days, up to four orders.

    by_units: every plant has lines, and most orders count them.
    """
    zone, first = draw(st.sampled_from(PLACES))
    slot_s = draw(st.sampled_from([900, 900, 900, 300]))
    days = draw(st.integers(1, 3 if slot_s == 900 else 1))
    local = LocalTime(ZoneInfo(zone), slot_s)
    span = Span(local.midnight(first), local.midnight(first + timedelta(days=days)), slot_s)
    plants = [f"P{i}" for i in range(draw(st.integers(1, 3)))]
    meter_ids = [(p, f"{p}m{i}") for p in plants for i in range(draw(st.sampled_from([1, 1, 1, 2])))]
    meters: list[Meter] = []
    lines: list[Line] = []
    for p in plants:
        own = [draw(_meters(meter_id, p, span, with_registers)) for plant, meter_id in meter_ids if plant == p]
        of_plant, its_meters = draw(_lines(p, own, span, by_units))
        lines, meters = lines + of_plant, meters + its_meters
    scopes = []
    if draw(st.booleans()):
        scopes.append(Scope("Q", plants[0], "a process", draw(st.sampled_from(["plant", "process", "pushes"]))))
    members = [
        ScopeMeter("Q", m.meter_id, draw(st.sampled_from([1, 1, 1, -1])), *draw(_stretches(span)))
        for m in meters[:3]
        if scopes
    ]
    # A scope of a line holds its baseline, and may be under an order of its own.
    scopes += [Scope(x.line_id, x.plant_id, x.name, "line") for x in lines if draw(st.booleans())]
    own_scopes = {s.scope_id for s in scopes}
    members += [ScopeMeter(m.line_id or "", m.meter_id) for m in meters if m.line_id in own_scopes]
    scope_ids = plants + [s.scope_id for s in scopes]
    orders = [
        draw(_orders(f"O{i}", draw(st.sampled_from(scope_ids)), span, by_units))
        for i in range(draw(st.sampled_from([1, 0, 1, 2, 2, 3, 4])))
    ]
    if orders and draw(st.sampled_from([False, False, True])):
        orders.append(replace(draw(_orders(orders[0].order_id, orders[0].scope_id, span, by_units)), revision=2))
    elif orders and draw(st.sampled_from([False, False, True])):  # a penalty: one order's end is moved
        longer = draw(
            st.sampled_from([FOREVER, orders[0].valid_to + 43200 if orders[0].valid_to < FOREVER else FOREVER])
        )
        orders.append(replace(orders[0], valid_to=longer, revision=2))
    # Left out: an order that holds no slot at all, between two of its windows say. Nothing ever ends it.
    orders = [o for o in orders if windows(o, local, min(o.valid_from, span.begin), min(o.valid_to, span.end + 172800))]
    exemptions = []
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        begin, end = draw(_stretches(span))
        order_id = draw(st.sampled_from([None, *(o.order_id for o in orders)]))
        max_kw = draw(st.sampled_from([None, 333.3, 777.7]))
        exemptions.append(Exemption(draw(st.sampled_from(scope_ids)), begin, end, "heat", "office", order_id, max_kw))
    outages = []
    for _ in range(draw(st.sampled_from([0, 0, 1]))):
        begin, end = draw(_stretches(span))
        whose = draw(st.sampled_from(meters))
        by_plant = draw(st.booleans())
        outages.append(
            Outage(begin, end, "grid", whose.plant_id if by_plant else None, None if by_plant else whose.meter_id)
        )
    factored = {m.meter_id for m in meters if m.kind != Kind.ENERGY_REG and draw(st.sampled_from([False, False, True]))}
    multipliers = []
    for meter_id in sorted(factored):
        until = draw(st.one_of(st.just(FOREVER), st.just(FOREVER), _instants(span)))
        # never at a reading's own time: 7 minutes into a slot
        multipliers.append(Multiplier(meter_id, 0, until if until == FOREVER else until // 900 * 900 + 420, 12.0))
    readings = [r for m in meters for r in draw(_meter_readings(m, span, m.meter_id in factored))]
    random.Random(draw(st.integers(0, 9))).shuffle(readings)
    registry = Registry(
        zone=zone,
        sources=(Source("feed", draw(st.sampled_from([0, 5, 60]))),),
        lines=tuple(lines),
        plants=tuple(Plant(p, p, "county", contract_kw=draw(st.sampled_from([None, None, 1250.1]))) for p in plants),
        meters=tuple(meters),
        multipliers=tuple(multipliers),
        scopes=tuple(scopes),
        scope_meters=tuple(members),
        orders=tuple(orders),
        baselines=tuple(b for s in scope_ids for b in draw(_baselines(s, span))),
        exemptions=tuple(exemptions),
        outages=tuple(outages),
        thresholds=draw(thresholds(scope_ids, span.begin, span.end)),
    )
    as_of = draw(st.one_of(*[st.just(span.end + s) for s in (0, 0, 4200, 4200, 300000)], _instants(span)))
    rest_days = {first + timedelta(days=i): draw(st.sampled_from(["workday", "restday"])) for i in range(days)}
    return World(with_default_scopes(registry), tuple(readings), as_of, slot_s, rest_days)
