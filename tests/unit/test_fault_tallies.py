"""The tallies of the fault classes without a world: what they are there to find, they find."""

from dataclasses import replace
from typing import Any

import pytest

from tests.faults.arrivals import ARRIVALS, arrival_of, input_of
from tests.faults.checks import Findings
from tests.faults.feed_load import Written, compare
from tests.faults.feed_readers import Seen, sum_of


def page(*numbers: int, county: str = "新密市", mark: float = 7.0, scanned_to: int | None = None) -> dict[str, Any]:
    """A page with these events, each of an alert of its own."""
    last = numbers[-1] if scanned_to is None else scanned_to
    alert = {"condition": "firing", "county": county, "energy_over_kwh": mark}
    events = [{"seq": n, "type": "opened", "alert": {"id": f"A{n}", **alert}} for n in numbers]
    return {"events": events, "scanned_to_seq": last, "head_seq": 100}


def seen(*pages: dict[str, Any], county: str | None = None) -> Seen:
    """What a reader of these pages saw."""
    reader = Seen(county)
    for each in pages:
        reader.take(each)
    return reader


def written(*numbers: int) -> Written:
    """Tables with these events."""
    total = sum(sum_of(n, f"A{n}", "opened", 7) for n in numbers)
    fold = {f"A{n}": (n, "firing", 7) for n in numbers}
    return Written({None: len(numbers)}, {None: total}, {None: fold}, 0, len(numbers))


def told(reader: Seen, tables: Written, count: int) -> Findings:
    """What comes of one reader."""
    findings = Findings()
    compare([reader], tables, count, findings)
    return findings


def test_all_is_well() -> None:
    """Every event once, in order: nothing is told."""
    reader = seen(page(1, 2), page(3))
    assert (reader.events, reader.missed, reader.twice, reader.faults) == (3, 0, 0, [])
    assert told(reader, written(1, 2, 3), 3).problems == []


@pytest.mark.parametrize(
    ("pages", "missed", "twice"),
    [
        ([page(1, 2), page(4)], 1, 0),
        ([page(1, 3)], 1, 0),
        ([page(1, 2), page(2, 3)], 0, 1),
        ([page(1, 2, scanned_to=5)], 3, 0),
    ],
)
def test_a_hole_and_a_repetition(pages: list[dict[str, Any]], missed: int, twice: int) -> None:
    """A reader counts what was left out, also behind its page, and what came again."""
    reader = seen(*pages)
    assert (reader.missed, reader.twice) == (missed, twice)
    assert reader.faults
    findings = told(reader, written(1, 2, 3), 3)
    assert (findings.duplicate, bool(findings.problems)) == (twice, True)


def test_a_foreign_county_and_going_back() -> None:
    """A county's reader sees holes, but nothing of others, and no page goes back."""
    assert seen(page(1, 5), page(9), county="新密市").faults == []
    assert seen(page(1, county="登封市"), county="新密市").faults
    assert seen(page(5), page(6, scanned_to=4), county="新密市").faults


def test_what_only_the_tables_tell() -> None:
    """Fewer events than the table, another event of the same number, another last state, a hole in ``seq``."""
    reader = seen(page(1, 2, 3))
    assert told(reader, written(1, 2, 3, 4), 4).lost == 1
    other = seen(page(1, 2), page(3, mark=8.0))
    assert "another event" in " ".join(told(other, written(1, 2, 3), 3).problems)
    tables = written(1, 2, 3)
    tables.fold[None]["A3"] = (3, "closed", 7)
    assert told(reader, tables, 3).differing > 0
    assert told(reader, replace(written(1, 2, 3), holes=1), 3).problems


@pytest.mark.parametrize("number", range(ARRIVALS))
def test_an_arrival_leaves_nothing_out(number: int) -> None:
    """Whatever the order, every reading comes at least once, and the clock ends at the time of the judgement."""
    arrival, world = arrival_of(number), input_of(number)
    came = [r for piece in arrival.pieces for r in piece.readings]
    assert set(came) == set(world.readings)
    assert len(came) >= len(world.readings)
    times = [piece.until_s for piece in arrival.pieces]
    assert times == sorted(times)
    assert times[-1] == world.as_of
    assert arrival == arrival_of(number)
