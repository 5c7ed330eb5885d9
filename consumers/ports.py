"""What ingest asks of the stream: the same for a broker and for a list in a test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Headers = Sequence[tuple[str, bytes]]


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
