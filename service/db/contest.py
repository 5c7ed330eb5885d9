"""Which of all values that a key ever had stands, whatever order they came in (SEMANTICS §2.6). Pure numpy.

A *value* is (value, q, rev, scale, period). The same value again is a duplicate: it only may bring a later collection
time. So a key's state is its set of different values, each with its latest collection time; the best of them stands,
the others are its conflicts. That state does not depend on arrival, repetition or batching.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from detectors.readings import F64, I8, I32, I64, Bool, ReadingColumns, evidence_class


class Came(IntEnum):
    """What a candidate is before the contest."""

    STANDING = 0
    CONFLICT = 1
    ARRIVED = 2


class Fate(IntEnum):
    """What becomes of a row that arrived."""

    ACCEPTED = 0
    DUPLICATE = 1
    SUPERSEDED = 2


@dataclass(frozen=True, slots=True)
class Candidates:
    """N values with their origin. meter: meter_no; factor: multiplier at ts where secondary, else 1."""

    readings: ReadingColumns
    factor: F64
    part: I32
    offset: I64
    came: I8  # Came

    def __len__(self) -> int:
        return len(self.came)

    def take(self, rows: I64 | Bool) -> "Candidates":
        """The candidates named by an index array or a mask."""
        return Candidates(
            self.readings.take(rows), self.factor[rows], self.part[rows], self.offset[rows], self.came[rows]
        )

    @staticmethod
    def concat(parts: "list[Candidates]") -> "Candidates":
        """All candidates of the parts, in order."""
        return Candidates(
            ReadingColumns.concat([p.readings for p in parts]),
            np.concatenate([p.factor for p in parts]),
            np.concatenate([p.part for p in parts]),
            np.concatenate([p.offset for p in parts]),
            np.concatenate([p.came for p in parts]),
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """Result of ``settle``; K keys in the order of (meter, kind, ts)."""

    winner: I64  # (K) candidate that stands
    had_evidence: Bool  # (K) it is none, and another value of the key was
    changed: Bool  # (K) its value or had_evidence differs from what stood before; true where nothing stood
    rewritten: Bool  # (K) something stood, and any column of it changes
    period_s: I32  # (K) longest period among what stood and what stands: the span to judge again
    losers: I64  # candidates that are the key's other values, one each
    risen: I64  # conflicts whose value stands now
    fate: I8  # (N) of arrived candidates; 0 for the others


def key_starts(rows: ReadingColumns) -> Bool:
    """Of rows sorted by key: whether a row begins a new (meter, kind, ts)."""
    starts = np.ones(len(rows), np.bool_)
    starts[1:] = (rows.meter[1:] != rows.meter[:-1]) | (rows.kind[1:] != rows.kind[:-1]) | (rows.ts[1:] != rows.ts[:-1])
    return starts


def settle(candidates: Candidates) -> Settled:
    """Let all values of some keys compete. The candidates must be complete: for a key that has something standing, that
    and all its conflicts."""
    rows = candidates.readings
    n = len(candidates)
    comparable = np.nan_to_num(rows.value, nan=-np.inf)
    by_value = np.lexsort(
        (
            candidates.offset,
            candidates.part,
            -rows.coll,
            comparable,
            rows.period_s,
            rows.scale,
            rows.q,
            rows.rev,
            rows.ts,
            rows.kind,
            rows.meter,
        )
    )
    sorted_rows = rows.take(by_value)
    key_begins = key_starts(sorted_rows)
    value_begins = key_begins.copy()
    for column in (comparable[by_value], sorted_rows.period_s, sorted_rows.scale, sorted_rows.q, sorted_rows.rev):
        value_begins[1:] |= column[1:] != column[:-1]
    value_of = np.empty(n, np.int64)
    value_of[by_value] = np.cumsum(value_begins) - 1
    key_of = np.empty(n, np.int64)
    key_of[by_value] = np.cumsum(key_begins) - 1
    best_of_value = by_value[value_begins]

    best = rows.take(best_of_value)
    primary = comparable[best_of_value] * candidates.factor[best_of_value]
    rank = np.lexsort(
        (
            best.period_s,
            best.scale,
            -primary,
            best.q,
            -best.coll,
            evidence_class(best.q),
            -best.rev.astype(np.int64),
            key_of[best_of_value],
        )
    )
    ranked_keys = key_of[best_of_value[rank]]
    first = np.ones(len(rank), np.bool_)
    first[1:] = ranked_keys[1:] != ranked_keys[:-1]
    winner = best_of_value[rank[first]]
    losers = best_of_value[rank[~first]]
    keys = len(winner)

    was_evidence = (evidence_class(rows.q) == 0) | rows.had_evidence
    any_evidence = np.zeros(keys, np.bool_)
    np.logical_or.at(any_evidence, key_of, was_evidence)
    had_evidence = any_evidence & (evidence_class(rows.q[winner]) != 0)

    standing = np.flatnonzero(candidates.came == Came.STANDING)
    stood = np.full(keys, -1, np.int64)
    stood[key_of[standing]] = standing
    has_stood = stood >= 0
    same_value = has_stood & (value_of[np.maximum(stood, 0)] == value_of[winner])
    same_flag = has_stood & (rows.had_evidence[np.maximum(stood, 0)] == had_evidence)
    period_s = np.where(has_stood, np.maximum(rows.period_s[stood], rows.period_s[winner]), rows.period_s[winner])

    stands = value_of == value_of[winner][key_of]
    arrived = candidates.came == Came.ARRIVED
    fate = np.zeros(n, np.int8)
    fate[arrived & ~stands] = Fate.SUPERSEDED
    fate[arrived & stands] = Fate.DUPLICATE
    won = np.flatnonzero(arrived & stands & ~same_value[key_of])
    _, first_of_key = np.unique(key_of[won], return_index=True)
    fate[won[first_of_key]] = Fate.ACCEPTED
    return Settled(
        winner=winner,
        had_evidence=had_evidence,
        changed=~(same_value & same_flag),
        rewritten=has_stood & ~((stood == winner) & same_flag),
        period_s=period_s.astype(np.int32),
        losers=losers,
        risen=np.flatnonzero((candidates.came == Came.CONFLICT) & stands),
        fate=fate,
    )
