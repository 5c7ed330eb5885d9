"""What was judged against what pollers saw: the events that lead from one to the other (SEMANTICS §5.30, §5.31, I6)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from service.db.alert_store import StoredAlert
from service.db.feed import AlertEvent

#: `updated` at most this often in event time; backfill: opened longer ago than this (SEMANTICS §5.31).
UPDATE_EVERY = timedelta(hours=1)
BACKFILL_AFTER = timedelta(hours=24)

View = dict[str, Any]
#: A difference in one of these, with nothing new at the end, means that the past was judged anew.
_PAST = ("opened_at_slot_end", "order_revision", "baseline_version", "thresholds")
_MEASURED = ("peak_kw", "cap_kw", "energy_over_kwh", "coverage")
#: The energy over of these grows with the day, also after their last slot: no sign of a changed past.
_OF_THE_DAY = ("limit_day", "limit_pace", "stop_day", "hours_over")


@dataclass(slots=True)
class Changes:
    """What to write: events in order, the state after them, and the judged state of alerts without an event."""

    events: list[AlertEvent] = field(default_factory=list)
    published: dict[str, View] = field(default_factory=dict)
    live: list[View] = field(default_factory=list)


def changes(
    judged: Mapping[str, View],
    stored: Mapping[str, StoredAlert],
    was_rejudged: Callable[[View], bool],
    as_of: datetime,
    published_at: datetime,
) -> Changes:
    """Compare judged alerts (by id) with stored ones.

    was_rejudged: whether a stored alert would stand in ``judged`` if it still held; if it does not, it is retracted.
    """
    result = Changes()
    gone = [
        s
        for s in stored.values()
        if s.alert_id not in judged and s.published["condition"] != "retracted" and was_rejudged(s.live or s.published)
    ]
    fresh = {i: v for i, v in judged.items() if i not in stored or stored[i].published["condition"] == "retracted"}
    heirs = {s.alert_id: _heir(s, fresh.values()) for s in gone}
    inherited = {heir["id"]: s for s in gone if (heir := heirs[s.alert_id]) is not None}
    for old in sorted(gone, key=lambda s: s.alert_id):
        heir = heirs[old.alert_id]
        view = dict(old.published) | {"condition": "retracted", "evidence": "retracted", "work": old.work}
        view["replaced_by"] = heir["id"] if heir else None
        _emit(result, "retracted", view, as_of, published_at)
    for alert_id in sorted(judged, key=lambda i: (judged[i]["opened_at_slot_end"], i)):
        view = dict(judged[alert_id])
        known = stored.get(alert_id)
        source = inherited.get(alert_id, known)
        view["work"] = source.work if source else "new"
        _advance(result, view, known, as_of, published_at)
    return result


def _advance(result: Changes, view: View, known: StoredAlert | None, as_of: datetime, published_at: datetime) -> None:
    is_closed = view["condition"] == "closed"
    if known is None:
        _emit(
            result, "opened", _as_opened(view) if is_closed else view, _time(view["opened_at_slot_end"]), published_at
        )
        if is_closed:
            _emit(result, "closed", view, _time(view["closed_slot_end"]), published_at)
        return
    old = known.published
    if old["evidence"] == "revised":
        view["evidence"] = "revised"
    if old["condition"] == "retracted":
        _emit(result, "reopened", view | {"evidence": "revised"}, as_of, published_at)
    elif is_closed and old["condition"] != "closed":
        _emit(result, "closed", view, _time(view["closed_slot_end"]), published_at)
    elif not is_closed and old["condition"] == "closed":
        _emit(result, "reopened", view | {"evidence": "revised"}, as_of, published_at)
    elif _is_revised(view, known, is_closed=is_closed):
        _emit(result, "revised", view | {"evidence": "revised"}, as_of, published_at)
    elif view["grade"] != old["grade"] or view["evidence"] != old["evidence"] or _is_due(view, old):
        _emit(result, "updated", view, _time(view["last_slot_end"]), published_at)
    elif view != known.live:
        result.live.append(view)


def _is_revised(view: View, known: StoredAlert, *, is_closed: bool) -> bool:
    """Whether the past of an alert changed, beyond its growing on."""
    old = known.live or known.published
    if any(view.get(k) != old.get(k) for k in _PAST):
        return True
    if is_closed:
        keys = (*_MEASURED, "last_slot_end", "closed_slot_end", "close_reason", "grade")
        return any(view.get(k) != old.get(k) for k in keys)
    before, now = _time(old["last_slot_end"]), _time(view["last_slot_end"])
    measured = [k for k in _MEASURED if k != "energy_over_kwh" or view["rule"] not in _OF_THE_DAY]
    return now < before or (now == before and any(view.get(k) != old.get(k) for k in measured))


def _is_due(view: View, old: View) -> bool:
    return _time(view["last_slot_end"]) - _time(old["last_slot_end"]) >= UPDATE_EVERY


def _heir(old: StoredAlert, fresh: Sequence[View] | Any) -> View | None:
    """The new alert that stands for a retracted one: same scope, rule and order, overlapping in time (§5.30)."""
    was = old.live or old.published
    begin, end = _time(was["first_slot_end"]), _time(was["last_slot_end"])
    for view in fresh:
        same = all(view[k] == was[k] for k in ("scope_id", "rule", "order_id"))
        if same and _time(view["first_slot_end"]) <= end and _time(view["last_slot_end"]) >= begin:
            return dict(view)
    return None


def _as_opened(view: View) -> View:
    return view | {"condition": "firing", "closed_slot_end": None, "close_reason": None}


def _emit(result: Changes, kind: str, view: View, occurred_at: datetime, published_at: datetime) -> None:
    backfill = published_at - _time(view["opened_at_slot_end"]) > BACKFILL_AFTER
    result.events.append(AlertEvent(view["id"], kind, occurred_at, published_at, backfill, view["county"], view))
    result.published[view["id"]] = view | {"backfill": backfill}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
