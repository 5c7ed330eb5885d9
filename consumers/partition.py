"""One ownership of one partition: what was read, what is committed, and the work between the two."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from consumers.poison import PoisonGauge
from consumers.ports import RawRecord, Records
from service.db.optimism import Optimism

#: A longer message is no single reading, and counts as one for so many bytes: a frame has 11 and more for each.
SINGLE_BYTES, BYTES_A_READING = 512, 16


@dataclass(slots=True, eq=False)
class Partition:
    """Made anew at every claim; an old one's work can only be fenced. Times monotonic seconds."""

    part: int
    epoch: int
    cursor: int  # next offset to commit
    moved_at: float  # when the cursor last moved, or there was nothing to do
    read_to: int = 0  # next offset to take from the feed
    pending: Sequence[RawRecord] = ()
    task: "asyncio.Task[None] | None" = None
    end_offset: int | None = None
    stopped_reason: str | None = None
    is_lost: bool = False  # revoked or fenced: begin nothing any more
    hole_at: int | None = None  # first offset that came after a gap, sought once
    poison: PoisonGauge = field(default_factory=PoisonGauge)
    optimism: Optimism = field(default_factory=Optimism)

    def __post_init__(self) -> None:
        self.read_to = self.cursor

    @property
    def is_running(self) -> bool:
        """Records may be taken for it."""
        return not self.is_lost and self.stopped_reason is None

    def room(self, limit: int) -> bool:
        """Whether more records may be read: at most one batch waits beside the ones in work."""
        return self.is_running and len(self.pending) < limit

    def take_in(self, records: Sequence[RawRecord]) -> bool:
        """Add what the feed gave. False: it does not begin where it should; seek back to ``read_to``.

        The same hole twice in a row is a real one: compacted and transactional topics have them.
        """
        fresh = Records.of(records)
        fresh = fresh[int(np.searchsorted(fresh.offsets, self.read_to)) :]
        if not fresh:
            return True
        first, last = int(fresh.offsets[0]), int(fresh.offsets[-1])
        if first != self.read_to and self.hole_at != first:
            self.hole_at = first
            return False
        self.hole_at = None
        self.pending = Records.concat([Records.of(self.pending), fresh]) if self.pending else fresh
        self.read_to = last + 1
        return True

    def rewind(self) -> int:
        """Forget what waits but is not in work; the offset to read from."""
        if self.pending:
            self.read_to = self.pending[0].offset
            self.pending = ()
        return self.read_to

    def next_batch(self, limit: int) -> Sequence[RawRecord]:
        """Take the first records that wait: so many, fewer where they are frames."""
        batch = Records.of(self.pending if len(self.pending) <= limit else self.pending[:limit])
        bodies = list(filter(None, batch.values))
        if max(map(len, bodies), default=0) > SINGLE_BYTES:
            sizes = np.array([len(body or b"") for body in batch.values], np.int64)
            weights = np.where(sizes > SINGLE_BYTES, sizes // BYTES_A_READING, 1)
            batch = batch[: max(1, int(np.searchsorted(np.cumsum(weights), limit, side="right")))]
        self.pending = self.pending[len(batch) :]
        return batch
