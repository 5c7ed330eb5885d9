"""The demo's story: what is shipped, how it is derived, and what the reference judgement finds in it."""

import csv
from collections import Counter
from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from consumers.files import read_readings
from detectors.registry import with_default_scopes
from detectors.vocab import Kind, Quality, Rule, Verdict
from service.demo.cast import CAST, COUNTIES
from service.demo.expected import FoundAlert, compare
from service.demo.measured import LONG_STOPS, REFERENCE, template
from service.demo.season import END_S, SEASON_S, STANDSTILL, START_S
from service.demo.story import Story, build
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
    for scope in ("DEMO-S01", "DEMO-S06", "DEMO-S13", "DEMO-L01", "DEMO-L06", "DEMO-L12", "DEMO-L13", "DEMO-L15"):
        assert verdicts[scope, Verdict.COMPLIANT] > 500, scope
    assert verdicts["DEMO-S08", Verdict.EXEMPT] == 40
    assert verdicts["DEMO-S14", Verdict.OUTAGE] == 12
    assert verdicts["DEMO-S15", Verdict.OUTAGE] == 16
    assert verdicts["DEMO-S09", Verdict.GRACE] == 96


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


def test_written_files_are_the_story_again(story: Story, tmp_path: Path) -> None:
    registry_dir, readings_path = story.write(tmp_path)
    registry = read_registry(registry_dir)
    assert {s.scope_id for s in registry.scopes} == {s.scope_id for s in story.later_registry.scopes}
    for table in ("plants", "lines", "meters", "orders", "baselines", "exemptions", "outages", "sources"):
        written = list(getattr(story.later_registry, table))
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
