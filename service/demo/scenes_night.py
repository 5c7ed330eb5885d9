"""Scenes that only what was learned of a plant tells: work by night in short pulses, and more load than ever before."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from detectors.vocab import Rule
from service.demo.cast import BY_KEY
from service.demo.expected import Expected, Planted
from service.demo.measured import night_energies
from service.demo.plan import ORANGE, warning_order_id
from service.demo.scenes_load import alert
from service.demo.season import at, instant
from service.demo.setting import baseline
from service.demo.stage import Stage


def night_pulses(stage: Stage) -> Planted:
    """A quarter-hour at 1.3 R in each of four hours over midnight: never 3 of 4, half an hour a day. The baseline has
    the nights of its reference days. Two stops forbid it, the season's and the orange warning's."""
    stage.block("S26", np.arange(at(18, "22:00"), at(19, "02:00"), 4), 1.3)
    mean, deviation = (round(kwh * stage.scales["S26"], 1) for kwh in night_energies(stage.templates["S26"]))
    stage.baselines[:] = [
        replace(b, night_kwh=mean, night_sd_kwh=deviation) if b.scope_id == "DEMO-S26" else b for b in stage.baselines
    ]
    return Planted(
        "night_pulses",
        ("DEMO-S26",),
        "砖瓦七厂夜间每小时开一刻钟",
        "short pulses by night under a stop: only the energy of the night shows them",
        (
            alert(stage, Rule.NIGHT_RUN, "S26", (19, "01:15")),
            Expected(Rule.NIGHT_RUN, "DEMO-S26", warning_order_id(ORANGE, "DEMO-S26"), instant(19, "01:15")),
        ),
    )


def grown(stage: Stage) -> Planted:
    """A plant under no order runs a line that nobody was told of, for three hours, on top of its working day."""
    stage.block("N02", slice(at(16, "09:00"), at(16, "12:00")), 1.0)
    stage.baselines.append(baseline(BY_KEY["N02"]))
    return Planted(
        "grown",
        ("DEMO-N02",),
        "机械二厂无停限产令时超出历史最大负荷",
        "more load than the plant ever had, under no order",
        (Expected(Rule.OVER_CAPACITY, "DEMO-N02", None, instant(16, "10:30")),),
    )


SCENES: tuple[Callable[[Stage], Planted], ...] = (night_pulses, grown)
