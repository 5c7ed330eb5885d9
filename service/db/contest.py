"""Which of all values that a key ever had stands, whatever order they came in (SEMANTICS §2.6). Pure numpy.

A *value* is (value, q, rev, scale, period). The same value again is a duplicate: it only may bring a later collection
time. So a key's state is its set of different values, each with its latest collection time; the best of them stands,
the others are its conflicts. That state does not depend on arrival, repetition or batching.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from detectors.readings import F64, I8, I32, I64, Bool, ReadingColumns, evidence_class

_TS_BITS, _KIND_BITS = 29, 3


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


def packed_keys(*parts: ReadingColumns) -> list[I64] | None:
    """Keys of the rows as one number each, in the order of (meter, kind, ts); None where they span too many years."""
    filled = [part for part in parts if len(part)]
    first = min((int(part.ts.min()) for part in filled), default=0)
    last = max((int(part.ts.max()) for part in filled), default=0)
    if last - first >= 1 << _TS_BITS or any(int(part.meter.min()) < 0 for part in filled):
        return None
    return [
        (part.meter.astype(np.int64) << (_TS_BITS + _KIND_BITS))
        + (part.kind.astype(np.int64) << _TS_BITS)
        + (part.ts - first)
        for part in parts
    ]


def sorted_by_key(rows: ReadingColumns) -> tuple[I64, Bool]:
    """Order of the rows by (meter, kind, ts), and along it whether a row begins a new key."""
    packed = packed_keys(rows)
    if packed is None:
        order = np.lexsort((rows.ts, rows.kind, rows.meter))
        return order, key_starts(rows.take(order))
    order = np.argsort(packed[0])
    along = packed[0][order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = along[1:] != along[:-1]
    return order, begins


def is_among(rows: ReadingColumns, others: ReadingColumns) -> Bool:
    """Whether each row's key is the key of one of the others."""
    packed = packed_keys(rows, others)
    if packed is not None:
        return np.isin(packed[0], packed[1])
    key = [("meter", np.int32), ("kind", np.int8), ("ts", np.int64)]
    keys, wanted = np.empty(len(rows), key), np.empty(len(others), key)
    for name, _ in key:
        keys[name], wanted[name] = getattr(rows, name), getattr(others, name)
    return np.isin(keys, wanted)


def key_starts(rows: ReadingColumns) -> Bool:
    """Of rows sorted by key: whether a row begins a new (meter, kind, ts)."""
    starts = np.ones(len(rows), np.bool_)
    starts[1:] = (rows.meter[1:] != rows.meter[:-1]) | (rows.kind[1:] != rows.kind[:-1]) | (rows.ts[1:] != rows.ts[:-1])
    return starts


def settle_new(rows: Candidates) -> Settled:
    """What ``settle`` says of rows that all arrived; only keys that come twice compete."""
    order, begins = sorted_by_key(rows.readings)
    first = np.flatnonzero(begins)
    none = np.zeros(len(first), np.bool_)
    settled = Settled(
        winner=order[first],
        had_evidence=none,
        changed=~none,
        rewritten=none,
        period_s=rows.readings.period_s[order[first]],
        losers=np.empty(0, np.int64),
        risen=np.empty(0, np.int64),
        fate=np.full(len(order), Fate.ACCEPTED, np.int8),
    )
    if len(first) == len(order):
        return settled
    key = np.cumsum(begins) - 1
    comes_again = np.bincount(key) > 1
    contested = np.sort(order[comes_again[key]])
    among = settle(rows.take(contested))
    had_evidence = none.copy()
    had_evidence[comes_again] = among.had_evidence
    settled.winner[comes_again] = contested[among.winner]
    settled.period_s[comes_again] = among.period_s
    settled.fate[contested] = among.fate
    return replace(settled, had_evidence=had_evidence, losers=contested[among.losers])


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
