"""The locks: everything pinned with hashes, nothing about where it came from, all that pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = {
    "core": (),
    "demo": ("build", "demo"),
    "dev": ("build", "demo", "arrow", "dev"),
    "quality": ("build", "quality"),
}
PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;]+)(?: ;[^\\]*)? \\\n"
    r"(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+",
    re.MULTILINE,
)


def pins(lock: str) -> dict[str, set[str]]:
    """Versions by name; a name may have one for each Python version."""
    found: dict[str, set[str]] = {}
    for match in PIN.finditer((ROOT / "requirements" / f"{lock}.txt").read_text()):
        found.setdefault(canonicalize_name(match["name"]), set()).add(match["version"])
    return found


@pytest.mark.parametrize("lock", EXTRAS)
def test_every_line_is_a_pin_with_hashes(lock: str) -> None:
    lines = (ROOT / "requirements" / f"{lock}.txt").read_text().splitlines()
    starts = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert len(starts) == sum(len(versions) for versions in pins(lock).values())
    assert not [line for line in lines if "://" in line or line.lstrip().startswith(("-i", "--index", "--extra"))]


@pytest.mark.parametrize(("lock", "extras"), EXTRAS.items())
def test_a_lock_holds_what_the_project_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    locked = pins(lock)
    for requirement in map(Requirement, asked):
        name = canonicalize_name(requirement.name)
        if name == "cuofeng":
            continue
        assert name in locked, f"{name} is not locked: make lock"
        assert all(requirement.specifier.contains(version) for version in locked[name]), f"{requirement}: make lock"


def test_a_smaller_lock_has_the_versions_of_the_larger() -> None:
    core, demo, dev, quality = pins("core"), pins("demo"), pins("dev"), pins("quality")
    assert core == {name: demo[name] for name in core}
    assert demo == {name: dev[name] for name in demo}
    shared = dev.keys() & quality.keys()
    assert {name: dev[name] for name in shared} == {name: quality[name] for name in shared}
