"""A comparison as people and programs read it: one document, and the same as rows of a table."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from detectors.alerts import Alert
from detectors.comparison import MOVES, AlertChange, ChangeKind, Comparison
from detectors.vocab import code

COLUMNS = (
    "what", "change", "scope_id", "plant_id", "rule", "order_id", "date", "moved",
    "before_first_slot_end", "after_first_slot_end", "before_opened_at_slot_end", "after_opened_at_slot_end",
    "before_closed_slot_end", "after_closed_slot_end", "before_grade", "after_grade",
    "before_verdict", "after_verdict",
)  # fmt: skip
#: How the feed calls what may move.
_SHOWN = dict(zip(MOVES, ("first_slot_end", "opened_at_slot_end", "closed_slot_end", "grade"), strict=True))


def document(
    comparison: Comparison, plant_of: Mapping[str, str], *, as_of: int, zone: str, slot_s: int
) -> dict[str, Any]:
    """Counts, then every change. plant_of: plant of each scope; as_of: epoch seconds."""
    where = ZoneInfo(zone)
    return {
        "as_of": datetime.fromtimestamp(as_of, where).isoformat(),
        "alerts": {
            "before": comparison.alerts_before,
            "after": comparison.alerts_after,
            "same": comparison.same,
            **{kind.value: comparison.count(kind) for kind in ChangeKind},
        },
        "days": {"compared": comparison.days_compared, "changed": len(comparison.days)},
        "alert_changes": [_alert_change(c, plant_of, where, slot_s) for c in comparison.alerts],
        "day_changes": [
            {
                "scope_id": d.scope_id,
                "plant_id": plant_of.get(d.scope_id),
                "date": d.day.isoformat(),
                "before": code(d.before),
                "after": code(d.after),
            }
            for d in comparison.days
        ],
    }


def _alert_change(change: AlertChange, plant_of: Mapping[str, str], zone: ZoneInfo, slot_s: int) -> dict[str, Any]:
    alert = change.alert
    return {
        "change": change.kind.value,
        "scope_id": alert.scope_id,
        "plant_id": plant_of.get(alert.scope_id),
        "rule": alert.rule.value,
        "order_id": alert.order_id,
        "moved": [_SHOWN[name] for name in change.moved],
        "before": _look(change.before, zone, slot_s),
        "after": _look(change.after, zone, slot_s),
    }


def _look(alert: Alert | None, zone: ZoneInfo, slot_s: int) -> dict[str, Any] | None:
    if alert is None:
        return None

    def end(slot: int | None) -> str | None:
        return None if slot is None else datetime.fromtimestamp((slot + 1) * slot_s, zone).isoformat()

    return {
        "id": alert.alert_id(slot_s),
        "grade": alert.grade,
        "first_slot_end": end(alert.first_slot),
        "opened_at_slot_end": end(alert.opened_slot),
        "closed_slot_end": end(alert.closed_slot),
    }


def rows(told: Mapping[str, Any]) -> list[list[str]]:
    """The changes of a document as rows of ``COLUMNS``: alerts first, then days. Empty: not known, or not there."""
    found = []
    for change in told["alert_changes"]:
        sides = {side: change[side] or {} for side in ("before", "after")}
        values: dict[str, Any] = {"what": "alert", **{k: change[k] for k in ("change", "scope_id", "plant_id", "rule")}}
        values |= {"order_id": change["order_id"], "moved": ";".join(change["moved"])}
        values |= {f"{side}_{name}": looks.get(name) for side, looks in sides.items() for name in _SHOWN.values()}
        found.append(values)
    for day in told["day_changes"]:
        values = {"what": "day", "change": "verdict", **{k: day[k] for k in ("scope_id", "plant_id", "date")}}
        found.append(values | {"before_verdict": day["before"], "after_verdict": day["after"]})
    return [["" if v.get(c) is None else str(v[c]) for c in COLUMNS] for v in found]


def lines(told: Mapping[str, Any], most: int) -> list[str]:
    """The document as lines of a terminal: what changed in numbers, then at most so many changes."""
    alerts, days = told["alerts"], told["days"]
    head = (
        f"alerts: {alerts['before']} before, {alerts['after']} after: {alerts['added']} added, "
        f"{alerts['removed']} removed, {alerts['moved']} moved, {alerts['same']} the same"
    )
    shown = [_alert_line(change) for change in told["alert_changes"]]
    shown += [f"day      {d['scope_id']:<20} {d['date']}  {d['before']} -> {d['after']}" for d in told["day_changes"]]
    more = [f"and {len(shown) - most} more"] if len(shown) > most else []
    return [head, f"days: {days['changed']} of {days['compared']} with another verdict", *shown[:most], *more]


def _alert_line(change: Mapping[str, Any]) -> str:
    name = f"{change['change']:<8} {change['scope_id']:<20} {change['rule']:<13} {change['order_id'] or '-'}"
    if change["change"] != "moved":
        look = change["after"] or change["before"]
        return f"{name}  {_time(look['first_slot_end'])} .. {_time(look['closed_slot_end'])}  grade {look['grade']}"
    moves = [f"{n} {_time(change['before'][n])} -> {_time(change['after'][n])}" for n in change["moved"]]
    return f"{name}  {', '.join(moves)}"


def _time(value: Any) -> str:
    """A time to the minute, open, or a grade."""
    if value is None:
        return "open"
    return value[:16].replace("T", " ") if isinstance(value, str) else str(value)
