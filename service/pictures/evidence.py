"""What a picture of evidence shows of a scope and a span: slots, order windows, energies of days, an alert's marks.

Nothing is judged here: slots are the stored ones, caps and windows what the registry says of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from detectors.registry import Baseline
from detectors.slots import local_date
from detectors.vocab import Control
from detectors.world import World, baseline_at
from service.db.scope_days_read import SlotView
from service.plans.cap_series import CapSeries, CapState, cap_series

#: What a slot without full evidence is worth, by the first of these reasons that it has: the one that tells most.
QUALITY_OF_REASON = {
    "suspect_level": "suspect_level",
    "suspect_stuck": "suspect_stuck",
    "suspect_spike": "suspect_spike",
    "suspect_dropout": "suspect_dropout",
    "outage": "outage",
    "over_capacity": "no_evidence",
    "not_evidence": "no_evidence",
    "no_multiplier": "no_evidence",
    "zero_unproven": "no_evidence",
    "resolution": "coarse",
    "awaited": "awaited",
    "missing": "missing",
    "no_meter": "missing",
}
_ORDER_WORDS = {Control.CAP: "cap_order"}


@dataclass(frozen=True, slots=True)
class PictureSlot:
    """One slot. None: not known, never 0. quality: a word of what its data is worth; None: fully measured.

    is_bound: the load is a lower bound. verdict None: not judged.
    """

    load_kw: float | None
    is_bound: bool
    cap_kw: float | None
    running_kw: float | None
    idle_kw: float | None
    verdict: str | None
    quality: str | None


@dataclass(frozen=True, slots=True)
class Window:
    """Slots ``[begin, end)`` of the picture under one order. kind: order, grace or exempt. control: a word."""

    begin: int
    end: int
    kind: str
    order_id: str
    control: str


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant of the alert: the edge before slot ``edge`` of the picture."""

    name: str
    edge: int
    at: datetime


@dataclass(frozen=True, slots=True)
class EnergyDay:
    """A local day shown from its beginning. used_kwh: measured so far at the end of each slot; None: not measured."""

    begin: int
    used_kwh: tuple[float | None, ...]
    cap_kwh: float | None


@dataclass(frozen=True, slots=True)
class PictureOfEvidence:
    """Everything that is drawn. alert: as the feed shows it (CONTRACTS §4), or None."""

    plant: str
    county: str
    scope_id: str
    scope: str
    meters: tuple[str, ...]
    sources: tuple[str, ...]
    first_slot: int
    slot_s: int
    zone: ZoneInfo
    slots: tuple[PictureSlot, ...]
    windows: tuple[Window, ...]
    days: tuple[EnergyDay, ...]
    orders: tuple[str, ...]  # id, revision, document and clause of each order shown
    baselines: tuple[str, ...]
    alert: Mapping[str, Any] | None
    marks: tuple[Mark, ...]
    alert_span: tuple[int, int] | None  # slots [begin, end) of the alert
    judged_to: datetime | None  # end of the last judged slot that is shown


def evidence(
    world: World,
    scope_id: str,
    views: Sequence[SlotView],
    first_slot: int,
    n_slots: int,
    alert: Mapping[str, Any] | None = None,
) -> PictureOfEvidence:
    """Put a picture together. views: judged slots of the scope in the span. Raises KeyError for an unknown scope."""
    registry, zone = world.registry, ZoneInfo(world.zone)
    row = world.scope_row[scope_id]
    scope = registry.scopes[row]
    plant = next(p for p in registry.plants if p.plant_id == scope.plant_id)
    series = cap_series(world, scope_id, first_slot, first_slot + n_slots - 1) if n_slots else CapSeries((), ())
    judged = {v.slot: v for v in views}
    slots = tuple(_slots(world, scope_id, judged, series, first_slot))
    first, last = np.searchsorted(world.member_scope, [row, row + 1])
    counted = np.unique(world.member_meter[first:last][world.member_sign[first:last] != 0])
    meters = sorted((registry.meters[m] for m in counted.tolist()), key=lambda m: m.meter_id)
    orders = {o.order_id: o for s in series.spans if s.state in _HOLDING and (o := s.order) is not None}
    latest = max(judged, default=None)
    marks, alert_span = _marks(alert, first_slot, n_slots, world.slot_s, zone)
    return PictureOfEvidence(
        plant=plant.name,
        county=plant.county,
        scope_id=scope_id,
        scope=scope.name,
        meters=tuple(m.meter_id for m in meters),
        sources=tuple(sorted({m.source for m in meters})),
        first_slot=first_slot,
        slot_s=world.slot_s,
        zone=zone,
        slots=slots,
        windows=tuple(_windows(series, first_slot)),
        days=tuple(_days(world, slots, series, first_slot)),
        orders=tuple(
            " ".join(p for p in (o.order_id, f"v{o.revision}", o.document, o.clause) if p) for o in orders.values()
        ),
        baselines=tuple(sorted({v.baseline_version for v in views if v.baseline_version})),
        alert=alert,
        marks=marks,
        alert_span=alert_span,
        judged_to=None if latest is None else datetime.fromtimestamp((latest + 1) * world.slot_s, zone),
    )


_HOLDING = (CapState.ORDERED, CapState.GRACE, CapState.EXEMPT)


def _slots(
    world: World, scope_id: str, judged: Mapping[int, SlotView], series: CapSeries, first_slot: int
) -> Iterator[PictureSlot]:
    row = world.scope_row[scope_id]
    levels = world.baselines[slice(*np.searchsorted(world.baseline_scope, [row, row + 1]))]
    for span in series.spans:
        for slot in range(span.first_slot, span.first_slot + span.n_slots):
            view, baseline = judged.get(slot), _baseline(world, levels, slot)
            yield PictureSlot(
                load_kw=None if view is None else view.load_kw,
                is_bound=view is not None and view.load_kw is not None and view.coverage < 1,
                cap_kw=span.cap_kw if view is None else view.cap_kw,
                running_kw=None if baseline is None else baseline.running_kw,
                idle_kw=None if baseline is None else baseline.idle_kw,
                verdict=None if view is None else view.verdict,
                quality=_quality(view),
            )


def _baseline(world: World, levels: Sequence[Baseline], slot: int) -> Baseline | None:
    if not levels:
        return None
    start_s = slot * world.slot_s
    return baseline_at(levels, start_s, world.day_type(local_date(world.zone, start_s)))


def _quality(view: SlotView | None) -> str | None:
    """What a slot's data is worth; a scope without an order has no reasons, but may lack its load."""
    if view is None:
        return "not_judged"
    if view.coverage >= 1 and view.load_kw is not None:
        return None
    found = next((word for reason, word in QUALITY_OF_REASON.items() if reason in view.reasons), None)
    if view.load_kw is not None or (view.coverage > 0 and found in (None, "missing")):
        return "partial"
    return found or "missing"


def _windows(series: CapSeries, first_slot: int) -> Iterator[Window]:
    """Spans under an order, in grace or exempt; equal neighbours joined."""
    kinds = {CapState.ORDERED: "order", CapState.GRACE: "grace", CapState.EXEMPT: "exempt"}
    last: Window | None = None
    for span in series.spans:
        if span.state not in kinds or span.order is None:
            continue
        begin, order = span.first_slot - first_slot, span.order
        control = _ORDER_WORDS.get(order.control, order.control.value)
        window = Window(begin, begin + span.n_slots, kinds[span.state], order.order_id, control)
        if last is not None and (last.end, last.kind, last.order_id) == (begin, window.kind, window.order_id):
            last = Window(last.begin, window.end, last.kind, last.order_id, last.control)
            continue
        if last is not None:
            yield last
        last = window
    if last is not None:
        yield last


def _days(world: World, slots: Sequence[PictureSlot], series: CapSeries, first_slot: int) -> Iterator[EnergyDay]:
    """Days of orders that limit energy, shown from midnight on: what their ordered slots used so far."""
    ordered = [s.state == CapState.ORDERED for s in series.spans for _ in range(s.n_slots)]
    hours = world.slot_s / 3600
    caps = {day.day: day.cap_kwh for day in series.days}
    by_day: dict[Any, list[int]] = {}
    for index in range(len(slots)):
        by_day.setdefault(local_date(world.zone, (first_slot + index) * world.slot_s), []).append(index)
    for day, at in by_day.items():
        begins = at[0] > 0 or local_date(world.zone, (first_slot - 1) * world.slot_s) != day
        if day not in caps or not begins:
            continue
        used, shown = 0.0, []
        for index in at:
            load = slots[index].load_kw
            used += hours * load if load is not None and ordered[index] else 0.0
            shown.append(None if load is None else used)
        yield EnergyDay(at[0], tuple(shown), caps[day])


def _marks(
    alert: Mapping[str, Any] | None, first_slot: int, n_slots: int, slot_s: int, zone: ZoneInfo
) -> tuple[tuple[Mark, ...], tuple[int, int] | None]:
    if alert is None:
        return (), None

    def edge(name: str, shift: int = 0) -> int | None:
        text = alert.get(name)
        return None if text is None else int(datetime.fromisoformat(text).timestamp()) // slot_s - first_slot + shift

    found = {
        "first": edge("first_slot_end", -1),
        "opened": edge("opened_at_slot_end"),
        "closed": edge("closed_slot_end"),
    }
    marks = tuple(
        Mark(name, at, datetime.fromtimestamp((first_slot + at) * slot_s, zone))
        for name, at in found.items()
        if at is not None and 0 <= at <= n_slots
    )
    begin, end = found["first"], edge("last_slot_end")
    if begin is None or end is None:
        return marks, None
    begin, end = max(0, begin), min(n_slots, end)
    return marks, (begin, end) if begin < end else None
