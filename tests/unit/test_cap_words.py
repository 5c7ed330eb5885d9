"""One slot's cap in sentences: the numbers are those of the judgement, both languages say the same."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from detectors.registry import (
    FOREVER,
    Baseline,
    Exemption,
    Line,
    Meter,
    Order,
    Plant,
    Registry,
    Scope,
    ScopeMeter,
)
from detectors.vocab import Control, Measure, Role
from detectors.world import compile_world
from service.plans.cap_at import HOLDING, OrderState, scope_at
from service.plans.cap_words import About, Sentence, explained
from service.plans.word_parts import basis, clock, kw, number, order_span, share, span
from tests.oracles.rows import World
from tests.oracles.strategies import worlds

HOUR = 3600
DAY = 24 * HOUR
#: 2017-11-15 00:00 in Shanghai.
START = int(datetime(2017, 11, 14, 16, tzinfo=UTC).timestamp())
ZONE = "Asia/Shanghai"
R = Baseline("P", "2017-10", 0, 1000.0, idle_kw=30.0, day_kwh=12000.0, approved_by="市工信委")
STOP = Order("S", "P", Control.STOP, START, START + 10 * DAY, ramp_down_h=0, document="方案", clause="三(一)3")
LIMIT = Order("L", "P", Control.LIMIT, START, START + 10 * DAY, reduction=0.3, document="方案", clause="三(二)1")


def said(
    *orders: Order, baselines: tuple[Baseline, ...] = (R,), at: int = START + 10 * HOUR, **rows: Any
) -> tuple[Sentence, ...]:
    """Sentences about the plant's own scope at a time."""
    registry = Registry(plants=(Plant("P", "厂", "county"),), orders=orders, baselines=baselines, **rows)
    return explained(scope_at(compile_world(registry), "P", at // 900))


def about(sentences: tuple[Sentence, ...], *kinds: About) -> list[tuple[str, str]]:
    """The words of some kinds."""
    return [(s.zh, s.en) for s in sentences if s.about in kinds]


def test_a_stop_adds_up() -> None:
    sentences = said(replace(STOP, residual_kw=80.0))
    assert [s.about for s in sentences] == [About.STATE, About.ORDER, About.BASELINE, About.CAP, About.TOLERANCE]
    assert about(sentences, About.STATE, About.CAP, About.TOLERANCE) == [
        ("2017-11-15 10:00 至 10:15：允许负荷 130 kW。", "2017-11-15 10:00 to 10:15: cap 130 kW."),
        (
            "允许负荷 = 令中保安负荷 80 kW + 余量 5% × R = 50 kW，合计 130 kW。",
            "Cap = residual load of the order 80 kW + margin 5% of R = 50 kW, together 130 kW.",
        ),
        (
            "容差为 0（余量已含在内）：高于 130 kW 即为超。",
            "Tolerance 0 (the margin is in the cap): above 130 kW is over.",
        ),
    ]
    assert about(sentences, About.ORDER) == [
        (
            "依据停产令“S”（第1版），方案 三(一)3：2017-11-15 00:00 至 2017-11-25 00:00。",
            "By the stop order “S” (revision 1), 方案, clause 三(一)3: 2017-11-15 00:00 to 2017-11-25 00:00.",
        )
    ]


def test_a_stop_by_the_idle_load_and_without_any() -> None:
    (known,) = about(said(STOP), About.CAP)
    assert "停产负荷 30 kW + 余量 5% × R = 50 kW，合计 80 kW" in known[0]
    unknown = said(STOP, baselines=(replace(R, idle_kw=None),))
    (cap,) = about(unknown, About.CAP)
    assert "15% × R = 150 kW" in cap[0]
    assert "50% of R = 500 kW unknown" in cap[1]
    (missing,) = about(unknown, About.MISSING)
    assert "residual load" in missing[1]
    assert about(unknown, About.TOLERANCE) == []
    (bare,) = about(said(replace(STOP, residual_kw=80.0), baselines=()), About.CAP)
    assert bare[1] == "Cap = residual load of the order 80 kW (no baseline: margin 0)."


def test_without_a_baseline_it_is_said_what_is_missing() -> None:
    sentences = said(STOP, baselines=())
    assert [s.about for s in sentences] == [About.STATE, About.ORDER, About.MISSING]
    assert "无法给出允许负荷" in sentences[0].zh
    assert "基准负荷" in sentences[2].zh


def test_a_reduction_is_no_share() -> None:
    sentences = said(LIMIT)
    (cap,) = about(sentences, About.CAP)
    assert cap[0] == "允许负荷：限产 30%，即允许 70%：70% × 基准负荷 1,000 kW = 700 kW。"
    assert [zh for zh, _ in about(sentences, About.TOLERANCE)] == [
        "日电量容差 3%：超过 8,652 kWh 才为违规。",
        "容差 5%：高于 735 kW 才为超。",
    ]


def test_an_energy_limit_speaks_of_the_day() -> None:
    sentences = said(replace(LIMIT, measure=Measure.ENERGY))
    assert "当日允许 8,400 kWh" in sentences[0].zh
    (cap,) = about(sentences, About.CAP)
    assert "being over it is no violation" in cap[1]
    (day,) = about(sentences, About.DAY_CAP)
    assert "8,400 kWh" in day[0]
    without = said(replace(LIMIT, measure=Measure.ENERGY), baselines=(replace(R, day_kwh=None),))
    assert "no cap can be given" in without[0].en
    (missing,) = about(without, About.MISSING)
    assert "日电量" in missing[0]


def test_an_approved_load_needs_no_baseline() -> None:
    sentences = said(
        Order("C", "P", Control.CAP, START, FOREVER, cap_kw=400.0, level="red", rulebook="r"), baselines=()
    )
    assert [s.about for s in sentences] == [About.STATE, About.ORDER, About.CAP, About.TOLERANCE]
    assert "高于 408 kW" in sentences[3].zh
    assert "未登记文件和条款，预警级别 red：自 2017-11-15 00:00 起，由方案 r 生成" in sentences[1].zh


LINES = tuple(Line(f"L{n}", "P", f"{n}号线", unit_kw=100.0 * n) for n in (1, 2, 3))
UNITS = Order("U", "P", Control.UNITS, START, FOREVER, reduction=0.5)


def test_units_are_counted_or_estimated_or_neither() -> None:
    meters = tuple(Meter(f"m{n}", "P", f"L{n}", role=Role.LINE) for n in (1, 2, 3))
    counted = said(UNITS, lines=LINES, meters=meters)
    assert counted[0].en.endswith("lines or cells that may run: 1.")
    words = [zh for zh, _ in about(counted, About.UNITS)]
    assert words[0] == "共 3 条（台），允许运行 1：3 × (1 − 50%) 向下取整。"
    assert words[1].startswith("逐线计数")
    assert words[2] == "生产线：1号线 1 × 100 kW、2号线 1 × 200 kW、3号线 1 × 300 kW。"
    estimated = [zh for zh, _ in about(said(UNITS, lines=LINES), About.UNITS)]
    assert "不高于 130 kW 必然未超，高于 530 kW 必然超出" in estimated[1]
    neither = said(UNITS, lines=tuple(replace(line, unit_kw=None) for line in LINES))
    assert "no cap can be given" in neither[0].en
    assert "单台负荷未知" in about(neither, About.UNITS)[1][0]
    (missing,) = about(neither, About.MISSING)
    assert "counted nor estimated" in missing[1]


def test_coking_time_is_told_by_pushes_only() -> None:
    coking = Order("K", "P", Control.COKING, START, FOREVER, reduction=0.25)
    (missing,) = about(said(coking), About.MISSING)
    assert "electricity cannot decide" in missing[1].lower()
    pushes = said(
        coking,
        meters=(Meter("m", "P"),),
        scopes=(Scope("P", "P", "推焦", "pushes"),),
        scope_meters=(ScopeMeter("P", "m"),),
    )
    assert "当日允许 9,000 kWh" in pushes[0].zh


def test_exemptions_name_approver_and_document() -> None:
    raised = Exemption("P", START, START + DAY, "保温", "市政府", max_kw=300.0, document="批1号")
    sentences = said(STOP, exemptions=(raised,))
    assert sentences[0].zh.endswith("允许负荷 300 kW。")
    assert about(sentences, About.CAP)[0][0].endswith("合计 80 kW；豁免允许至 300 kW，取较高者。")
    (words,) = about(sentences, About.EXEMPTION)
    assert words[0] == (
        "豁免（保温）：2017-11-15 00:00 至 2017-11-16 00:00，允许至 300 kW，批准人 市政府，文件 批1号。"
    )
    lifted = said(STOP, exemptions=(replace(raised, max_kw=None, document=None),))
    assert lifted[0].en.endswith("exempt, there is no cap.")
    assert [s.about for s in lifted] == [About.STATE, About.BESIDE, About.EXEMPTION]
    assert "未登记文件" in lifted[2].zh
    for level, order_id, count in (("red", None, 0), ("red", "S", 1), (None, "other", 0)):
        exemption = replace(raised, order_id=order_id)
        assert len(about(said(replace(STOP, level=level), exemptions=(exemption,)), About.EXEMPTION)) == count


@pytest.mark.parametrize(
    "other, zh",
    [
        (LIMIT, "允许负荷 700 kW 较高，最严者占用本时段"),
        (replace(STOP, order_id="T"), "允许负荷 80 kW 相同，按停产、核定、台数、限产和令号的次序排在后面"),
        (replace(LIMIT, measure=Measure.ENERGY), "按日电量判定，与占用本时段的负荷令同时考核"),
        (
            replace(STOP, order_id="T", valid_from=START + 9 * HOUR, ramp_down_h=4.0, residual_kw=1.0),
            "降负荷宽限至 2017-11-15 13:00",
        ),
        (replace(LIMIT, daily_from_s=79200, daily_to_s=21600), "本时段不在其每日时间内"),
        (replace(LIMIT, valid_from=START + 10 * HOUR + 300), "只覆盖本时段的一部分"),
        (replace(LIMIT, reduction=None), "缺少：限产比例"),
    ],
    ids=["higher", "tie", "energy", "grace", "window", "partial", "unknown"],
)
def test_why_another_order_does_not_take_the_slot(other: Order, zh: str) -> None:
    sentences = said(STOP, other)
    assert sentences[0].zh.endswith("允许负荷 80 kW。")
    (beside,) = about(sentences, About.BESIDE)
    assert zh in beside[0]


def test_before_and_after_every_order() -> None:
    before = said(STOP, at=START - HOUR)
    assert [s.about for s in before] == [About.STATE, About.BESIDE]
    assert "没有停限产令" in before[0].zh
    assert "下一道令：停产令“S”" in before[1].zh
    withdrawn = replace(STOP, revision=2, valid_to=START)
    assert [s.about for s in said(STOP, withdrawn)] == [About.STATE]
    assert [s.about for s in said(STOP, at=START + 20 * DAY)] == [About.STATE]
    (partial, *_) = said(replace(STOP, valid_from=START + 10 * HOUR + 300))
    assert "只覆盖本时段的一部分" in partial.zh
    (grace, *_) = said(replace(STOP, ramp_down_h=24.0))
    assert "降负荷宽限期内" in grace.zh


def test_pieces() -> None:
    assert number(1003.7, "kW") == "1,003.7 kW"
    assert kw(0.0) == "0 kW"
    assert kw(100.0) == "100 kW"
    assert (share(0.2), share(0.29166667), share(1.0)) == ("20%", "29.17%", "100%")
    assert (clock(79200), clock(86400), clock(61)) == ("22:00", "24:00", "00:01:01")
    assert span(START, START + HOUR, ZONE) == ("2017-11-15 00:00 至 01:00", "2017-11-15 00:00 to 01:00")
    assert order_span(replace(STOP, daily_from_s=79200, daily_to_s=21600), ZONE)[1].endswith(", daily 22:00 to 06:00")
    assert basis(replace(STOP, clause=None)) == ("方案", "方案")


def _numbers(text: str) -> Counter[str]:
    return Counter(n.rstrip(".,:-") for n in re.findall(r"\d[\d,.:-]*", text))


@settings(
    max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(world=worlds(with_registers=False))
def test_sentences_hold_the_caps_of_the_judgement_in_both_languages(world: World) -> None:
    named = world.day_types if isinstance(world.day_types, dict) else {}

    def day_type(day: date) -> str:
        return str(named.get(day, "workday"))

    compiled = compile_world(world.registry, world.slot_s, day_type)
    zone = ZoneInfo(world.registry.zone)
    for order in world.registry.orders[:2]:
        for at_s in (order.valid_from - 900, order.valid_from + 300, order.valid_from + 5 * HOUR):
            at = scope_at(compiled, order.scope_id, at_s // world.slot_s)
            sentences = explained(at)
            assert sentences[0].about == About.STATE
            assert datetime.fromtimestamp(at.start_s, zone).strftime("%Y-%m-%d %H:%M") in sentences[0].zh
            for sentence in sentences:
                assert _numbers(sentence.zh) == _numbers(sentence.en), sentence
            caps = [s for s in sentences if s.about == About.CAP]
            assert len(caps) == (at.cap_kw is not None)
            assert all(kw(at.cap_kw or 0) in words for s in caps for words in (s.zh, s.en)), (caps, at.cap_kw)
            beside = [s.order_id for s in sentences if s.about == About.BESIDE and s.order_id]
            assert beside == [o.order.order_id for o in at.orders if o.state in HOLDING and o.state != OrderState.TAKES]
