"""What a line of the long run is called: flat, growing, or too short to tell."""

import random

import pytest

from tests.soak.lines import judge
from tests.soak.page import page


def line(per_s: float, *, base: float = 140.0, noise: float = 2.0) -> list[tuple[float, float]]:
    """Ten minutes, a sample every five seconds; more while it warms up."""
    chance = random.Random(1)
    warm = {at: 60 if at < 150 else 0 for at in range(0, 601, 5)}
    return [(at, base + per_s * at + more + chance.uniform(-noise, noise)) for at, more in warm.items()]


@pytest.mark.parametrize(
    ("name", "per_s", "is_flat"),
    [
        ("rss_mib serve", 0.0, True),
        ("rss_mib serve", 0.03, True),
        ("rss_mib serve", 0.05, False),
        ("rss_mib serve", -0.5, True),
        ("descriptors serve", 0.02, False),
    ],
)
def test_a_trend_beyond_its_bound_grows(name: str, per_s: float, is_flat: bool) -> None:
    (verdict,) = judge({name: line(per_s, base=10.0 if "descriptors" in name else 140.0, noise=0.5)}, 600)
    assert verdict.is_flat is is_flat, verdict.text()
    assert ("flat" if is_flat else "grows") in verdict.text()


def test_warming_up_is_no_growth() -> None:
    series = {"rss_mib ingest-a": [(at, min(at, 150.0)) for at in range(0, 601, 5)]}
    assert judge(series, 600)[0].is_flat


def test_what_is_restarted_or_grows_by_its_nature_is_not_judged() -> None:
    growing = line(1.0)
    assert judge({"rss_mib ingest-b": growing, "size_mib readings": growing, "marks": growing}, 600) == []


def test_a_short_run_tells_nothing() -> None:
    (verdict,) = judge({"rss_mib serve": line(1.0)[:8]}, 40)
    assert verdict.is_flat is None
    assert verdict.text() == "too short to tell"


def test_the_page_says_what_grew_and_what_was_lost() -> None:
    series = {"rss_mib serve": line(1.0)}
    html = page("run", [("1", "<fact>")], series, [(3.0, "kill <it>")], judge(series, 600), ["<lost> 1"])
    for told in ("&lt;lost&gt; 1", "rss_mib serve grows", "kill &lt;it&gt;", "&lt;fact&gt;", "<polyline"):
        assert told in html
    assert "no event was missed" not in html
