"""Half-open spans of epoch seconds, and where two histories of a value differ."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

Span = tuple[int, int]
#: (from, to, value): the value holds over [from, to).
Piece = tuple[int, int, Any]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same seconds in the fewest spans, in order; empty spans vanish."""
    result: list[Span] = []
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if result and begin <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((begin, end))
    return result


def common(left: Iterable[Span], right: Iterable[Span]) -> list[Span]:
    """The seconds that lie in both."""
    other = merged(right)
    return merged((max(a, c), min(b, d)) for a, b in merged(left) for c, d in other)


def differing(before: Sequence[Piece], after: Sequence[Piece]) -> list[Span]:
    """The seconds at which two histories differ; where no piece holds there is no value. Pieces of a history do not
    overlap."""
    edges = sorted({edge for piece in (*before, *after) for edge in piece[:2]})
    return merged((begin, end) for begin, end in pairwise(edges) if _value_at(before, begin) != _value_at(after, begin))


def _value_at(pieces: Sequence[Piece], second: int) -> Any:
    return next((value for begin, end, value in pieces if begin <= second < end), None)
