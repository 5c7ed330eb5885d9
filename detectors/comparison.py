"""Two judgements of the same readings side by side: alerts added, removed and moved, days whose verdict changed.

Which question it answers: what would another threshold, baseline or order have changed? The alerts of one scope, rule
and order are paired by their first slot, else by overlap in time; what is left over was added or removed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert
from detectors.vocab import Verdict

U8 = npt.NDArray[np.uint8]

#: A pair is moved where one of these differs.
MOVES = ("first_slot", "opened_slot", "closed_slot", "grade")
#: Slots of an alert that is open: it overlaps everything later.
_OPEN = 2**62


class ChangeKind(StrEnum):
    """What became of an alert."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class AlertChange:
    """One alert that differs. before None: added; after None: removed. moved: names of ``MOVES`` that differ."""

    kind: ChangeKind
    before: Alert | None
    after: Alert | None
    moved: tuple[str, ...] = ()

    @property
    def alert(self) -> Alert:
        """The alert as it is after, else as it was before."""
        found = self.after or self.before
        if found is None:
            raise ValueError("a change is of an alert")
        return found


@dataclass(frozen=True, slots=True)
class JudgedDays:
    """Verdicts of S scopes on D local days. scope_ids: sorted; days: in order; verdict: [S, D] of ``Verdict``."""

    scope_ids: tuple[str, ...]
    days: tuple[date, ...]
    verdict: U8


@dataclass(frozen=True, slots=True)
class DayChange:
    """A scope's local day with another verdict."""

    scope_id: str
    day: date
    before: Verdict
    after: Verdict


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, in the order of scopes and time. alerts_*: how many there are; same: alerts that did not move."""

    alerts_before: int
    alerts_after: int
    same: int
    alerts: tuple[AlertChange, ...]
    days_compared: int
    days: tuple[DayChange, ...]

    def count(self, kind: ChangeKind) -> int:
        """Alerts of a kind of change."""
        return sum(change.kind == kind for change in self.alerts)


def compare(
    alerts_before: Sequence[Alert], alerts_after: Sequence[Alert], days_before: JudgedDays, days_after: JudgedDays
) -> Comparison:
    """Compare two judgements. Scopes and days that only one of them has are not compared; their alerts are."""
    changes, same = compare_alerts(alerts_before, alerts_after)
    days, compared = compare_days(days_before, days_after)
    return Comparison(len(alerts_before), len(alerts_after), same, tuple(changes), compared, tuple(days))


def compare_alerts(before: Iterable[Alert], after: Iterable[Alert]) -> tuple[list[AlertChange], int]:
    """What differs, by scope, first slot, rule and order; and how many are alike."""
    groups: dict[tuple[str, str, str], tuple[list[Alert], list[Alert]]] = defaultdict(lambda: ([], []))
    for side, alerts in enumerate((before, after)):
        for alert in alerts:
            groups[alert.scope_id, alert.rule.value, alert.order_id or ""][side].append(alert)
    changes: list[AlertChange] = []
    same = 0
    for old, new in groups.values():
        for one, other in _pairs(old, new):
            change = _change(one, other)
            if change is None:
                same += 1
            else:
                changes.append(change)
    changes.sort(key=lambda c: (c.alert.scope_id, c.alert.first_slot, c.alert.rule.value, c.alert.order_id or ""))
    return changes, same


def _pairs(old: list[Alert], new: list[Alert]) -> list[tuple[Alert | None, Alert | None]]:
    """Each alert once: with its like of the other side, or alone. Equal first slots first, then what overlaps."""
    starts = {alert.first_slot: alert for alert in new}
    pairs: list[tuple[Alert | None, Alert | None]] = [(a, starts.pop(a.first_slot, None)) for a in old]
    free = sorted(starts.values(), key=lambda a: a.first_slot)
    alone = sorted((a for a, b in pairs if a is not None and b is None), key=lambda a: a.first_slot)
    found: list[tuple[Alert | None, Alert | None]] = [p for p in pairs if p[1] is not None]
    for alert in alone:
        like = next((b for b in free if _overlap(alert, b)), None)
        if like is not None:
            free.remove(like)
        found.append((alert, like))
    return found + [(None, alert) for alert in free]


def _overlap(one: Alert, other: Alert) -> bool:
    return one.first_slot <= _end(other) and other.first_slot <= _end(one)


def _end(alert: Alert) -> int:
    return _OPEN if alert.closed_slot is None else alert.closed_slot


def _change(before: Alert | None, after: Alert | None) -> AlertChange | None:
    if before is None:
        return AlertChange(ChangeKind.ADDED, None, after)
    if after is None:
        return AlertChange(ChangeKind.REMOVED, before, None)
    moved = tuple(name for name in MOVES if getattr(before, name) != getattr(after, name))
    return AlertChange(ChangeKind.MOVED, before, after, moved) if moved else None


def compare_days(before: JudgedDays, after: JudgedDays) -> tuple[list[DayChange], int]:
    """Days of scopes that both judged and whose verdicts differ, by scope and day; and how many both judged."""
    scopes = sorted(set(before.scope_ids) & set(after.scope_ids))
    days = sorted(set(before.days) & set(after.days))
    if not scopes or not days:
        return [], 0
    one, other = (_part(side, scopes, days) for side in (before, after))
    return [
        DayChange(scopes[s], days[d], Verdict(one[s, d]), Verdict(other[s, d])) for s, d in np.argwhere(one != other)
    ], one.size


def _part(side: JudgedDays, scopes: list[str], days: list[date]) -> U8:
    row = {scope: i for i, scope in enumerate(side.scope_ids)}
    column = {day: i for i, day in enumerate(side.days)}
    return side.verdict[np.ix_([row[s] for s in scopes], [column[d] for d in days])]
