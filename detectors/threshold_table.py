"""Which value of a threshold holds for a scope on a local day: the one set for the scope, else that for all, else the
default. A local day is judged by what holds at its beginning.

So a row holds from the first local midnight that is not before its ``from`` up to the first that is not before its
``to``; then any instant of a day finds the day's value, and no lookup needs to know where the day began.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.registry import ALWAYS, FOREVER, Threshold
from detectors.slots import DAY_S, instant, local_date
from detectors.thresholds import DEFAULT_ORIGIN, ThresholdKind

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

#: In place of a scope's row: only what is set for all counts.
NO_SCOPE = -1
#: More than every instant, so that scope and instant make one sorted key.
_SPAN = FOREVER + 1


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of one kind, for all scopes or of scopes; sorted by scope, then time."""

    key: I64  # scope x _SPAN + from
    scope: I64  # 0 of rows for all
    until: I64
    value: F64
    origin: tuple[str, ...]

    def holding(self, scopes: I64, at_s: I64) -> tuple[I64, npt.NDArray[np.bool_]]:
        """Of each (scope, instant) the row that may hold, and whether it does."""
        at = np.searchsorted(self.key, scopes * _SPAN + at_s, side="right") - 1
        row = np.maximum(at, 0)
        return row, (at >= 0) & (self.scope[row] == scopes) & (at_s < self.until[row])


class ThresholdTable:
    """The thresholds of a world. Where nothing is set, a lookup costs next to nothing."""

    def __init__(
        self, rows: Sequence[Threshold], scope_row: dict[str, int], kinds: Iterable[ThresholdKind], zone: str
    ) -> None:
        self._default = {(kind.rule, kind.name): kind.default for kind in kinds}
        self._zone = zone
        given = [row for row in rows if (row.rule, row.name) in self._default]
        self._for_all = self._of_kinds([(0, row) for row in given if row.scope_id is None])
        self._of_scopes = self._of_kinds([(scope_row[row.scope_id], row) for row in given if row.scope_id is not None])

    def _of_kinds(self, given: Sequence[tuple[int, Threshold]]) -> dict[tuple[str, str], _Rows]:
        grouped: dict[tuple[str, str], list[tuple[int, int, int, Threshold]]] = {}
        for scope, row in given:
            begin, end = (day_begin(self._zone, at_s) for at_s in (row.valid_from, row.valid_to))
            if begin < end:
                grouped.setdefault((row.rule, row.name), []).append((scope, begin, end, row))
        found = {}
        for kind, rows in grouped.items():
            rows.sort(key=lambda row: row[:2])
            found[kind] = _Rows(
                np.array([scope * _SPAN + begin for scope, begin, _, _ in rows], np.int64),
                np.array([scope for scope, _, _, _ in rows], np.int64),
                np.array([end for _, _, end, _ in rows], np.int64),
                np.array([row.value for _, _, _, row in rows], np.float64),
                tuple(row.origin for _, _, _, row in rows),
            )
        return found

    def at(self, rule: str, name: str, scopes: I64 | int, at_s: I64 | int) -> F64:
        """Value of scopes (rows of the world, ``NO_SCOPE`` for none) on the local days of instants, epoch s, in the
        shape that the two have together."""
        kind = rule, name
        found: F64 = np.full(np.broadcast(scopes, at_s).shape, self._default[kind])
        for rows, asked in ((self._for_all.get(kind), np.int64(0)), (self._of_scopes.get(kind), scopes)):
            if rows is not None:
                row, holds = rows.holding(np.asarray(asked, np.int64), np.asarray(at_s, np.int64))
                found = np.where(holds, rows.value[row], found)
        return found

    def of_scope(self, rule: str, name: str, scope: int, at_s: int) -> tuple[float, str]:
        """Value and origin for one scope on the local day of an instant."""
        kind = rule, name
        for rows, asked in ((self._of_scopes.get(kind), scope), (self._for_all.get(kind), 0)):
            if rows is not None:
                row, holds = rows.holding(np.array([asked]), np.array([at_s]))
                if holds[0]:
                    return float(rows.value[row[0]]), rows.origin[int(row[0])]
        return self._default[kind], DEFAULT_ORIGIN

    def extremes(self, rule: str, name: str) -> tuple[float, float]:
        """The lowest and the highest value that is asked of anyone at any time."""
        kind = rule, name
        values = [self._default[kind]]
        values += [v for table in (self._for_all, self._of_scopes) if kind in table for v in table[kind].value.tolist()]
        return min(values), max(values)

    def edges(self, *kinds: tuple[str, str]) -> I64:
        """Midnights at which a value of these kinds may change."""
        tables = [t[kind] for kind in kinds for t in (self._for_all, self._of_scopes) if kind in t]
        if not tables:
            return np.zeros(0, np.int64)
        return np.unique(np.concatenate([part for t in tables for part in (t.key % _SPAN, t.until)]))


def day_begin(zone: str, at_s: int) -> int:
    """The first local midnight that is not before an instant; the open ends of time stay what they are."""
    if at_s <= ALWAYS or at_s >= FOREVER:
        return at_s
    day = local_date(zone, at_s)
    midnight = instant(zone, day, 0)
    return midnight if midnight == at_s else instant(zone, day, DAY_S)
