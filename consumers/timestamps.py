"""Times of the wire: RFC 3339 with offset (FEED §1), parsed once a text and remembered."""

import re
from datetime import UTC, datetime, timedelta
from enum import IntEnum

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class TimeFault(IntEnum):
    """What is wrong with a time; below every time that can be."""

    BAD = -(1 << 62)
    NAIVE = -(1 << 62) + 1


def parse_ms(value: str) -> int:
    """Epoch milliseconds of an RFC 3339 time; ``TimeFault.NAIVE`` without an offset, ``TimeFault.BAD`` for the rest."""
    match = _RFC3339.fullmatch(value)
    if match is None:
        return TimeFault.BAD
    try:
        moment = datetime.fromisoformat(value.upper())
        if match.group(2) is None:
            return TimeFault.NAIVE
        return (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return TimeFault.BAD


class TimeCache(dict[str, int]):
    """Epoch milliseconds by text. A feed says the same few thousand times over and over; those of collection may all
    differ, and fill it."""

    def __init__(self, limit: int = 16_384) -> None:
        super().__init__()
        self._limit = limit

    def __missing__(self, value: str) -> int:
        if len(self) >= self._limit:
            self.clear()
        self[value] = found = parse_ms(value)
        return found
