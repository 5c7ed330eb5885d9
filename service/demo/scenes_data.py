"""Scenes about data: silence, outages, late, wrong, doubled and unknown readings. None of them may accuse a plant,
but for the one whose second account was not in the list."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from detectors.registry import Multiplier, Outage
from detectors.vocab import Kind, Quality, Rule
from service.demo.cast import BY_KEY, SOURCE_SMALL
from service.demo.expected import Expected, Planted
from service.demo.scenes_load import alert
from service.demo.season import SLOT_S, SLOTS, START_S, at, instant, shift_work, standstill
from service.demo.setting import add_channel, meter_id
from service.demo.stage import Channel, Record, Stage


def silent_for_good(stage: Stage) -> Planted:
    """The meter of a stopped plant falls silent on Friday morning and stays so."""
    stage.channel("S17").sent[at(17, "10:00") :] = False
    return Planted(
        "silent",
        ("DEMO-S17",),
        "石膏板二厂计量点失联",
        "a meter that falls silent",
        (_offline("DEMO-S17", (17, "12:00")),),
    )


def silent_at_start(stage: Stage) -> Planted:
    """A gap around the first minute of the order is itself suspicious: grade 2 at once."""
    stage.channel("S16").sent[at(14, "22:00") : at(15, "08:00")] = False
    return Planted(
        "silent_at_start",
        ("DEMO-S16",),
        "岩棉二厂停产令开始前后失联",
        "a gap that begins when the order begins",
        (_offline("DEMO-S16", (15, "00:00")),),
    )


def recollected(stage: Stage) -> Planted:
    """Six hours of silence, filled by re-collected readings the next morning: the alert is taken back."""
    lost = slice(at(16, "13:00"), at(16, "19:00"))
    channel = stage.channel("S18")
    channel.sent[lost] = False
    for slot in range(lost.start, lost.stop):
        stage.extra.append(reading(channel, slot, coll_s=instant(17, "09:20") + slot % 7, q=Quality.R))
    return Planted(
        "recollected",
        ("DEMO-S18",),
        "砖瓦五厂失联后补采，报警撤回",
        "silence, then re-collected readings: the alert is retracted",
        (replace(_offline("DEMO-S18", (16, "15:00")), is_retracted=True),),
    )


def corrected(stage: Stage) -> Planted:
    """A wrong ratio in the head-end shows 1.5 h at ten times the load; the utility corrects it the next day."""
    channel = stage.channel("S11")
    wrong = slice(at(17, "09:00"), at(17, "10:30"))
    true_kw = channel.load_kw[wrong].copy()
    channel.load_kw[wrong] = np.maximum(true_kw * 10, 0.8 * stage.running_kw("S11"))
    for slot in range(wrong.start, wrong.stop):
        wrong_reading = reading(channel, slot, coll_s=instant(18, "08:30"), q=Quality.E, rev=1)
        stage.extra.append(replace(wrong_reading, value=round(float(true_kw[slot - wrong.start]), channel.digits)))
    return Planted(
        "corrected",
        ("DEMO-S11",),
        "陶瓷二厂错误读数次日更正，报警撤回",
        "wrong readings corrected a day later: the alert is retracted",
        (
            replace(alert(stage, Rule.STOP_RUN, "S11", (17, "09:45")), is_retracted=True),
            replace(alert(stage, Rule.STEP_UP, "S11", (17, "10:00")), is_retracted=True),
        ),
    )


def second_account(stage: Stage) -> Planted:
    """Production on an account that the list does not know; its readings wait in quarantine until it does. Its kiln is
    cold after 24 h by its own plan."""
    stage.own_plan("S12", "11月15日24时前停窑", ramp_down_h=24.0)
    main, scale = stage.channel("S12"), stage.scales["S12"]
    measured = stage.templates["S12"]
    load_kw = 0.2 * standstill(measured, scale=scale, turn=3)
    run = slice(at(17, "23:00"), at(18, "03:00"))
    load_kw[run] = shift_work(measured, run.stop - run.start) * scale * 0.9
    meter = replace(main.meter, meter_id=meter_id(1201), account="DEMO001201")
    add_channel(stage, meter, load_kw)
    stage.unknown_until[meter.meter_id] = instant(19, "10:00")
    return Planted(
        "second_account",
        ("DEMO-S12",),
        "耐材二厂第二户号补录后发现夜间生产",
        "a night run on an account that the registry learns two days later",
        (
            alert(stage, Rule.STOP_RUN, "S12", (17, "23:45")),
            alert(stage, Rule.NIGHT_RUN, "S12", (17, "23:45")),
            alert(stage, Rule.STEP_UP, "S12", (18, "00:00")),
        ),
    )


def proven_zero(stage: Stage) -> Planted:
    """The plant is switched off at the main breaker: 0 kW with voltage is a stop, not a gap."""
    channel = stage.channel("S13")
    channel.load_kw[at(15, "06:00") :] = 0.0
    channel.voltage_v = 231.0 + 2.0 * np.sin(np.arange(SLOTS) / 11)
    return Planted("proven_zero", ("DEMO-S13",), "砖瓦三厂拉闸停产，零负荷有电压为证", "zero load, proven by voltage")


def power_cut(stage: Stage) -> Planted:
    """Zero without voltage for three hours: a power cut, not a stop and not a gap."""
    channel = stage.channel("S14")
    cut = slice(at(18, "02:00"), at(18, "05:00"))
    channel.load_kw[cut] = 0.0
    channel.voltage_v = 229.0 + 2.0 * np.sin(np.arange(SLOTS) / 13)
    channel.voltage_v[cut] = 0.0
    return Planted(
        "power_cut",
        ("DEMO-S14",),
        "铸造三厂停电（零负荷且无电压）",
        "a power cut: zero load without voltage",
        (_outage("DEMO-S14", (18, "02:15")),),
    )


def declared_outage(stage: Stage) -> Planted:
    """Declared works on the line for four hours: the meter reads 0 and is neither stopped nor violating."""
    stage.channel("S15").load_kw[at(16, "13:00") : at(16, "17:00")] = 0.0
    stage.outages.append(
        Outage(instant(16, "13:00"), instant(16, "17:00"), "演示供电公司停电公告", plant_id="DEMO-S15", kind="planned")
    )
    return Planted(
        "declared_outage",
        ("DEMO-S15",),
        "砖瓦四厂计划停电",
        "a declared outage",
        (_outage("DEMO-S15", (16, "13:15")),),
    )


def feed_down(stage: Stage) -> Planted:
    """A county's concentrator is down for four hours: the feed is at fault, no plant."""
    keys = [c.key for c in BY_KEY.values() if c.source == SOURCE_SMALL]
    feed = f"source:{SOURCE_SMALL}"
    for key in keys:
        stage.channel(key).sent[at(16, "02:00") : at(16, "06:00")] = False
    return Planted(
        "feed_down",
        (feed, *(f"DEMO-{k}" for k in keys)),
        "丙县采集通道中断，不指控任何企业",
        "a source that is down: no plant is accused",
        (Expected(Rule.FEED_DOWN, feed, None, instant(16, "02:15")),),
    )


def substituted(stage: Stage) -> Planted:
    """The head-end fills 1.5 h with a working day's mean: an estimate proves nothing."""
    channel = stage.channel("S19")
    filled = slice(at(18, "10:00"), at(18, "11:30"))
    channel.load_kw[filled] = 0.9 * stage.running_kw("S19")
    channel.q[filled] = Quality.S
    return Planted("substituted", ("DEMO-S19",), "铸造四厂系统补全值，不作证据", "substituted values under a stop")


def absurd_value(stage: Stage) -> Planted:
    """One value of four times the contract capacity: it counts as suspect and goes to the data team."""
    channel = stage.channel("S23")
    channel.load_kw[at(16, "11:00")] = 4 * (channel.meter.contract_kw or 0.0)
    return Planted(
        "absurd_value",
        ("DEMO-S23",),
        "玻璃棉一厂读数超合同容量四倍",
        "a value of four times the contract capacity",
        (Expected(Rule.BAD_DATA, "DEMO-S23", None, instant(16, "11:15")),),
    )


def duplicated(stage: Stage) -> Planted:
    """Every reading comes twice, and Thursday's once more as a re-collection of the same value."""
    channel = stage.channel("L06")
    stage.duplicated.add(channel.meter.meter_id)
    for slot in range(at(16, "00:00"), at(17, "00:00")):
        stage.extra.append(reading(channel, slot, coll_s=instant(17, "03:00") + slot % 60, q=Quality.R))
    return Planted("duplicated", ("DEMO-L06",), "钢铁三厂重复报送", "every reading twice, a day of them three times")


def out_of_order(stage: Stage) -> Planted:
    """Readings come up to an hour late, in disorder."""
    delays = (np.arange(SLOTS, dtype=np.int64) * 2654435761) % 3600
    stage.channel("L07").delay_s[:] = delays
    return Planted("out_of_order", ("DEMO-L07",), "轧钢二厂乱序迟到", "readings out of order, up to an hour late")


def changed_ratio(stage: Stage) -> Planted:
    """The current transformers are exchanged on Thursday: twice the ratio, half the secondary value."""
    channel = stage.channel("L12")
    when = instant(16, "10:00")
    channel.factor[at(16, "10:00") :] *= 2
    i = next(i for i, m in enumerate(stage.multipliers) if m.meter_id == channel.meter.meter_id)
    old = stage.multipliers[i]
    stage.multipliers[i : i + 1] = [
        replace(old, valid_to=when, asset_no="DEMO-CT-1"),
        Multiplier(old.meter_id, when, old.valid_to, old.factor * 2, "DEMO-CT-2"),
    ]
    return Planted(
        "changed_ratio", ("DEMO-L12",), "再生铜一厂更换互感器", "a current transformer exchanged in mid-season"
    )


def register(stage: Stage) -> Planted:
    """A meter that sends its energy register instead of power."""
    channel = stage.channel("L13")
    meter = replace(channel.meter, kind=Kind.ENERGY_REG, unit="kWh")
    stage.meters[stage.meters.index(channel.meter)] = meter
    stage.channels[meter.meter_id] = replace(channel, meter=meter, digits=2)
    return Planted("register", ("DEMO-L13",), "钢铁五厂报送表底示值", "an energy register instead of power")


def reading(channel: Channel, slot: int, *, coll_s: int, q: Quality, rev: int = 0) -> Record:
    """The reading of one slot of a power meter."""
    meter = channel.meter
    value = round(float(channel.load_kw[slot] / channel.factor[slot]), channel.digits)
    ts = START_S + SLOT_S * (slot + 1)
    return Record(meter.meter_id, ts, value, meter.kind, meter.unit, meter.scale, SLOT_S, q, rev, coll_s * 1000)


def _offline(scope: str, opened: tuple[int, str]) -> Expected:
    return Expected(Rule.OFFLINE, scope, None, instant(*opened))


def _outage(scope: str, opened: tuple[int, str]) -> Expected:
    return Expected(Rule.OUTAGE, scope, None, instant(*opened))


SCENES: tuple[Callable[[Stage], Planted], ...] = (
    silent_for_good,
    silent_at_start,
    recollected,
    corrected,
    second_account,
    proven_zero,
    power_cut,
    declared_outage,
    feed_down,
    substituted,
    absurd_value,
    duplicated,
    out_of_order,
    changed_ratio,
    register,
)
