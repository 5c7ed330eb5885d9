"""Which readings are worth a COPY straight into the table: a guess, so that a repeated one does not cost its batch.

Readings later than all that the stream has brought of their meter and kind are new, nearly always. What lies further
back may be repeated, or a gap that is filled: it is tried by itself, and less often after it failed.
"""

from dataclasses import dataclass, field

import numpy as np

from detectors.readings import I64, Bool, ReadingColumns
from detectors.vocab import Kind

_NEVER = -(1 << 62)


@dataclass(slots=True)
class Tries:
    """Whether to try: after a failure some batches are spared it, twice as many each time."""

    spared: int = 0
    failures: int = 0

    def again(self) -> bool:
        """Whether the next batch tries it."""
        self.spared = max(0, self.spared - 1)
        return self.spared == 0

    def learn(self, *, went_in: bool) -> None:
        """It went in, or it did not."""
        self.failures = 0 if went_in else min(self.failures + 1, 6)
        self.spared = 0 if went_in else 1 << self.failures


@dataclass(slots=True)
class Optimism:
    """What the batches of one stream have shown. The database decides; this may forget or be wrong."""

    newest: Tries = field(default_factory=Tries)
    older: Tries = field(default_factory=Tries)
    _latest: I64 = field(default_factory=lambda: np.empty(0, np.int64))

    def are_newest(self, rows: ReadingColumns) -> Bool:
        """Which readings are later than all that were noted of their meter and kind. rows.meter: meter_no."""
        place = self._places(rows)
        later: Bool = rows.ts > self._latest[place]
        return later

    def note(self, rows: ReadingColumns) -> None:
        """These readings have come. Sorted by (meter, kind, ts)."""
        place = self._places(rows)
        is_last = np.append(place[1:] != place[:-1], True)
        self._latest[place[is_last]] = np.maximum(self._latest[place[is_last]], rows.ts[is_last])

    def _places(self, rows: ReadingColumns) -> I64:
        place = rows.meter.astype(np.int64) * len(Kind) + rows.kind
        missing = int(place.max()) + 1 - len(self._latest)
        if missing > 0:
            self._latest = np.concatenate([self._latest, np.full(missing, _NEVER)])
        return place
