"""The long run, short: everything happens in it that happens in an hour, and afterwards nothing may be missing."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.soak.__main__ import write
from tests.soak.lines import judge
from tests.soak.run import soak

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]
DURATION_S, RATE, EVERY_S = 20.0, 200, 2.0


class Links(HTMLParser):
    """Whatever a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag points at."""
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


async def test_twenty_seconds_of_everything(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    outcome = await soak(RATE, DURATION_S, EVERY_S, work)
    assert outcome.problems == []
    assert outcome.sent > RATE * DURATION_S / 3
    done = [what for _, what in outcome.watch.events]
    assert "orders" in done
    assert "kill ingest-b" in done
    verdicts = judge(outcome.watch.series, DURATION_S)
    write(outcome, verdicts, tmp_path / "soak")
    links = Links()
    links.feed((tmp_path / "soak.html").read_text(encoding="utf-8"))
    assert links.found == [], "the page stands alone"
    told = json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))
    assert {"rss_mib ingest-a", "latency_s p99", "size_mib readings"} <= set(told["series"])
