"""Scenes about what plants do: each plants one thing on the stage and says what must be found.

Shares are of the plant's R (running_kw of its baseline). What is added is measured full work (``Stage.works``) or a
constant block (``Stage.block``); the arithmetic that places each alert is in ``docs/demo.md``.
"""

from dataclasses import replace

import numpy as np

from detectors.registry import Exemption, Line, Meter
from detectors.vocab import Kind, Role, Rule, Scale
from service.demo.expected import Expected, Planted
from service.demo.season import SLOTS, at, instant
from service.demo.setting import add_channel, meter_id
from service.demo.stage import Stage


def alert(stage: Stage, rule: Rule, key: str, opened: tuple[int, str]) -> Expected:
    """An alert on the order of plant ``key`` that becomes certain at the slot that ends on a day at a time."""
    return Expected(rule, f"DEMO-{key}", stage.order_id(key), instant(*opened))


def honest_stop(stage: Stage) -> Planted:
    """Nothing to do: the plant stands still from the first minute."""
    return Planted("honest_stop", ("DEMO-S01",), "砖瓦一厂如实停产", "an honest stop")


def night_run(stage: Stage) -> Planted:
    """Four hours over midnight: 8 slots a day, under the 16 of `hours_over` and the energy of `stop_day`. The plant's
    own plan gives its kiln 4 h to come to rest; the plan's default is 48."""
    stage.own_plan("S02", "11月14日24时前停炉", ramp_down_h=4.0)
    stage.works("S02", at(16, "22:00"), at(17, "02:00"))
    return Planted(
        "night_run",
        ("DEMO-S02",),
        "砖瓦二厂昼停夜开",
        "a night run against a stop",
        (
            alert(stage, Rule.STOP_RUN, "S02", (16, "22:45")),
            alert(stage, Rule.NIGHT_RUN, "S02", (16, "22:45")),
            alert(stage, Rule.STEP_UP, "S02", (16, "23:00")),
        ),
    )


def long_run(stage: Stage) -> Planted:
    """Ten hours: 16 over slots on the Saturday, 24 on the Sunday."""
    stage.works("S03", at(18, "20:00"), at(19, "06:00"))
    return Planted(
        "long_run",
        ("DEMO-S03",),
        "陶瓷一厂周末通宵生产",
        "a whole night of a weekend: two days reach 4 h over the cap",
        (
            alert(stage, Rule.STOP_RUN, "S03", (18, "20:45")),
            alert(stage, Rule.STEP_UP, "S03", (18, "21:00")),
            alert(stage, Rule.HOURS_OVER, "S03", (19, "00:00")),
            alert(stage, Rule.HOURS_OVER, "S03", (19, "04:00")),
        ),
    )


def duty_cycle(stage: Stage) -> Planted:
    """Half an hour on, half an hour off: never 3 of 4."""
    slots = np.arange(at(17, "08:00"), at(17, "18:00"))
    stage.block("S04", slots[(slots - slots[0]) % 4 < 2], 0.3)
    return Planted(
        "duty_cycle",
        ("DEMO-S04",),
        "铸造一厂间歇生产（开半小时停半小时）",
        "a duty cycle under a stop that n-of-m never sees",
        (alert(stage, Rule.HOURS_OVER, "S04", (17, "15:30")),),
    )


def pulses(stage: Stage) -> Planted:
    """One slot in six at full load, 14 of them: the day's energy shows it."""
    stage.block("S05", np.arange(at(16, "00:30"), at(16, "21:30"), 6), 1.0)
    return Planted(
        "pulses",
        ("DEMO-S05",),
        "铸造二厂短时冲击生产，日电量超停产水平",
        "short pulses under a stop: only the day's energy shows them",
        (alert(stage, Rule.STOP_DAY, "S05", (16, "15:45")),),
    )


def approved_residual(stage: Stage) -> Planted:
    """Treatment and security load at 0.40 R under an approved residual of 0.45 R; its kiln is cold after 8 h."""
    stage.block("S06", slice(at(15, "00:00"), SLOTS), 0.2)
    stage.own_plan("S06", "停窑，保留治理设施", residual_kw=round(0.45 * stage.running_kw("S06")), ramp_down_h=8.0)
    return Planted(
        "approved_residual", ("DEMO-S06",), "耐材一厂经核准的保安负荷", "an approved residual load under a stop"
    )


def raised_cap(stage: Stage) -> Planted:
    """A day at half load under an exemption up to 0.7 R."""
    stage.block("S07", slice(at(17, "06:00"), at(18, "06:00")), 0.4)
    stage.exemptions.append(
        Exemption(
            "DEMO-S07",
            instant(17, "06:00"),
            instant(18, "06:00"),
            "窑炉保温",
            "演示市政府",
            max_kw=round(0.7 * stage.running_kw("S07")),
            document="演示批复1号",
        )
    )
    return Planted(
        "raised_cap", ("DEMO-S07",), "岩棉一厂豁免期内提高允许负荷", "an exemption that raises the cap for a day"
    )


def exempt_day(stage: Stage) -> Planted:
    """Ten hours of full work under an exemption without a cap."""
    stage.works("S08", at(16, "08:00"), at(16, "18:00"))
    stage.exemptions.append(
        Exemption(
            "DEMO-S08", instant(16, "08:00"), instant(16, "18:00"), "民生保供", "演示市政府", document="演示批复2号"
        )
    )
    return Planted("exempt", ("DEMO-S08",), "石膏板一厂豁免生产", "full work under an exemption without a cap")


def kiln_cools(stage: Stage) -> Planted:
    """A furnace that may take 24 h by its own plan, 72 by the plan's default, and takes 20."""
    fall = np.linspace(0.8, 0.05, at(15, "20:00") - at(15, "00:00"))
    stage.channel("S09").load_kw[at(15, "00:00") : at(15, "20:00")] += fall * stage.running_kw("S09")
    stage.own_plan("S09", "焙烧炉24小时内降温停炉", ramp_down_h=24.0)
    return Planted("kiln_cools", ("DEMO-S09",), "碳素一厂窑炉 24 小时内降负荷", "a kiln cooling down within its 24 h")


def limit_kept(stage: Stage) -> Planted:
    """Nothing to do: the plant runs at half of its curve."""
    return Planted("limit_kept", ("DEMO-L01",), "钢铁一厂如实限产 20%", "an energy limit that is kept")


def limit_broken(stage: Stage) -> Planted:
    """Thursday and Friday at full production."""
    plant = stage.channel("L02")
    plant.load_kw[at(16, "00:00") : at(18, "00:00")] *= 1.05 / 0.5
    expected = (
        alert(stage, Rule.LIMIT_PACE, "L02", (16, "13:45")),
        alert(stage, Rule.LIMIT_DAY, "L02", (16, "15:30")),
        alert(stage, Rule.LIMIT_PACE, "L02", (17, "16:15")),
        alert(stage, Rule.LIMIT_DAY, "L02", (17, "18:45")),
    )
    return Planted(
        "limit_broken", ("DEMO-L02",), "钢铁二厂两日超限产电量", "an energy limit broken on two days", expected
    )


def limit_warned(stage: Stage) -> Planted:
    """Friday ends at 97 % of the day cap: the pace of the afternoon would have broken it."""
    plant, base = stage.channel("L03"), next(b for b in stage.baselines if b.scope_id == "DEMO-L03")
    day = slice(at(17, "00:00"), at(18, "00:00"))
    plant.load_kw[day] *= 0.97 * 0.8 * (base.day_kwh or 0.0) / (plant.load_kw[day].sum() / 4)
    return Planted(
        "limit_warned",
        ("DEMO-L03",),
        "轧钢一厂当日用电节奏预警，最终未超",
        "a pace warning; the limit is kept in the end",
        (alert(stage, Rule.LIMIT_PACE, "L03", (17, "18:45")),),
    )


def fourth_furnace(stage: Stage) -> Planted:
    """Two of four furnaces may run; for three hours all four do. No line has a meter: the plant's load tells."""
    stage.works("L05", at(17, "08:00"), at(17, "11:00"))
    return Planted(
        "fourth_furnace",
        ("DEMO-L05",),
        "再生铝一厂三小时四炉齐开",
        "four furnaces where two may run, estimated from the plant's load",
        (alert(stage, Rule.UNITS_OVER, "L05", (17, "08:45")),),
    )


def cap_broken(stage: Stage) -> Planted:
    """One hour above the kW that were approved for heating residents."""
    stage.works("C02", at(18, "19:00"), at(18, "20:00"), 1.1)
    return Planted(
        "cap_broken",
        ("DEMO-C02",),
        "钢铁八厂（承担居民供暖）超核定负荷一小时",
        "a plant that heats residents exceeds its approved load for an hour",
        (alert(stage, Rule.CAP_ABS, "C02", (18, "19:30")), alert(stage, Rule.STEP_UP, "C02", (18, "20:00"))),
    )


def third_line(stage: Stage) -> Planted:
    """Two of three lines may run; each has a meter that the plant's sum does not count. The third runs a night."""
    main = stage.channel("U01")
    unit_kw = round(stage.running_kw("U01") / 3)
    full, rest = 0.93 * unit_kw, 0.03 * unit_kw
    main.load_kw[:] = 0.05 * stage.running_kw("U01")
    for number in (1, 2, 3):
        load = np.full(SLOTS, full)
        if number == 3:
            load[at(15, "00:00") :] = rest
            load[at(17, "22:00") : at(18, "02:00")] = full
        main.load_kw += load
        line = Line(f"DEMO-U01-{number}", "DEMO-U01", f"氧化铝{number}号线", kind="line", units=1, unit_kw=unit_kw)
        stage.lines.append(line)
        meter: Meter = replace(
            main.meter,
            meter_id=meter_id(1600 + number),
            line_id=line.line_id,
            role=Role.LINE,
            scale=Scale.PRIMARY,
            account=None,
        )
        add_channel(stage, meter, load)
    return Planted(
        "third_line",
        ("DEMO-U01",),
        "氧化铝一厂夜间多开一条线",
        "a third line by night where two may run, counted from the meters of the lines",
        (alert(stage, Rule.UNITS_OVER, "U01", (17, "22:45")),),
    )


def undecidable(stage: Stage) -> Planted:
    """Coking time without a count of pushes: electricity of the whole plant cannot decide, so nobody is accused."""
    return Planted("undecidable", ("DEMO-K01",), "焦化按出焦时间：不能判定", "a kind of control that cannot be decided")


def own_generation(stage: Stage) -> Planted:
    """Own generation hides nothing: supply + generation - reverse."""
    main = stage.channel("L15")
    total = main.load_kw.copy()
    hours = (np.arange(SLOTS) % 96) / 4
    generation = np.where((hours >= 9) & (hours < 16), 0.3 * stage.running_kw("L15"), 0.0)
    main.load_kw[:] = np.maximum(total - generation, 0.0)
    for number, role, load in (
        (1501, Role.GENERATION, generation),
        (1502, Role.REVERSE, np.maximum(generation - total, 0.0)),
    ):
        meter: Meter = replace(
            main.meter, meter_id=meter_id(number), role=role, scale=Scale.PRIMARY, kind=Kind.POWER_AVG, account=None
        )
        add_channel(stage, meter, load)
    return Planted("own_generation", ("DEMO-L15",), "钢铁六厂自发电计入用电", "own generation counted, the limit kept")


SCENES = (
    honest_stop,
    night_run,
    long_run,
    duty_cycle,
    pulses,
    approved_residual,
    raised_cap,
    exempt_day,
    kiln_cools,
    limit_kept,
    limit_broken,
    limit_warned,
    fourth_furnace,
    cap_broken,
    third_line,
    undecidable,
    own_generation,
)
