"""Scenes that meters outside a plant's own sum tell: production moved to a sibling account, and treatment that stands
still while its plant produces."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from detectors.registry import Meter
from detectors.vocab import Role, Rule, Scale
from service.demo.cast import BY_KEY
from service.demo.expected import Expected, Planted
from service.demo.scenes_load import alert
from service.demo.season import at, instant
from service.demo.setting import add_channel, baseline, meter_id
from service.demo.stage import F64, Stage

#: One 统一社会信用代码 for both plants; invented, with the check digit of GB 32100.
ENTERPRISE = "91410100MA0000000T"


def moved(stage: Stage) -> Planted:
    """A stopped kiln and a grinding station of one enterprise. On Thursday the station draws, spread over the day, what
    the kiln would have: each keeps its own order, and the total is as ever."""
    stage.own_plan("S22", "停窑", ramp_down_h=4.0)
    stage.plants[:] = [
        replace(p, uscc=ENTERPRISE) if p.plant_id in ("DEMO-S22", "DEMO-N04") else p for p in stage.plants
    ]
    day = slice(at(16, "00:00"), at(17, "00:00"))
    stopped, other = stage.channel("S22").load_kw[day], stage.channel("N04").load_kw[day]
    usual_kwh = sum(baseline(BY_KEY[key]).day_kwh or 0.0 for key in ("S22", "N04"))
    other += (usual_kwh - (stopped.sum() + other.sum()) / 4) / 24
    return Planted(
        "moved",
        ("DEMO-S22", "DEMO-N04"),
        "耐材三厂停产，同一企业的粉磨站一厂代为生产",
        "what a stopped plant no longer makes, its sibling makes",
        (alert(stage, Rule.SHIFT, "S22", (17, "00:00")),),
    )


def untreated(stage: Stage) -> Planted:
    """The dust filters of a limited steel works stand still for three hours of its working day. The limit is kept."""
    main, running_kw = stage.channel("L17"), stage.running_kw("L17")
    filters = np.full(len(main.load_kw), 0.04 * running_kw)
    filters[at(16, "14:00") : at(16, "17:00")] = 0.001 * running_kw
    _sub_meter(stage, "L17", Role.PRODUCTION, 1701, 0.8 * main.load_kw, round(1.2 * running_kw))
    _sub_meter(stage, "L17", Role.TREATMENT, 1702, filters, round(0.06 * running_kw))
    return Planted(
        "untreated",
        ("DEMO-L17",),
        "钢铁七厂生产时停用除尘三小时",
        "dust filters off for three hours of production",
        (Expected(Rule.TREATMENT_OFF, "DEMO-L17", None, instant(16, "14:45")),),
    )


def _sub_meter(stage: Stage, key: str, role: Role, number: int, load_kw: F64, contract_kw: float) -> None:
    """A meter behind the plant's own, which its sum does not count."""
    meter: Meter = replace(
        stage.channel(key).meter,
        meter_id=meter_id(number),
        role=role,
        scale=Scale.PRIMARY,
        account=None,
        contract_kw=contract_kw,
    )
    add_channel(stage, meter, load_kw)


SCENES: tuple[Callable[[Stage], Planted], ...] = (moved, untreated)
