"""Where a changed registry asks other thresholds of a scope, local day by local day, and of which of its slots.

Pure. A row holds from the first local midnight that is not before its ``from`` (``detectors.threshold_table``).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from detectors.registry import Order, Registry, Threshold, with_default_scopes
from detectors.threshold_table import NO_SCOPE, ThresholdTable, day_begin
from detectors.thresholds import KINDS, kind_of
from detectors.vocab import Control, Rule
from service.db.registry_diff import TableChanges
from service.db.registry_spans import Span

Kind = tuple[str, str]
#: (from, to, value before, value after) of local days on which they differ.
Piece = tuple[int, int, float, float]

#: Orders that each rule's thresholds are asked of; the other rules look at slots without any order.
CONTROLS: Mapping[str, tuple[Control, ...]] = {
    Rule.STOP_RUN: (Control.STOP,),
    Rule.STOP_DAY: (Control.STOP,),
    Rule.LIMIT_SLOT: (Control.LIMIT,),
    Rule.LIMIT_DAY: (Control.LIMIT, Control.COKING),
    Rule.LIMIT_PACE: (Control.LIMIT, Control.COKING),
    Rule.CAP_ABS: (Control.CAP,),
    Rule.UNITS_OVER: (Control.UNITS,),
    Rule.HOURS_OVER: (Control.STOP, Control.CAP, Control.LIMIT, Control.UNITS),
    Rule.NIGHT_RUN: (Control.STOP, Control.CAP, Control.LIMIT),
    Rule.STEP_UP: tuple(Control),
    Rule.SHIFT: tuple(Control),
    Rule.OFFLINE: tuple(Control),
    "closing": tuple(Control),
    "baseline": tuple(Control),
}
#: By these a stop's cap is known, and so which order goes before which, and whether a grace is given again.
OF_CAPS: tuple[Kind, ...] = ((Rule.STOP_RUN, "margin"), (Rule.STOP_RUN, "unknown_low"))
OF_GRACE: tuple[Kind, ...] = (*OF_CAPS, (Rule.STOP_RUN, "grace_h"))
#: By these line meters tell whether a line runs.
OF_LINES: tuple[Kind, ...] = (*OF_CAPS, (Rule.STOP_RUN, "unknown_high"))
#: A night is judged with the day of its morning, and begins so long before midnight.
NIGHT_BEGINS_S = 2 * 3600


@dataclass(frozen=True, slots=True)
class Difference:
    """A scope of which another value is asked. scope_id None: of meters or sources, which belong to no one scope."""

    scope_id: str | None
    kind: Kind
    pieces: tuple[Piece, ...]

    @property
    def spans(self) -> list[Span]:
        """The days, as seconds."""
        return [piece[:2] for piece in self.pieces]


def threshold_differences(
    changes: Mapping[str, TableChanges], before: Registry, after: Registry
) -> Iterator[Difference]:
    """Every scope and kind that another value is asked of. A value for all is asked of scopes without their own."""
    changed = {(new.rule, new.name) for _, new in changes["thresholds"].pairs()}
    for name in sorted(changed):
        kind = kind_of(*name)
        if kind is None:
            continue
        was, now = (_histories(registry, name) for registry in (before, after))
        of_all = _pieces((was[None],), (now[None],), kind.default)
        if not kind.per_scope:
            yield Difference(None, name, of_all)
            continue
        own = {scope_id for scope_id in (*was, *now) if scope_id is not None}
        for scope_id in sorted(own):
            found = _pieces((was[scope_id], was[None]), (now[scope_id], now[None]), kind.default)
            if found:
                yield Difference(scope_id, name, found)
        for scope in with_default_scopes(after).scopes if of_all else ():
            if scope.scope_id not in own:
                yield Difference(scope.scope_id, name, of_all)


def grace_hours(registry: Registry) -> Callable[[Order], float]:
    """The grace of each order, whatever went before it (SEMANTICS §3.19)."""
    row = {scope_id: i for i, scope_id in enumerate({t.scope_id for t in registry.thresholds if t.scope_id})}
    table = ThresholdTable(registry.thresholds, row, KINDS, registry.zone)

    def of_order(order: Order) -> float:
        if order.ramp_down_h is not None:
            return order.ramp_down_h
        if order.control is not Control.STOP:
            return 0.0
        return table.of_scope(Rule.STOP_RUN, "grace_h", row.get(order.scope_id, NO_SCOPE), order.valid_from)[0]

    return of_order


#: (from, to, value) of one scope's rows, or of those for all, in whole local days.
_Rows = Sequence[tuple[int, int, float]]


def _histories(registry: Registry, kind: Kind) -> Mapping[str | None, _Rows]:
    found: dict[str | None, list[tuple[int, int, float]]] = defaultdict(list)
    for row in registry.thresholds:
        if (row.rule, row.name) == kind:
            found[row.scope_id].append(_in_days(registry.zone, row))
    return found


def _in_days(zone: str, row: Threshold) -> tuple[int, int, float]:
    return day_begin(zone, row.valid_from), day_begin(zone, row.valid_to), row.value


def _pieces(was: Sequence[_Rows], now: Sequence[_Rows], default: float) -> tuple[Piece, ...]:
    """Where two values differ; the first rows that hold tell it."""
    edges = sorted({edge for rows in (*was, *now) for row in rows for edge in row[:2]})
    found: list[Piece] = []
    for begin, end in pairwise(edges):
        one, other = _value_at(was, begin, default), _value_at(now, begin, default)
        if one != other:
            found.append((begin, end, one, other))
    return tuple(found)


def _value_at(rows: Sequence[_Rows], at_s: int, default: float) -> float:
    return next((value for of in rows for begin, end, value in of if begin <= at_s < end), default)
