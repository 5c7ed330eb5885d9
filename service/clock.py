"""The one place that reads a clock. Composition roots make one and hand it on; all else takes it as an argument."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time of the world that is judged, in epoch seconds UTC."""

    @property
    def is_virtual(self) -> bool:
        """Whether it tells a story's time: then it says nothing of how right this machine's clock is."""
        ...

    def now(self) -> float:
        """Epoch seconds, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    is_virtual = False

    def now(self) -> float:
        """Epoch seconds, UTC."""
        return time.time()  # noqa: TID251 - the one place


class VirtualClock:
    """A clock that is set from outside, for the demo and the tests."""

    is_virtual = True

    def __init__(self, epoch_s: float) -> None:
        self._now = epoch_s

    def now(self) -> float:
        """Epoch seconds, UTC."""
        return self._now

    def advance_to(self, epoch_s: float) -> None:
        """Go forward; a time that is not later changes nothing."""
        self._now = max(self._now, epoch_s)
