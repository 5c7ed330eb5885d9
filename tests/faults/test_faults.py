"""A seeded sample of every class of fault, the classes of a group in one world; `make faults` runs them in full."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.catalogue import CLASSES, TRIALS
from tests.faults.dose import Dose
from tests.faults.runner import run, run_trial, said
from tests.faults.servers import Stage, lacking

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
#: How long what is away stays away (seconds).
OUTAGE_S = 4.0


@pytest.fixture(scope="module")
def stage(broker: str, postgres_url: str) -> Iterator[Stage]:
    """The session's servers, and what starts others."""
    with Stage(postgres_url, broker) as opened:
        yield opened


@pytest.mark.parametrize("group", list(dict.fromkeys(c.group for c in CLASSES)))
async def test_nothing_is_lost_and_nothing_comes_twice(group: str, stage: Stage, tmp_path: Path) -> None:
    """The faults happen, and afterwards everything of RELIABILITY §5 holds."""
    faults = [c for c in CLASSES if c.group == group]
    if lack := lacking(faults[0].servers):
        pytest.skip(f"this machine lacks {lack}")
    doses = [Dose(c.sample, OUTAGE_S) for c in faults]
    outcome = await run(stage, faults, zlib.crc32(group.encode()) % 1000, doses, tmp_path)
    assert outcome.problems == [], said(outcome)
    assert {name: p.proven for name, p in outcome.proofs.items()} == {c.name: c.sample for c in faults}


@pytest.mark.parametrize("name", [t.name for t in TRIALS])
async def test_whatever_the_seed(name: str, stage: Stage, tmp_path: Path) -> None:
    """A part of what `make faults` tries in full; the same seeds each time."""
    trial = next(t for t in TRIALS if t.name == name)
    outcome = await run_trial(stage, trial, 1, trial.sample, tmp_path)
    assert outcome.problems == [], said(outcome)
    assert outcome.proofs[name].proven > 0
