"""Numbers that SEMANTICS fixes: each stands once in the code, and in the table of the rules' page."""

import re
from pathlib import Path

import pytest

from detectors.registry import BEFORE_ORDER_S
from detectors.registry_columns import MAX_OF_RUNNING
from detectors.verdict import ZERO_IDLE_SHARE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/rules/README.md").read_text(encoding="utf-8")
FIXED = {
    "BEFORE_ORDER_S": f"{BEFORE_ORDER_S // 3600} h",
    "ZERO_IDLE_SHARE": f"{ZERO_IDLE_SHARE:.0%}".replace("%", " %"),
    "MAX_OF_RUNNING": f"{MAX_OF_RUNNING:g} R",
}


def test_the_page_says_what_the_code_does() -> None:
    section = PAGE.split("### Fixed 不可设定")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| [^|]* \| `(\w+)` \| ([^|]*) \|", section, flags=re.MULTILINE))
    assert rows == FIXED


@pytest.mark.parametrize("name", FIXED)
def test_each_stands_once(name: str) -> None:
    """Whoever needs it imports it; the reference has its own, since it follows the text by itself."""
    places = [
        path
        for folder in ("detectors", "consumers", "service")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(rf"^{name} = ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    ]
    assert len(places) == 1
