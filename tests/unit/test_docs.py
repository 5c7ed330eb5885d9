"""The pages name what the code has: rules, settings, commands; links lead somewhere."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from detectors.vocab import Control, Rule, Verdict
from service.cli import commands
from service.demo.parts import BROKER_VARIABLE
from service.demo.story import build
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "docs" / "rules"
READMES = ("README.md", "README.zh-CN.md")
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/runbooks/*.md"), *ROOT.glob("service/**/*.md")]
)
#: What every page of a rule answers, by the bold words its paragraphs begin with.
PARTS = ("Phenomenon 现象", "Formula 判据", "Grade 级别", "What it misses 不能发现", "Example 示例", "What to do 处置")


def read(name: str) -> str:
    """A page of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def all_commands() -> list[str]:
    """Every command as one types it, groups and their commands: ``cuofeng keys create``."""
    app = typer.Typer()
    commands.register(app)
    return [f"cuofeng {name}" for name in _names(typer.main.get_command(app))]


def _names(command: object, prefix: str = "") -> Iterator[str]:
    subcommands: dict[str, object] = getattr(command, "commands", {})
    for name, child in subcommands.items():
        children = list(_names(child, f"{prefix}{name} "))
        yield from children or [f"{prefix}{name}"]


def is_named(command: str, text: str) -> bool:
    """Whether a page names a command. The commands of a group may follow the first one: ``keys create``, ``list``."""
    *group, name = command.split()
    line = next((line for line in text.splitlines() if f"`{' '.join(group)} " in line and f"{name}" in line), "")
    return bool(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", line))


def test_every_rule_has_a_page() -> None:
    index = (RULES / "README.md").read_text(encoding="utf-8")
    assert {p.stem for p in RULES.glob("*.md")} - {"README"} == {r.value for r in Rule}
    for rule in Rule:
        assert f"[{rule.value}]({rule.value}.md)" in index


@pytest.mark.parametrize("rule", list(Rule))
def test_a_rule_page_answers_all_its_questions(rule: Rule) -> None:
    text = (RULES / f"{rule.value}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# `{rule.value}` ")
    missing = [part for part in PARTS if f"\n**{part}" not in text]
    assert not missing
    assert "| origin 来源 |" in text


def test_the_examples_are_in_the_demo() -> None:
    planted = {p.key: p for p in build().planted}
    for rule in Rule:
        text = (RULES / f"{rule.value}.md").read_text(encoding="utf-8")
        key = re.search(r"Demo: `(\w+)`", text)
        assert key is not None, rule
        assert rule in {e.rule for e in planted[key[1]].expected}, rule


def test_the_merge_order_of_verdicts_is_the_codes() -> None:
    text = (RULES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)  # constants are in capitals
    assert rows == [v.name.lower() for v in sorted(Verdict)]
    for control in (Control.UNITS, Control.COKING):
        assert f"`{control.value}`" in text


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(CUOFENG_\w+)` \|([^|]*)\|", read("docs/operations.md"), re.MULTILINE))
    assert set(rows) == {f"CUOFENG_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        if field.default is not None and name != "key_pepper":
            assert rows[f"CUOFENG_{name.upper()}"].strip("` ") == str(field.default), name
    assert BROKER_VARIABLE in read("docs/operations.md")


@pytest.mark.parametrize("page", READMES)
def test_every_command_is_named(page: str) -> None:
    text = read(page)
    found = all_commands()
    assert "cuofeng keys create" in found
    assert [c for c in found if not is_named(c, text)] == []


def test_a_missing_command_is_noticed() -> None:
    text = read("README.md").replace("| `cuofeng statement` |", "| |").replace("`revoke`", "``")
    assert [c for c in all_commands() if not is_named(c, text)] == ["cuofeng statement", "cuofeng keys revoke"]


def test_commands_named_on_pages_exist() -> None:
    known = {c.removeprefix("cuofeng ").split()[0] for c in all_commands()}
    for page in PAGES:
        for named in re.findall(r"(?:`|^\$ )cuofeng ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert named in known, f"{page.relative_to(ROOT)}: cuofeng {named}"


def test_options_named_in_operations_exist() -> None:
    app = typer.Typer()
    commands.register(app)
    group = typer.main.get_command(app)
    for command in re.findall(r"(?:`|^\$ )cuofeng ([^`\n#]*--[^`\n#]*)", read("docs/operations.md"), re.MULTILINE):
        for part in command.split("&&"):
            words = part.split()
            words = words[1:] if words[0] == "cuofeng" else words
            at: object = group
            while words and (inner := getattr(at, "commands", {}).get(words[0])) is not None:
                at, words = inner, words[1:]
            options = {name for p in getattr(at, "params", []) for name in (*p.opts, *p.secondary_opts)}
            named = {w.strip("[]") for w in words if w.strip("[]").startswith("--")}
            assert named <= options, part


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = page if not path else (page.parent / path).resolve()
        assert file.exists(), f"{target} in {page.relative_to(ROOT)}"
        if anchor:
            heads = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}, target


def test_targets_of_make_named_on_pages_exist() -> None:
    makefile = read("Makefile")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in PAGES:
        for named in re.findall(r"(?:`|^\$ )make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert named in targets, f"{page.relative_to(ROOT)}: make {named}"


def test_decisions_are_numbered_dated_and_listed() -> None:
    folder = ROOT / "docs" / "adr"
    decisions = sorted(p for p in folder.glob("*.md") if p.name != "README.md")
    assert [p.name[:4] for p in decisions] == [f"{n:04d}" for n in range(1, len(decisions) + 1)]
    index = (folder / "README.md").read_text(encoding="utf-8")
    for page in decisions:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {page.name[:4]} ")
        assert re.search(r"^Date: \d{4}-\d\d-\d\d · Status: (accepted|replaced by \[\d{4}\].*)$", text, re.MULTILINE)
        assert re.findall(r"^## (\w+)", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
        assert f"({page.name})" in index


def test_the_changelog_speaks_of_the_version() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert re.search(rf"^## .*{re.escape(version)}", read("CHANGELOG.md"), re.MULTILINE)
