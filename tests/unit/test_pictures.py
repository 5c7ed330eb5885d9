"""Pictures of evidence: what is measured is drawn, what is not is a gap, and the same input gives the same bytes."""

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from detectors.registry import Baseline, Exemption, Order, Plant
from detectors.vocab import Control, Reason, Rule, Verdict, code
from detectors.world import World, compile_world
from service.db.scope_days_read import SlotView
from service.pictures.alert_span import alert_slots
from service.pictures.drawing import draw
from service.pictures.evidence import QUALITY_OF_REASON, PictureOfEvidence, evidence
from service.pictures.frame import Frame, flowed, rows_for, runs
from service.pictures.markup import clean, element, text_width, wrapped
from service.pictures.scales import date_labels, time_ticks, value_axis
from service.pictures.styles import BANDS, LINES, QUALITIES
from service.pictures.words import LANGUAGES, word
from tests.cases.worlds import DAY0, at, baseline, energy_limit, registry, stop

FIRST = DAY0 // 900
ZONE = ZoneInfo("Asia/Shanghai")
SVG = "{http://www.w3.org/2000/svg}"
ALERT: dict[str, Any] = {
    "rule": "stop_run",
    "first_slot_end": "2017-11-15T01:15:00+08:00",
    "opened_at_slot_end": "2017-11-15T01:45:00+08:00",
    "last_slot_end": "2017-11-15T02:00:00+08:00",
    "closed_slot_end": "2017-11-15T02:30:00+08:00",
    "summary": {"zh": "某厂:停产期间运行。", "en": "A plant ran under a stop order."},
}


def world_of(*orders: Order, name: str = "某某铸造厂", **tables: Any) -> World:
    return compile_world(registry(*(orders or (stop(),)), plants=[Plant("P", name, "登封市")], **tables), 900)


def view(slot: int, load_kw: float | None, **fields: Any) -> SlotView:
    """A judged slot; without a load nothing of it is measured."""
    known = {"coverage": 0.0 if load_kw is None else 1.0, "cap_kw": 70.0, "verdict": "compliant", "reasons": []}
    if load_kw is None:
        known |= {"verdict": "unknown", "reasons": ["missing"]}
    return SlotView(**{"slot": slot, "load_kw": load_kw, "order_id": "O", "baseline_version": "v1", **known, **fields})


def picture(
    *loads: float | None, world: World | None = None, alert: dict[str, Any] | None = None, n: int = 0, **fields: Any
) -> PictureOfEvidence:
    """Slots from midnight on, one a load; ``n``: how many are shown, at least those."""
    views = [view(FIRST + i, load, **fields) for i, load in enumerate(loads)]
    return evidence(world or world_of(), "P", views, FIRST, max(n, len(loads)), alert)


def paths(svg: str) -> dict[str, list[str]]:
    """Path data by line, told by its look; legend strokes left out."""
    found: dict[str, list[str]] = {name: [] for name in LINES}
    for node in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        if "h20" in node.attrib["d"]:
            continue
        for name, look in LINES.items():
            wanted = {key.replace("_", "-"): str(value) for key, value in look.items()}
            if {k: node.attrib.get(k) for k in ("stroke", "stroke-width", "stroke-dasharray")} == {
                k: wanted.get(k) for k in ("stroke", "stroke-width", "stroke-dasharray")
            }:
                found[name].append(node.attrib["d"])
    return found


def test_a_gap_is_a_gap_and_never_zero() -> None:
    """Known, silent, known: two pieces, and no vertical move between them."""
    shown = picture(100.0, 100.0, None, None, 50.0)
    svg = draw(shown, "zh")
    (path,) = paths(svg)["load"]
    pieces = [p for p in path.split("M") if p]
    assert len(pieces) == 2
    assert all("V" not in piece for piece in pieces)
    frame = Frame(5, value_axis([1000.0]), 88.0, 338.0)
    assert not path.endswith(f"{frame.y(0):g}")
    ends = [float(re.findall(r"H([\d.]+)", piece)[-1]) for piece in pieces]
    starts = [float(piece.split(" ")[0]) for piece in pieces]
    assert starts[1] - ends[0] == pytest.approx(2 * (ends[0] - starts[0]) / 2, abs=0.2)
    assert "缺数" in svg


def test_nothing_measured_draws_no_load() -> None:
    assert paths(draw(picture(None, None, None), "en"))["load"] == []
    assert paths(draw(picture(n=4), "en"))["load"] == []


def test_a_lower_bound_is_dashed_and_said() -> None:
    svg = draw(picture(400.0, 400.0, coverage=0.5, verdict="violating", reasons=["incomplete"]), "en")
    drawn = paths(svg)
    assert drawn["load"] == []
    assert len(drawn["bound"]) == 1
    assert "load, lower bound" in svg
    assert "part of the meters" in svg


def test_cap_baseline_and_idle_are_drawn_from_the_registry_where_nothing_is_judged() -> None:
    drawn = paths(draw(picture(n=8), "zh"))
    assert (len(drawn["cap"]), len(drawn["running"]), len(drawn["idle"])) == (1, 1, 1)
    without = paths(draw(picture(n=8, world=world_of(baselines=[])), "zh"))
    assert (without["running"], without["idle"]) == ([], [])


def test_the_judged_cap_goes_before_the_registrys() -> None:
    shown = picture(10.0, cap_kw=33.0, n=2)
    assert [s.cap_kw for s in shown.slots] == [33.0, 70.0]


def test_windows_of_order_grace_and_exemption() -> None:
    order = stop(start=at("01:00"), valid_to=at("06:00"), ramp_down_h=1)
    exempt = Exemption("P", at("04:00"), at("05:00"), "保温", "市政府")
    shown = picture(n=32, world=world_of(order, exemptions=(exempt,)))
    assert [(w.kind, w.begin, w.end) for w in shown.windows] == [
        ("grace", 4, 8),
        ("order", 8, 16),
        ("exempt", 16, 20),
        ("order", 20, 24),
    ]
    svg = draw(shown, "en")
    for told in ("grace", "exempt", "under an order"):
        assert told in svg


def test_marks_of_the_alert() -> None:
    shown = picture(*[200.0] * 12, alert=ALERT)
    assert [(m.name, m.edge) for m in shown.marks] == [("first", 4), ("opened", 7), ("closed", 10)]
    assert shown.alert_span == (4, 8)
    svg = draw(shown, "zh")
    for told in ("起始 01:00", "确认 01:45", "关闭 02:30", "停产期间运行 (stop_run)", "某厂:停产期间运行。"):
        assert told in svg
    early = picture(*[200.0] * 4, alert=ALERT)
    assert [m.name for m in early.marks] == ["first"]
    assert early.alert_span is None


def test_an_energy_limit_shows_the_day_beside_its_cap() -> None:
    """Only of days that are wholly shown; a silent slot breaks the line and adds nothing."""
    world = world_of(energy_limit("O"))
    shown = picture(*[400.0] * 10, None, *[400.0] * 85, world=world)
    (day,) = shown.days
    assert day.cap_kwh == pytest.approx(0.7 * 16_000)
    assert day.used_kwh[9:12] == (1000.0, None, 1100.0)
    drawn = paths(draw(shown, "en"))
    assert (len(drawn["used"]), len(drawn["day_cap"])) == (1, 1)
    assert picture(*[400.0] * 10, world=world).days != ()
    later = evidence(world, "P", [view(FIRST + 1, 400.0)], FIRST + 1, 95)
    assert later.days == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_document_is_well_formed_titled_and_needs_nothing_else(language: str) -> None:
    lang = next(known for known in LANGUAGES if known == language)
    svg = draw(picture(*[200.0] * 12, None, alert=ALERT), lang)
    root = ElementTree.fromstring(svg)
    assert root.attrib["role"] == "img"
    assert {node.attrib["id"] for node in root if "id" in node.attrib} >= set(root.attrib["aria-labelledby"].split())
    assert [node.text for node in root if node.tag == f"{SVG}desc"] == [ALERT["summary"][lang]]
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    assert not {node.tag.removeprefix(SVG) for node in root.iter()} & {
        "script",
        "style",
        "image",
        "foreignObject",
        "use",
    }
    assert not re.search(r"\bstyle=|\bon\w+=|href|@import|https?://(?!www\.w3\.org/2000/svg)", svg)
    assert "nan" not in svg.lower()


def test_the_same_picture_gives_the_same_bytes() -> None:
    one, other = (draw(picture(*[200.0, None] * 6, alert=dict(ALERT)), "zh") for _ in range(2))
    assert one == other
    assert one != draw(picture(*[200.0, None] * 6, alert=dict(ALERT)), "en")


@pytest.mark.parametrize("name", ["<script>\"&'", "a\x00\x08b", "\ud800", "]]>", "厂" * 200, "\u202e\U0001f600"])
def test_names_from_outside_cannot_break_the_document(name: str) -> None:
    said = {"summary": {"zh": name, "en": name}}
    svg = draw(picture(200.0, world=world_of(name=name), alert={**ALERT, **said}), "zh")
    ElementTree.fromstring(svg.encode("utf-8", "strict"))
    assert "<script" not in svg


def test_negative_loads_lie_below_zero() -> None:
    shown = picture(-80.0, 40.0)
    axis = value_axis([s.load_kw for s in shown.slots if s.load_kw is not None])
    assert axis.low <= -80
    assert 0 in axis.ticks
    assert paths(draw(shown, "zh"))["load"]


def test_every_code_has_a_look_and_words() -> None:
    for language in LANGUAGES:
        for name in (*LINES, *BANDS, *QUALITIES, *(r.value for r in Rule)):
            assert word(name, language)
        for control in Control:
            assert word("cap_order" if control == Control.CAP else control.value, language)
    assert set(QUALITY_OF_REASON.values()) <= set(QUALITIES)
    assert set(QUALITY_OF_REASON) <= {code(r) for r in Reason}
    assert set(BANDS) == {code(v) for v in Verdict} - {"no_order"}
    suspects = {code(r) for r in Reason if code(r).startswith("suspect")}
    assert suspects <= set(QUALITY_OF_REASON)


@pytest.mark.parametrize(
    ("load", "fields", "expected"),
    [
        (100.0, {}, None),
        (None, {}, "missing"),
        (None, {"reasons": ["awaited"]}, "awaited"),
        (None, {"reasons": ["missing", "suspect_level"]}, "suspect_level"),
        (None, {"reasons": ["missing", "not_evidence"]}, "no_evidence"),
        (None, {"reasons": ["missing", "incomplete"], "coverage": 0.5}, "partial"),
        (None, {"reasons": ["resolution"]}, "coarse"),
        (None, {"reasons": [], "verdict": "no_order"}, "missing"),
        (400.0, {"coverage": 0.5, "verdict": "violating"}, "partial"),
    ],
)
def test_what_the_data_of_a_slot_is_worth(load: float | None, fields: dict[str, Any], expected: str | None) -> None:
    assert picture(load, **fields).slots[0].quality == expected


def test_levels_are_those_of_the_day_type() -> None:
    """Friday's working level, Saturday's rest level."""
    rows: list[Baseline] = [
        replace(baseline(), day_type="workday"),
        replace(baseline(running_kw=300.0, idle_kw=None), day_type="restday"),
    ]
    shown = evidence(world_of(baselines=rows), "P", [], FIRST + 2 * 96 + 95, 2)
    assert [(s.running_kw, s.idle_kw) for s in shown.slots] == [(1000.0, 20.0), (300.0, None)]


def test_hours_of_the_axis_stay_on_the_clock_when_it_changes() -> None:
    """2018-10-28 in Berlin has 25 hours: 100 slots, and the ticks after the change still stand at whole hours."""
    berlin = ZoneInfo("Europe/Berlin")
    first = 1540677600 // 900  # 2018-10-28T00:00+02:00
    ticks = time_ticks(first, 100, 900, berlin)
    assert [t.text for t in ticks] == [f"{h:02d}:00" for h in (0, 2, 2, *range(4, 24, 2), 0)]
    assert [t.index for t in ticks if t.is_day] == [0, 100]
    assert date_labels(first, 100, 900, berlin) == [(0, 100, "2018-10-28")]


@pytest.mark.parametrize("highest", [0.0, 0.4, 1.0, 9.9, 100.0, 12_345.6, 9e6])
def test_an_axis_holds_its_values_with_few_round_ticks(highest: float) -> None:
    axis = value_axis([highest])
    assert axis.low == 0
    assert axis.high >= highest
    assert 3 <= len(axis.ticks) <= 8


def test_an_alert_shows_two_hours_around_it_or_its_day() -> None:
    assert alert_slots(ALERT, 900, ZONE) == (FIRST + 4 - 8, 8 + 6 + 8)
    begin, count = alert_slots({**ALERT, "rule": "limit_day"}, 900, ZONE)
    assert (begin, count) == (FIRST, 96)
    years = {**ALERT, "closed_slot_end": None, "last_slot_end": "2018-11-15T02:00:00+08:00"}
    assert alert_slots(years, 900, ZONE) == (FIRST - 4, 31 * 96)


def test_boxes_runs_and_lines_of_text() -> None:
    assert rows_for([(0, 50), (20, 50), (80, 10), (82, 10)]) == [0, 1, 0, 1]
    assert flowed([40, 40, 40], 100, 10) == [(0, 0), (50, 0), (0, 1)]
    assert runs(["a", "a", None, "a", "b"]) == [(0, 2, "a"), (3, 4, "a"), (4, 5, "b")]
    lines = wrapped("某厂:最高 812.4 kW(允许 95.0 kW),超出 540.2 kWh,连续 30 min 不高于 90.2 kW。", 150)
    assert len(lines) > 2
    assert all(text_width(line) < 190 for line in lines)
    assert not any(re.match(r"(kWh?|min|[,。)])", line) for line in lines)
    assert "".join(lines).replace(" ", "") == ("某厂:最高812.4kW(允许95.0kW),超出540.2kWh,连续30min不高于90.2kW。")
    assert wrapped("", 100) == []
    assert element("a", "b", stroke_width=1.25, x=-0.01) == '<a stroke-width="1.2" x="0">b</a>'
    assert clean('<"&\x01') == "&lt;&quot;&amp;\ufffd"
