"""Sets the stage: every plant of the cast as it would run if nothing happened, with its lines, meter and baseline."""

import numpy as np

from detectors.registry import ALWAYS, FOREVER, Baseline, Line, Listing, Meter, Multiplier, Plant, Source
from detectors.vocab import Kind, Scale
from service.demo.cast import CAST, COUNTIES, DOCUMENT, SOURCE_MAIN, SOURCE_SMALL, Cast
from service.demo.measured import LONG_STOPS, REFERENCE, SLOTS_PER_DAY, template
from service.demo.season import (
    FIRST_DAY,
    SEASON_S,
    SLOTS,
    standstill,
    working_week,
)
from service.demo.stage import Channel, Stage

BASELINE_VERSION = "2017-10"
#: Electricity cannot decide about coking time: no baseline would help.
COKING_ITEM = "limit-5"

SOURCES = (
    Source(SOURCE_MAIN, delay_min=5, cadence="slot"),
    Source(SOURCE_SMALL, delay_min=5, cadence="slot"),
)


def meter_id(number: int) -> str:
    """A 22-digit id, as the grid company writes them."""
    return f"4199000000000000{number:06d}"


def set_stage() -> Stage:
    """All plants, without any of the planted things."""
    stage = Stage({}, {}, {}, {}, [], [], list(SOURCES), [], [])
    for number, cast in enumerate(CAST, start=1):
        _add_plant(stage, cast, number)
    return stage


def _add_plant(stage: Stage, cast: Cast, number: int) -> None:
    measured = template(cast.template)
    stage.templates[cast.key], stage.scales[cast.key] = measured, cast.scale
    contract_kw = float(np.ceil(1.3 * cast.scale * max(v.max() for v in measured.days.values()) / 50) * 50)
    attributes = dict(part.split("=") for part in cast.attributes.split(";") if part)
    stage.plants.append(
        Plant(
            plant_id=cast.plant_id,
            name=cast.name,
            county=COUNTIES[cast.county],
            industry=cast.industry,
            industry_edition="2017",
            contract_kw=contract_kw,
            attributes={"演示": "虚构企业", **attributes},
        )
    )
    meter = Meter(
        meter_id=meter_id(number * 10),
        plant_id=cast.plant_id,
        account=f"DEMO{number:06d}",
        source=cast.source,
        scale=Scale.SECONDARY if cast.multiplier != 1.0 else Scale.PRIMARY,
        contract_kw=contract_kw,
    )
    add_channel(stage, meter, _curve(cast, number), multiplier=cast.multiplier)
    stage.main[cast.key] = meter.meter_id
    if cast.item not in (None, COKING_ITEM) and not cast.part:
        stage.baselines.append(baseline(cast))
    if cast.is_listed:
        stage.listings.append(Listing(DOCUMENT, cast.plant_id, office=f"{COUNTIES[cast.county]}工信委"))
    for line in range(1, cast.lines + 1):
        unit_kw = round(measured.running_kw * cast.scale / cast.lines, 1)
        name = f"{line}号线"
        stage.lines.append(Line(f"{cast.plant_id}-{line}", cast.plant_id, name, "line", units=1, unit_kw=unit_kw))


def add_channel(stage: Stage, meter: Meter, load_kw: np.ndarray, *, multiplier: float = 1.0) -> Channel:
    """A meter that sends ``load_kw``; with a multiplier, secondary values of four decimals."""
    is_secondary = meter.scale is Scale.SECONDARY
    factor = np.full(SLOTS, multiplier if is_secondary else 1.0)
    digits = 2 if meter.kind is Kind.ENERGY_REG or not is_secondary else 4
    channel = Channel(meter, load_kw, factor, digits)
    stage.channels[meter.meter_id] = channel
    stage.meters.append(meter)
    if is_secondary:
        stage.multipliers.append(Multiplier(meter.meter_id, ALWAYS, FOREVER, multiplier))
    return channel


def _curve(cast: Cast, number: int) -> np.ndarray:
    measured = template(cast.template)
    load = working_week(measured, scale=cast.scale, weeks=cast.weeks, phase=cast.phase)
    if cast.is_stopped:
        load[SLOTS_PER_DAY:] = standstill(measured, scale=cast.scale, turn=number)[SLOTS_PER_DAY:]
    else:
        load[SLOTS_PER_DAY:] *= cast.factor
    return load


def baseline(cast: Cast) -> Baseline:
    """The baseline of a derived plant: that of its template, times its scale, rounded to whole kW and kWh."""
    measured = template(cast.template)
    stops = ", ".join(f"{a:%Y-%m-%d}..{b:%m-%d}" for a, b in LONG_STOPS[measured.name])
    return Baseline(
        scope_id=cast.scope_id,
        version=BASELINE_VERSION,
        valid_from=SEASON_S - 86400 * FIRST_DAY.day,
        running_kw=round(measured.running_kw * cast.scale, 1),
        max_kw=round(measured.max_kw * cast.scale, 1),
        idle_kw=round(measured.idle_kw * cast.scale, 1),
        day_kwh=round(measured.day_kwh * cast.scale, 1),
        method="mean of working days; idle: 95th percentile of long stops",
        origin=f"演示数据: measured {REFERENCE[0]}..{REFERENCE[1]}, stops {stops}, x {cast.scale}",
        approved_by="演示",
    )
