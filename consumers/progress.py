"""When ingest stands still though there is something to read (RELIABILITY §1.4). Asks no server, nothing holds it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic

from consumers.partition import Partition
from consumers.ports import FatalFeedError

WATCHDOG_S = 30.0
#: Spans of ``limit_s`` that a batch may wait while those of other partitions are written.
TURNS = 4


@dataclass(slots=True)
class Progress:
    """What moved last, over the partitions of one process; monotonic seconds. ``limit_s``: the longest standstill."""

    limit_s: float = WATCHDOG_S
    committed_at: float = field(default_factory=monotonic)  # of any partition
    claiming_from: float | None = None  # since when a rebalance waits for its claims

    def excuse(self, partitions: Iterable[Partition]) -> None:
        """A server is away: nothing can move, and a new process could not move it either."""
        now = self.committed_at = monotonic()
        if self.claiming_from is not None:
            self.claiming_from = now
        for partition in partitions:
            partition.moved_at = now

    def check(self, partitions: Iterable[Partition]) -> None:
        """Raises ``FatalFeedError`` where a partition, or a claim, stands for longer than it may."""
        now = monotonic()
        if self.claiming_from is not None and now - self.claiming_from > self.limit_s:
            raise FatalFeedError("partitions cannot be claimed: something holds their cursors")
        others_move = now - self.committed_at <= self.limit_s
        for partition in partitions:
            end = partition.end_offset
            if not partition.is_running or end is None or partition.cursor >= end:
                continue
            # A batch that waits for its turn to be written has longer, as long as turns are taken.
            turns = TURNS if others_move and partition.task is not None else 1
            if now - partition.moved_at > self.limit_s * turns:
                raise FatalFeedError(f"partition {partition.part} stands at {partition.cursor} of {end}")
