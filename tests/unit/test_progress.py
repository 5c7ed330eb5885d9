"""When a partition stands, and when it only waits."""

import asyncio
from time import monotonic

import pytest

from consumers.partition import Partition
from consumers.ports import FatalFeedError
from consumers.progress import Progress
from consumers.pulse import Pulse

LIMIT_S = 30.0


def partition(*, stood_s: float, end: int | None = 9, cursor: int = 5, stopped: str | None = None) -> Partition:
    """Partition 3, not moved for so long."""
    made = Partition(3, 1, cursor, moved_at=monotonic() - stood_s)
    made.end_offset, made.stopped_reason = end, stopped
    return made


def progress(*, committed_ago_s: float = 0.0, claiming_s: float | None = None) -> Progress:
    """What moved last."""
    now = monotonic()
    return Progress(LIMIT_S, now - committed_ago_s, None if claiming_s is None else now - claiming_s)


def test_what_is_no_standstill() -> None:
    """Not for long; all is read; nobody knows whether there is more; an operator is waited for."""
    progress(committed_ago_s=99).check(
        [
            partition(stood_s=25),
            partition(stood_s=99, cursor=9),
            partition(stood_s=99, end=None),
            partition(stood_s=99, stopped="poison"),
        ]
    )


@pytest.mark.parametrize("committed_ago_s", [0, 99])
def test_nothing_fetched_is_a_standstill_whatever_others_do(committed_ago_s: float) -> None:
    """The fetch task of one partition may be dead alone."""
    with pytest.raises(FatalFeedError, match="partition 3 stands at 5 of 9"):
        progress(committed_ago_s=committed_ago_s).check([partition(stood_s=31)])


async def test_a_batch_may_wait_for_its_turn_but_not_for_ever() -> None:
    standing = partition(stood_s=31)
    standing.task = asyncio.create_task(asyncio.sleep(60))
    try:
        progress().check([standing])
        with pytest.raises(FatalFeedError):
            progress(committed_ago_s=31).check([standing])  # nobody gets a turn
        standing.moved_at -= 90
        with pytest.raises(FatalFeedError):
            progress().check([standing])
    finally:
        standing.task.cancel()


def test_a_claim_that_hangs() -> None:
    progress(claiming_s=29).check([])
    with pytest.raises(FatalFeedError, match="cannot be claimed"):
        progress(claiming_s=31).check([])


def test_a_server_that_is_away_excuses_everything() -> None:
    standing, watched = partition(stood_s=99), progress(committed_ago_s=99, claiming_s=99)
    watched.excuse([standing])
    watched.check([standing])


def test_a_pulse_is_excused_without_having_moved() -> None:
    pulse = Pulse(moved_at=monotonic() - 50, watched_from=monotonic() - 50)
    assert pulse.stands_s >= 50
    pulse.excuse()
    assert pulse.stands_s < 1
    assert monotonic() - pulse.moved_at >= 50
    pulse.moved()
    assert monotonic() - pulse.moved_at < 1
    assert pulse.worked_at is None
    pulse.moved(worked=True)
    assert pulse.worked_at == pulse.moved_at
