"""``cuofeng backtest --against`` and ``--set`` over the demo's story, as they are typed."""

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from detectors.errors import InputError
from detectors.registry import ALWAYS, Baseline
from service.cli.against import with_settings
from service.demo.story import READINGS_FILE, REGISTRY_DIR, build
from tests.cases.worlds import registry, stop
from tests.unit.test_backtest import backtest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The story as files, written once."""
    folder = tmp_path_factory.mktemp("story")
    build().write(folder)
    return folder


def changes(path: Path) -> list[dict[str, str]]:
    with (path / "against.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_an_idle_load_put_right_shows_what_it_would_have_changed(folder: Path, tmp_path: Path) -> None:
    """With 50 kW less of idle load DEMO-S02 is found earlier and more often; nobody else changes."""
    other = tmp_path / "registry"
    shutil.copytree(folder / REGISTRY_DIR, other)
    path = other / "baselines.csv"
    text = path.read_text(encoding="utf-8")
    assert ",230.6,310.7,62.5," in text
    path.write_text(text.replace(",230.6,310.7,62.5,", ",230.6,310.7,12.5,"), encoding="utf-8")
    out = tmp_path / "out"
    done = backtest(folder, folder / READINGS_FILE, out, "--against", str(other))
    assert done.returncode == 0, done.stderr
    found = changes(out)
    assert {row["scope_id"] for row in found} == {"DEMO-S02"}
    assert {row["change"] for row in found} >= {"added", "moved", "verdict"}
    moved = next(row for row in found if row["change"] == "moved" and row["rule"] == "stop_run")
    assert moved["after_first_slot_end"] < moved["before_first_slot_end"]
    assert "first_slot_end" in moved["moved"]
    assert sorted(p.name for p in out.iterdir()) == ["against.csv"]
    assert "days: " in done.stdout
    turned = backtest(folder, folder / READINGS_FILE, out, "--json", "--against", str(other), "--to", "2017-11-16")
    told = json.loads(turned.stdout)
    assert told["as_of"] == "2017-11-21T00:00:00+08:00"
    assert told["days"]["compared"] == 2 * 56
    assert told["alerts"]["added"] == len([c for c in told["alert_changes"] if c["change"] == "added"])


def test_the_same_setting_changes_nothing(folder: Path, tmp_path: Path) -> None:
    """Late collections are seen by both sides alike."""
    done = backtest(folder, folder / READINGS_FILE, tmp_path, "--set", "DEMO-S02:baseline=2017-10", "--json")
    told = json.loads(done.stdout)
    assert told["alert_changes"] == told["day_changes"] == []
    assert told["alerts"]["same"] == told["alerts"]["before"] > 10
    assert changes(tmp_path) == []


def test_a_threshold_is_tried_out(folder: Path, tmp_path: Path) -> None:
    """A night run of DEMO-S02 is found by three over slots of four; a window of one slot never holds three."""
    done = backtest(folder, folder / READINGS_FILE, tmp_path, "--set", "DEMO-S02:stop_run.m_min=15", "--json")
    told = json.loads(done.stdout)
    assert {c["scope_id"] for c in told["alert_changes"]} == {"DEMO-S02"}
    removed = [c for c in told["alert_changes"] if c["rule"] == "stop_run"]
    assert [c["change"] for c in removed] == ["removed"]
    assert {d["scope_id"] for d in told["day_changes"]} <= {"DEMO-S02"}


def test_a_setting_that_cannot_be_is_told_and_nothing_is_written(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = backtest(folder, folder / READINGS_FILE, out, "--set", "nobody:stop_run.n_min=45")
    assert done.returncode == 2
    assert done.stderr == "cuofeng: --set nobody:stop_run.n_min=45: no scope nobody\n"
    assert not out.exists()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("P", "write SCOPE:RULE.NAME=VALUE"),
        ("P:stop_run.n_min=", "write SCOPE:RULE.NAME=VALUE"),
        ("stop_run.n_min=45", "write SCOPE:RULE.NAME=VALUE"),
        ("P:stop_run.n_min=soon", "soon is no number"),
        ("P:stop_run.n_min=600", "from 15 to 120 min"),
        ("P:stop_run=45", "no threshold stop_run."),
        ("P:baseline=2016", "no baseline of version 2016 for P"),
        ("O:revision=two", "two is no number"),
        ("O:revision=2", "no revision 2 of the order O"),
        ("P:proposed=spring", "no proposal spring"),
        ("*:proposed=elsewhere", "of a scope of this registry"),
    ],
)
def test_every_setting_that_cannot_be_names_itself(asked: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        with_settings(registry(stop()), [asked], proposed)
    assert str(refused.value).startswith(f"--set {asked}: ")
    assert said in str(refused.value)


def proposed(version: str, scope_ids: Sequence[str] | None) -> Sequence[Baseline]:
    """As the database answers: version ``autumn`` of P and of Q, ``elsewhere`` of Q alone, and no other."""
    scopes = {"autumn": ("P", "Q"), "elsewhere": ("Q",)}.get(version)
    if scopes is None:
        raise InputError(f"no proposal {version}")
    return [Baseline(s, version, 0, 400.0) for s in scopes if scope_ids is None or s in scope_ids]


def test_a_proposed_version_stands_in_place_of_all_others_at_all_times() -> None:
    for whose in ("*", "P"):
        changed = with_settings(registry(stop()), [f"{whose}:proposed=autumn"], proposed)
        assert [(b.scope_id, b.version, b.valid_from) for b in changed.baselines] == [("P", "autumn", ALWAYS)]


def test_settings_of_every_kind_one_after_the_other() -> None:
    office = registry(stop(), replace(stop("a:b=c"), revision=2), stop("a:b=c"))
    asked = ["P:stop_run.n_min=60", "*:stop_run.n_min=30", "*:baseline=v1", "a:b=c:revision=1"]
    changed = with_settings(office, asked, proposed)
    assert [(t.scope_id, t.value) for t in changed.thresholds] == [("P", 60), (None, 30)]
    assert changed.baselines[0].version == "v1"
    assert [(o.order_id, o.revision) for o in changed.orders] == [("O", 1), ("a:b=c", 1)]
