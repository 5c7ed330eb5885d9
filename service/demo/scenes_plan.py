"""Scenes about what the plan makes of the office's rows: parts of a plant, approvals, turns, warning levels, and plants
that it does not reach. None but the one under a warning level may be accused."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from detectors.registry import Approval, Line, Meter, Rotation, Scope, ScopeMeter
from detectors.vocab import Control, Role, Rule, Scale
from service.demo.cast import BY_KEY
from service.demo.expected import Expected, Planted
from service.demo.measured import template
from service.demo.plan import ORANGE, YELLOW, warning_order_id
from service.demo.season import SEASON_S, at, instant, working_week
from service.demo.setting import add_channel, baseline, meter_id
from service.demo.stage import F64, Stage


def clinker_only(stage: Stage) -> Planted:
    """The plan stops the clinker line; grinding goes on beside it. The office has made the scope and its baseline."""
    main, scale = stage.channel("S10"), stage.scales["S10"]
    clinker_kw = main.load_kw.copy()
    clinker_kw[: at(15, "00:00")] *= 0.7
    grinding_kw = 0.6 * working_week(template("metalworking"), scale=scale, weeks=-1, phase=0)
    main.load_kw[at(15, "00:00") :] += grinding_kw[at(15, "00:00") :]
    meter = _line_meter(stage, "S10", "1", "熟料线", "process=clinker", clinker_kw, number=1001)
    stage.lines.append(Line("DEMO-S10-2", "DEMO-S10", "粉磨线", "line", attributes={"process": "grinding"}))
    scope = BY_KEY["S10"].scope_id
    stage.scopes.append(Scope(scope, "DEMO-S10", "熟料工序", "process"))
    stage.scope_meters.append(ScopeMeter(scope, meter.meter_id))
    stage.baselines.append(baseline(BY_KEY["S10"]))
    return Planted(
        "clinker_only", ("DEMO-S10", scope), "水泥一厂停熟料不停粉磨", "clinker stopped, grinding runs as it may"
    )


def one_kiln(stage: Stage) -> Planted:
    """Brick kiln and aerated concrete in one plant: the plan's bracket takes out the second line, and the first gets an
    order and a scope of its own, judged by the residual load of the plant's own plan."""
    main = stage.channel("S21")
    kiln_kw = main.load_kw.copy()
    blocks_kw = 0.4 * working_week(template("metalworking"), scale=stage.scales["S21"], weeks=-2, phase=0)
    main.load_kw[at(15, "00:00") :] += blocks_kw[at(15, "00:00") :]
    _line_meter(stage, "S21", "1", "砖窑", "product=brick;fuel=coal", kiln_kw, number=2101)
    attributes = {"product": "aerated_concrete", "raw_material": "fly_ash", "energy_switch": "done", "enclosed": "yes"}
    stage.lines.append(Line("DEMO-S21-2", "DEMO-S21", "加气块线", "line", attributes=attributes))
    stage.own_plan("S21", "砖窑停产", line_id="DEMO-S21-1", residual_kw=round(0.35 * stage.running_kw("S21")))
    stage.baselines.append(replace(baseline(BY_KEY["S21"]), scope_id="DEMO-S21"))
    return Planted(
        "one_kiln",
        ("DEMO-S21", "DEMO-S21-1"),
        "砖瓦六厂停砖窑，加气块线依方案不停",
        "one of two lines is stopped, the other one is taken out by the plan's bracket",
    )


def approved_heat(stage: Stage) -> Planted:
    """Two plants with a task of livelihood: an approved load takes the place of their stop or limit. One of the two was
    approved by another office than the clause names, which an audit tells and no verdict."""
    for key, task, number, office in (("C01", "waste", 3, "演示市政府"), ("C02", "heating", 4, "郑州市人民政府")):
        max_kw = round(0.8 * stage.running_kw(key))
        row = Approval(f"DEMO-{key}", SEASON_S, task, max_kw, office, f"演示批复{number}号", filed_with="省攻坚办")
        stage.approvals.append(row)
    return Planted(
        "approved_heat",
        ("DEMO-C01",),
        "水泥三厂协同处置，按核定负荷运行",
        "a cement kiln that burns waste runs under its approved load",
    )


def own_reduction(stage: Stage) -> Planted:
    """The plant's own plan cuts more than the clause, which is a minimum."""
    stage.own_plan("L14", "限产25%", reduction=0.25)
    return Planted("own_reduction", ("DEMO-L14",), "轧钢四厂按一厂一策限产 25%", "a plant's own, larger cut, kept")


def turn(stage: Stage) -> Planted:
    """A kiln runs in its turn; the plan makes an exemption of it. The other kiln of its group comes after the story."""
    stage.works("S20", at(18, "08:00"), at(18, "18:00"))
    for key, first, last in (("S20", 18, 19), ("S11", 25, 26)):
        begin, end = instant(first, "06:00"), instant(last, "18:00")
        stage.rotations.append(Rotation(f"DEMO-{key}", begin, end, "演示陶瓷一组", "演示轮产计划", "演示市工信委"))
    return Planted("turn", ("DEMO-S20",), "陶瓷三厂轮产期间生产", "full work in the plant's turn")


def orange_level(stage: Stage) -> Planted:
    """A county's warning: yellow on the 17th, orange for the weekend. The mill's own plan is to stop under orange, and
    it does."""
    stage.episodes += [YELLOW, ORANGE]
    stage.own_plan("L16", "橙色预警停轧", level="orange", control=Control.STOP)
    idle = stage.templates["L16"].idle_kw * stage.scales["L16"]
    load = stage.channel("L16").load_kw[at(18, "00:00") : at(20, "00:00")]
    np.minimum(load, 0.9 * idle, out=load)
    return Planted(
        "orange_level", ("DEMO-L16",), "轧钢五厂执行橙色预警停产", "a stricter order on top for two days, obeyed"
    )


def warned_only(stage: Stage) -> Planted:
    """The season takes cold rolling and grinding out; the warning does not, and both throttle."""
    for key in ("N03", "N04"):
        stage.channel(key).load_kw[at(17, "00:00") : at(20, "00:00")] *= 0.35
        stage.baselines.append(baseline(BY_KEY[key]))
    return Planted(
        "warned_only",
        ("DEMO-N03", "DEMO-N04"),
        "冷轧、粉磨站不在错峰之列，执行预警限产",
        "taken out of the season, limited by the warning, and kept",
    )


def power_limit_broken(stage: Stage) -> Planted:
    """A clean electric foundry is free in the season. Under a yellow warning it may draw 80 % of its load; it works at
    full load for three hours."""
    stage.channel("N05").load_kw[at(17, "00:00") : at(20, "00:00")] *= 0.45
    stage.works("N05", at(17, "08:00"), at(17, "11:00"))
    stage.baselines.append(baseline(BY_KEY["N05"]))
    order_id = warning_order_id(YELLOW, "DEMO-N05")
    return Planted(
        "power_limit_broken",
        ("DEMO-N05",),
        "电炉铸造一厂黄色预警期间三小时超限产负荷",
        "a warning's power limit broken for three hours",
        (
            Expected(Rule.LIMIT_SLOT, "DEMO-N05", order_id, instant(17, "09:30")),
            Expected(Rule.STEP_UP, "DEMO-N05", order_id, instant(17, "09:00")),
        ),
    )


def beyond_the_plan(_: Stage) -> Planted:
    """Nothing to do: plants at work without an order. A trade that is not in the plan; a missing attribute (is it rock
    wool or glass wool?); a plant that the list leaves out."""
    return Planted(
        "beyond_the_plan",
        ("DEMO-N01", "DEMO-N06", "DEMO-N07"),
        "行业不在方案、属性不明、未列入清单的企业：没有停限产令",
        "trade not in the plan, attribute missing, not on the list: no order, nobody accused",
    )


def _line_meter(stage: Stage, key: str, line: str, name: str, attributes: str, load_kw: F64, *, number: int) -> Meter:
    """A line of a plant with a meter that the plant's sum does not count."""
    line_id = f"DEMO-{key}-{line}"
    known = dict(part.split("=") for part in attributes.split(";"))
    stage.lines.append(Line(line_id, f"DEMO-{key}", name, "line", attributes=known))
    meter: Meter = replace(
        stage.channel(key).meter,
        meter_id=meter_id(number),
        line_id=line_id,
        role=Role.LINE,
        scale=Scale.PRIMARY,
        account=None,
    )
    add_channel(stage, meter, load_kw)
    return meter


SCENES: tuple[Callable[[Stage], Planted], ...] = (
    clinker_only,
    one_kiln,
    approved_heat,
    own_reduction,
    turn,
    orange_level,
    warned_only,
    power_limit_broken,
    beyond_the_plan,
)
