"""What is shipped with the rulebooks: their sources, in the repository and in the wheel; no code that knows one."""

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from detectors.rulebook.decisions import Outcome
from detectors.rulebook.parse import parse_rulebook
from detectors.rulebook.resolve import resolve
from tests.unit.rulebook_cases import FOLDER, office, plant, shipped

ROOT = FOLDER.parents[1]
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))


def test_two_rulebooks_are_shipped() -> None:
    assert NAMES == ["heavy-pollution", "zhengzhou-2017"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_the_name_of_its_rulebook_and_a_section_of_sources(name: str) -> None:
    assert shipped(name).rulebook_id == name
    assert f"\n## `{name}.toml`" in (FOLDER / "SOURCES.md").read_text(encoding="utf-8")


def test_every_item_stands_in_the_sources_with_its_codes() -> None:
    text = (FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    rows = {m[1]: m[2] for m in re.finditer(r"^\| `([a-z0-9-]+)` \|[^|]*\|([^|]*)\|", text, re.MULTILINE)}
    rulebook = shipped("zhengzhou-2017")
    assert set(rows) == {i.item_id for i in rulebook.items} | {"season", "livelihood"}
    for item in rulebook.items:
        told = _codes(rows[item.item_id])
        assert told == {code for _, code in item.industries}, item.item_id
        asks = {item.part.attribute} if item.part else set()
        assert all(name in rows[item.item_id] for name in asks), item.item_id


def _codes(cell: str) -> set[str]:
    """The codes of a cell; ``3071–3076`` are all of them but those that the standard does not have."""
    found: set[str] = set()
    known = {code for item in shipped("zhengzhou-2017").items for _, code in item.industries}
    for first, last in re.findall(r"(\d{4})(?:–(\d{4}))?(?! only)", re.sub(r"\(.*?\)", "", cell)):
        found |= {str(n) for n in range(int(first), int(last or first) + 1)} & known
    return found


def test_every_hour_of_grace_names_its_origin() -> None:
    for name in NAMES:
        for grace in shipped(name).graces.values():
            assert grace.origin == "[D]"
            assert grace.hours == 4 or 24 <= grace.hours <= 72


@pytest.mark.parametrize("folder", ["detectors", "consumers"])
def test_no_code_knows_a_rulebook_or_an_item_by_its_id(folder: str) -> None:
    """Another city's plan is only data."""
    ids = {*NAMES, *(item.item_id for name in NAMES for item in shipped(name).items if "-" in item.item_id)}
    for path in (ROOT / folder).rglob("*.py"):
        quoted = set(re.findall(r"[\"']([a-z0-9-]+)[\"']", path.read_text(encoding="utf-8")))
        assert not quoted & ids, path


def test_the_wheel_holds_the_rulebooks_and_their_sources(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for path in (*FOLDER.glob("*.toml"), FOLDER / "SOURCES.md"):
            name = f"detectors/rulebook/{path.name}"
            assert name in names
            assert archive.read(name) == path.read_bytes()


def test_the_example_of_the_page_is_a_rulebook_that_decides() -> None:
    page = (ROOT / "docs" / "rulebooks.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    rulebook = parse_rulebook(example, "my-city.toml")
    (decision,) = resolve(rulebook, office(plant("3031", "fuel=coal")))
    assert (decision.outcome, decision.clause, decision.ramp_down_h) == (Outcome.ORDERED, "三1", 48)


def test_every_key_that_the_parser_reads_is_on_the_page() -> None:
    page = (ROOT / "docs" / "rulebooks.md").read_text(encoding="utf-8")
    read = r'(?:text|number|flag|day|choice|items|texts|under|take|has|read_id)\((?:fields, |under, |table, )?"(\w+)"'
    keys = {key for path in FOLDER.glob("parse*.py") for key in re.findall(read, path.read_text(encoding="utf-8"))}
    assert {"plant_plans", "lines_only", "stays", "approver", "only"} <= keys
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", page)] == []


def test_every_clause_of_the_plan_is_on_the_page_of_clauses() -> None:
    page = (ROOT / "docs" / "plan-clauses.md").read_text(encoding="utf-8")
    stops, limits = page.split("## 三(一)")[1].split("## 三(二)")
    for item in shipped("zhengzhou-2017").items:
        part = stops if item.clause.startswith("三(一)") else limits.split("## 四")[0]
        assert f"\n| {item.clause[4:]} " in part, item.clause
    assert all(f"| ({n})" in page for n in "一二三四五")
