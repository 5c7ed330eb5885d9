"""What ingest asks of the stream: the same for a broker and for a list in a test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from detectors.errors import CuofengError, InfrastructureError

Headers = Sequence[tuple[str, bytes]]


class FeedError(InfrastructureError):
    """Reading the stream failed; records may be missing from what is returned next."""


class OutOfRangeError(FeedError):
    """Partitions are to be read from offsets that the broker does not have: ``parts``."""

    def __init__(self, parts: Sequence[int]) -> None:
        super().__init__(f"the broker does not have the offsets to read from: partitions {list(parts)}")
        self.parts = tuple(parts)


class FatalFeedError(CuofengError):
    """A rebalance went wrong or the stream stands still: this process must end and start again."""


class RawRecord(Protocol):
    """A record as the broker gave it: bytes, nothing decoded. ``timestamp`` in epoch milliseconds."""

    @property
    def offset(self) -> int: ...

    @property
    def timestamp(self) -> int: ...

    @property
    def key(self) -> bytes | None: ...

    @property
    def value(self) -> bytes | None: ...

    @property
    def headers(self) -> Headers: ...


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record that was kept (quarantine) or made by hand."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Owner(Protocol):
    """Who takes partitions over and gives them back. Both may be called from a background task."""

    async def assigned(self, parts: Sequence[int]) -> Mapping[int, int]:
        """Claim the partitions; the offset that each is to be read from."""
        ...

    def waits(self, part: int) -> bool:
        """Whether nothing is to be fetched of a partition that was just assigned: it is stopped."""
        ...

    async def revoked(self, parts: Sequence[int]) -> None:
        """Let the partitions go; nothing may be begun for them any more."""
        ...


class Feed(Protocol):
    """A topic read as a member of a group."""

    async def start(self, owner: Owner) -> None: ...

    async def stop(self) -> None: ...

    async def poll(self, parts: Sequence[int], timeout_s: float, max_records: int) -> Mapping[int, Sequence[RawRecord]]:
        """New records of the partitions (of none: of all), at most so many. Raises ``FeedError``: seek every owned
        partition back to its cursor."""
        ...

    def seek(self, part: int, offset: int) -> None: ...

    def pause(self, parts: Sequence[int]) -> None: ...

    def resume(self, parts: Sequence[int]) -> None: ...

    async def bounds(self, parts: Sequence[int]) -> Mapping[int, tuple[int, int]]:
        """First offset and end offset of each partition, asked from the broker now, but not below what fetching has
        already shown."""
        ...

    def high_watermark(self, part: int) -> int | None:
        """End of the partition as the last answer to a fetch told it; None before the first."""
        ...

    async def hint(self, offsets: Mapping[int, int]) -> None:
        """Tell the broker where the group stands: for dashboards, never our truth. Raises what it likes."""
        ...
