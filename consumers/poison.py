"""When a partition holds something that is no readings at all: stop and say so (RELIABILITY §2).

Only whole messages that were refused count. Row faults and unknown meters never stop a partition.
"""

import numpy as np

from detectors.readings import Bool

WINDOW = 10_000
MAX_SHARE = 0.05
MAX_IN_A_ROW = 100


class PoisonGauge:
    """Watches the messages of one partition in order."""

    def __init__(self) -> None:
        self._seen: Bool = np.zeros(0, np.bool_)

    def first_excess(self, refused: Bool) -> int | None:
        """Number of the message at which a limit is passed, None if at none. refused: of the next messages."""
        both = np.concatenate([self._seen, refused])
        total = np.concatenate([[0], np.cumsum(both)])
        numbers = np.arange(1, len(both) + 1)
        share = total[1:] - total[np.maximum(numbers - WINDOW, 0)] > MAX_SHARE * WINDOW
        last_good = np.maximum.accumulate(np.where(both, 0, numbers))
        in_a_row = numbers - last_good >= MAX_IN_A_ROW
        excess = np.flatnonzero((share | in_a_row)[len(self._seen) :])
        return int(excess[0]) if len(excess) else None

    def note(self, refused: Bool) -> None:
        """These messages are settled."""
        self._seen = np.concatenate([self._seen, refused])[-WINDOW:]
