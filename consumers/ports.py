"""What ingest asks of the stream: the same for a broker and for a list in a test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol, overload

import numpy as np

from detectors.errors import CuofengError, InfrastructureError
from detectors.readings import I64

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


@dataclass(frozen=True, slots=True, eq=False)
class Records(Sequence[RawRecord]):
    """N records of one partition as columns: no object a message, only bytes."""

    offsets: I64
    timestamps: I64  # epoch milliseconds
    keys: list[bytes | None]
    values: list[bytes | None]
    headers: Sequence[Headers] | None = None  # None: no record has any

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, which: int) -> StoredRecord: ...

    @overload
    def __getitem__(self, which: slice) -> "Records": ...

    def __getitem__(self, which: int | slice) -> "StoredRecord | Records":
        if isinstance(which, slice):
            return Records(
                self.offsets[which],
                self.timestamps[which],
                self.keys[which],
                self.values[which],
                None if self.headers is None else self.headers[which],
            )
        headers = () if self.headers is None else self.headers[which]
        offset, timestamp = int(self.offsets[which]), int(self.timestamps[which])
        return StoredRecord(offset, timestamp, self.keys[which], self.values[which], headers)

    @staticmethod
    def of(records: Sequence[RawRecord]) -> "Records":
        """Any records as columns."""
        if isinstance(records, Records):
            return records
        headers = [r.headers for r in records]
        return Records(
            np.array([r.offset for r in records], np.int64),
            np.array([r.timestamp for r in records], np.int64),
            [r.key for r in records],
            [r.value for r in records],
            headers if any(headers) else None,
        )

    @staticmethod
    def concat(parts: "Sequence[Records]") -> "Records":
        """All records of the parts, in order."""
        if len(parts) == 1:
            return parts[0]
        headers = None
        if any(p.headers is not None for p in parts):
            headers = list(chain.from_iterable(p.headers or ((),) * len(p) for p in parts))
        return Records(
            np.concatenate([np.empty(0, np.int64), *(p.offsets for p in parts)]),
            np.concatenate([np.empty(0, np.int64), *(p.timestamps for p in parts)]),
            list(chain.from_iterable(p.keys for p in parts)),
            list(chain.from_iterable(p.values for p in parts)),
            headers,
        )


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
        """New records of the partitions (of none: of all); of each about ``max_records`` at most. Raises ``FeedError``:
        seek every owned partition back to its cursor."""
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
