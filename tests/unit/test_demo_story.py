"""The demo's story: what is shipped, how it is derived, and what the reference judgement finds in it."""

import csv
import re
from collections import Counter
from dataclasses import replace
from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from consumers.files import read_readings
from detectors.registry import Registry, with_default_scopes
from detectors.rulebook.decisions import Outcome
from detectors.rulebook.resolve import resolve
from detectors.vocab import Control, Kind, Measure, Quality, Reason, Rule, Verdict
from service.demo.cast import CAST, COUNTIES
from service.demo.expected import FoundAlert, compare
from service.demo.measured import LONG_STOPS, REFERENCE, template
from service.demo.plan import SEASON_PLAN, WARNING_PLAN, planned
from service.demo.season import END_S, SEASON_END_S, SEASON_S, STANDSTILL, START_S
from service.demo.story import OFFICE_DIR, Story, build
from service.plans.changes import plan_changes
from service.plans.shipped import read_rulebook
from service.registry.read import read_registry
from tests.oracles.judge import judge
from tests.oracles.rows import Judgement, Reading


@pytest.fixture(scope="module")
def story() -> Story:
    return build()


@pytest.fixture(scope="module")
def judgement(story: Story) -> Judgement:
    readings = [
        Reading(r.meter_id, r.kind, r.ts, r.value, r.q, r.rev, r.coll_ms, r.scale, r.period_s) for r in story.records
    ]
    return judge(with_default_scopes(story.later_registry), readings, END_S)


def test_shipped_data_are_small_and_credited() -> None:
    folder = files("service.demo") / "data"
    sizes = [len((folder / name).read_bytes()) for name in ("steel_2018.csv.gz", "metalworking_2018.csv.gz")]
    assert sum(sizes) < 700_000
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "10.24432/C52G8C" in readme
    assert "10.5281/zenodo.4683455" in readme
    assert readme.count("CC BY 4.0") == 2


def test_steel_is_converted_from_energy_to_power() -> None:
    steel = template("steel")
    assert steel.days[date(2018, 1, 1)][0] == pytest.approx(3.17 * 4)
    assert max(v.max() for v in steel.days.values()) == pytest.approx(157.18 * 4)
    assert steel.days[date(2018, 11, 7)][95] == 0.0  # the dropout of 23:45 stays in its own day, at its end
    assert len(steel.days) == 365


def test_metalworking_is_scaled_to_its_own_watts() -> None:
    metal = template("metalworking")
    assert max(v.max() for v in metal.days.values()) == pytest.approx(174, abs=0.5)
    assert len(metal.days) == 363  # two days have a clock change
    year_mwh = sum(v.sum() for v in metal.days.values()) / 4 / 1000
    assert year_mwh == pytest.approx(499.57, rel=0.01)


def test_no_judged_day_is_in_a_reference_period() -> None:
    for name, days in STANDSTILL.items():
        for day in days:
            assert not REFERENCE[0] <= day <= REFERENCE[1]
            assert not any(first <= day <= last for first, last in LONG_STOPS[name])
    latest_week = max(c.weeks for c in CAST)
    assert date(2018, 11, 13).toordinal() - 7 * latest_week > REFERENCE[1].toordinal()


def test_about_fifty_plants_in_three_counties_all_marked_as_demo(story: Story) -> None:
    plants = story.registry.plants
    assert 45 <= len(plants) <= 55
    assert {p.county for p in plants} == set(COUNTIES)
    assert all("演示" in p.name and p.county.startswith("演示") for p in plants)
    assert all(p.industry_edition == "2017" for p in plants)


def test_only_the_second_account_is_learned_later(story: Story) -> None:
    before = {m.meter_id for m in story.registry.meters}
    after = {m.meter_id for m in story.later_registry.meters}
    assert len(after - before) == 1
    assert before < after
    assert START_S < story.later_at_s < END_S


def test_records_come_in_the_order_of_collection_and_cover_the_seven_days(story: Story) -> None:
    coll = [r.coll_ms for r in story.records]
    assert coll == sorted(coll)
    assert min(r.ts for r in story.records) == START_S + 900
    assert max(r.ts for r in story.records) == END_S
    assert START_S < SEASON_S < END_S


def test_records_contain_what_real_feeds_do(story: Story) -> None:
    keys = Counter((r.meter_id, r.kind, r.ts, r.value, r.q, r.rev, r.coll_ms) for r in story.records)
    assert sum(n == 2 for n in keys.values()) == 672  # one meter sends every reading twice
    assert {r.kind for r in story.records} >= {Kind.POWER_INST, Kind.POWER_AVG, Kind.ENERGY_REG, Kind.VOLTAGE}
    assert {r.q for r in story.records} == {Quality.M, Quality.R, Quality.E, Quality.S}
    assert sum(r.rev == 1 for r in story.records) == 6


def test_the_story_is_pure_and_seeded() -> None:
    assert build(7).records == build(7).records
    one, other = build(7), build(8)
    assert one.records != other.records
    assert one.planted == other.planted


def test_the_reference_judgement_finds_what_is_planted_and_nothing_else(story: Story, judgement: Judgement) -> None:
    alerts = [FoundAlert(a.rule, a.scope_id, a.order_id, a.condition, a.opened_at_slot_end) for a in judgement.alerts]
    comparison = compare(story.planted, alerts, saw_everything_at_once=True)
    assert [o.planted.key for o in comparison.outcomes if not o.is_found] == []
    assert comparison.unplanted == ()


def test_planted_things_that_accuse_nobody_are_judged_and_not_just_unknown(judgement: Judgement) -> None:
    verdicts = Counter((s.scope_id, s.verdict) for s in judgement.slots)
    for scope in ("DEMO-S06", "DEMO-C01", "DEMO-L01", "DEMO-L06", "DEMO-L12", "DEMO-L13", "DEMO-L14", "DEMO-L15"):
        assert verdicts[scope, Verdict.COMPLIANT] > 500, scope
    for scope in ("DEMO-S10-stop-1", "DEMO-S23"):  # 24 h to come to rest
        assert verdicts[scope, Verdict.COMPLIANT] >= 479, scope
    for scope in ("DEMO-S01", "DEMO-S13", "DEMO-S21-1"):  # 48 h
        assert verdicts[scope, Verdict.COMPLIANT] == 384, scope
    for scope in ("DEMO-N03", "DEMO-N04"):  # the three days of the warning
        assert verdicts[scope, Verdict.COMPLIANT] == 288, scope
    assert verdicts["DEMO-S08", Verdict.EXEMPT] == 40
    assert verdicts["DEMO-S14", Verdict.OUTAGE] == 12
    assert verdicts["DEMO-S15", Verdict.OUTAGE] == 16
    assert verdicts["DEMO-S09", Verdict.GRACE] == 96
    assert verdicts["DEMO-S20", Verdict.EXEMPT] == 144


def test_coking_time_stays_unknown_with_its_reason(judgement: Judgement) -> None:
    slots = [s for s in judgement.slots if s.scope_id == "DEMO-K01" and s.order_id is not None]
    assert len(slots) == 576
    assert {(s.verdict, Reason.UNDECIDABLE in s.reasons) for s in slots} == {(Verdict.UNKNOWN, True)}


def test_every_order_of_the_season_is_the_plans_and_the_one_that_the_cast_names(story: Story) -> None:
    assert story.office.orders == ()
    season = [o for o in story.registry.orders if o.level is None]
    assert {o.rulebook for o in story.registry.orders} == {SEASON_PLAN, WARNING_PLAN}
    assert {o.order_id: o.scope_id for o in season} == {c.order_id: c.scope_id for c in CAST if c.item is not None}
    assert {(o.valid_from, o.valid_to) for o in season} == {(SEASON_S, SEASON_END_S)}
    assert {o.control for o in season} == set(Control)


def test_what_the_plants_do_are_their_own_values_before_the_plans(story: Story) -> None:
    orders = {o.scope_id: o for o in story.registry.orders if o.level is None}
    assert [orders[f"DEMO-{key}"].ramp_down_h for key in ("S01", "S02", "S09")] == [48.0, 4.0, 24.0]
    assert [orders[f"DEMO-{key}"].reduction for key in ("L01", "L14")] == [0.2, 0.25]
    assert orders["DEMO-U01"].units_allowed == 2
    orange = {o.scope_id: o for o in story.registry.orders if o.level == "orange"}
    assert (orange["DEMO-L16"].control, orange["DEMO-L17"].control) == (Control.STOP, Control.LIMIT)
    assert {o.measure for o in story.registry.orders if o.scope_id == "DEMO-N05"} == {Measure.POWER}


def test_plants_without_an_order_of_the_season_and_why(story: Story) -> None:
    decided = {d.plant_id: d for d in resolve(read_rulebook(SEASON_PLAN).rulebook, story.office) if d.line_id is None}
    assert {
        key: (decided[f"DEMO-{key}"].outcome, decided[f"DEMO-{key}"].missing, decided[f"DEMO-{key}"].is_listed)
        for key in ("N01", "N03", "N04", "N05", "N06", "N07")
    } == {
        "N01": (Outcome.NOT_COVERED, (), False),
        "N03": (Outcome.EXEMPT, (), False),
        "N04": (Outcome.EXEMPT, (), False),
        "N05": (Outcome.NOT_COVERED, (), False),
        "N06": (Outcome.CANNOT_DECIDE, ("product",), True),
        "N07": (Outcome.ORDERED, (), False),
    }
    assert not {o.scope_id for o in story.registry.orders} & {"DEMO-N01", "DEMO-N02", "DEMO-N06", "DEMO-N07"}


def test_the_page_of_the_demo_tells_every_planted_thing_and_how_many_orders(story: Story) -> None:
    page = (Path(__file__).parents[2] / "docs" / "demo.md").read_text(encoding="utf-8")
    table = page.partition("## What is planted")[2].partition("\n## ")[0]
    told = re.findall(r"^\| ([a-z_]+) \|", table, re.MULTILINE)
    assert sorted(told) == sorted(["key", *(p.key for p in story.planted)])
    season = [o for o in story.registry.orders if o.level is None]
    assert f"the {len(season)} orders of registry/orders.csv without a level" in page
    assert f"and the {len(story.registry.orders) - len(season)} with one" in page


@pytest.mark.parametrize("name", [SEASON_PLAN, WARNING_PLAN])
def test_applying_a_rulebook_again_changes_nothing(story: Story, name: str) -> None:
    again = plan_changes(read_rulebook(name).rulebook, story.later_registry)
    assert again.rows == Registry(zone="Asia/Shanghai")
    assert again.kept == sum(o.rulebook == name for o in story.later_registry.orders)


def test_before_its_correction_the_wrong_reading_is_an_alert(story: Story) -> None:
    thing = next(p for p in story.planted if p.key == "corrected")
    as_of = next(r.coll_ms for r in story.records if r.rev == 1) // 1000 - 60
    meters = {m.meter_id for m in story.registry.meters if m.plant_id == "DEMO-S11"}
    readings = [
        Reading(r.meter_id, r.kind, r.ts, r.value, r.q, r.rev, r.coll_ms, r.scale, r.period_s)
        for r in story.records
        if r.meter_id in meters and r.coll_ms <= as_of * 1000
    ]
    found = judge(with_default_scopes(story.registry), readings, as_of - as_of % 900)
    (alert,) = [a for a in found.alerts if a.scope_id == "DEMO-S11" and a.rule == Rule.STOP_RUN]
    assert alert.opened_at_slot_end == thing.expected[0].opened_at_s


#: What a folder of files holds: all but the calendar, which the demo has not, and members of default scopes.
TABLES = (
    *("plants", "lines", "meters", "orders", "baselines", "exemptions", "outages", "sources"),
    *("listings", "plant_plans", "approvals", "episodes", "rotations"),
)


def by_hand(registry: Registry) -> Registry:
    """The registry as files hold it: they do not say which rulebook made a row."""
    return replace(registry, orders=tuple(replace(o, rulebook=None) for o in registry.orders))


def test_the_written_rows_of_the_office_give_the_written_orders(story: Story, tmp_path: Path) -> None:
    registry_dir, _ = story.write(tmp_path)
    office = read_registry(tmp_path / OFFICE_DIR)
    assert office.orders == ()
    assert by_hand(planned(office)).orders == read_registry(registry_dir).orders


def test_written_files_are_the_story_again(story: Story, tmp_path: Path) -> None:
    registry_dir, readings_path = story.write(tmp_path)
    registry = read_registry(registry_dir)
    assert {s.scope_id for s in registry.scopes} == {s.scope_id for s in story.later_registry.scopes}
    for table in TABLES:
        written = list(getattr(by_hand(story.later_registry), table))
        assert [row for row in getattr(registry, table) if row not in written] == [], table
        assert len(getattr(registry, table)) == len(written), table
    read = read_readings([readings_path], registry, clock_now_s=END_S)
    assert read.fault_counts == Counter()
    assert len(read.columns) == len(story.records)
    rows = {m.meter_id: i for i, m in enumerate(registry.meters)}
    expected = [(rows[r.meter_id], r.kind, r.ts, r.q, r.rev, r.coll_ms) for r in story.records]
    columns = read.columns
    found = zip(
        *(a.tolist() for a in (columns.meter, columns.kind, columns.ts, columns.q, columns.rev, columns.coll)),
        strict=True,
    )
    assert list(found) == expected
    values = np.array([np.nan if r.value is None else r.value for r in story.records])
    assert np.array_equal(columns.value, values, equal_nan=True)


def test_written_readings_have_ids_as_text_and_times_with_offset(story: Story, tmp_path: Path) -> None:
    _, readings_path = story.write(tmp_path)
    with readings_path.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    assert len(row["meter_id"]) == 22
    assert row["ts"] == "2017-11-14T00:15:00+08:00"
