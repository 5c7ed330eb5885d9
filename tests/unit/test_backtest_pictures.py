"""``cuofeng backtest --evidence``: a picture an alert and language; those of the docs are drawn by this code."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from consumers.backtest import BacktestOptions, run_backtest
from service.demo.season import END_S, START_S
from service.demo.story import READINGS_FILE, REGISTRY_DIR, build
from service.registry.read import read_registry
from tests.unit.test_backtest import rows

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("story")
    build().write(folder)
    return folder


def judged(story: Path, out: Path, begin: int | None = None) -> Path:
    registry = read_registry(story / REGISTRY_DIR, zone="Asia/Shanghai", slot_s=900)
    asked = BacktestOptions(with_pictures=True, with_slots=False, begin=begin)
    run_backtest(registry, [story / READINGS_FILE], out, asked, clock_now_s=float(END_S + 86_400))
    return out


def test_every_alert_is_drawn_in_both_languages_and_the_docs_show_these(story: Path, tmp_path: Path) -> None:
    out = judged(story, tmp_path / "out")
    alerts = [a for a in rows(out / "alerts.csv") if not a["scope_id"].startswith("source:")]
    names = {f"{a['rule']}-{a['alert_id']}.{language}.svg" for a in alerts for language in ("zh", "en")}
    drawn = {p.name: p for p in (out / "evidence").iterdir()}
    assert set(drawn) == names
    for path in drawn.values():
        ElementTree.fromstring(path.read_bytes())
    shown = sorted((DOCS / "pictures").iterdir())
    assert len(shown) >= 3
    for path in shown:
        assert path.name in drawn, f"{path.name}: no such alert any more; docs/evidence.md says how it is made again"
        assert path.read_bytes() == drawn[path.name].read_bytes(), f"{path.name}: docs/evidence.md, Made again"
        assert path.name.split(".")[0] in (DOCS / "evidence.md").read_text(encoding="utf-8")


def test_only_alerts_that_are_asked_for_and_none_of_an_earlier_run(story: Path, tmp_path: Path) -> None:
    out = judged(story, tmp_path / "out")
    before = {p.name for p in (out / "evidence").iterdir()}
    judged(story, out, begin=START_S + 5 * 86_400)
    after = {p.name for p in (out / "evidence").iterdir()}
    assert after < before
    assert len(after) == 2 * len([a for a in rows(out / "alerts.csv") if not a["scope_id"].startswith("source:")])
