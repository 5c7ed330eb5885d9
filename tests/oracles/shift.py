"""The rule shift, day by day: an ordered scope falls, other accounts of its enterprise rise, the sum stays."""

from collections.abc import Mapping
from datetime import date, timedelta

from detectors.registry import Meter, Registry, Scope
from detectors.vocab import CloseReason, Condition, Control, Role, Rule
from tests.oracles.alerts import alert_id, evidence
from tests.oracles.caps import tie_rank
from tests.oracles.energy import MeterSeries, meter_slot
from tests.oracles.rows import AlertRow
from tests.oracles.thresholds import value_on
from tests.oracles.timeline import Timeline, Track

SIGNS = {Role.SUPPLY: 1, Role.GENERATION: 1, Role.REVERSE: -1}


def accounts_of(registry: Registry, scope: Scope) -> list[Meter]:
    """Accounts of the scope's enterprise: all plants with its uscc, or its plant alone."""
    codes = {p.plant_id: p.uscc for p in registry.plants}
    code = codes[scope.plant_id]
    plants = {p for p, of_plant in codes.items() if p == scope.plant_id or (code and of_plant == code)}
    return [m for m in registry.meters if m.plant_id in plants and m.role in SIGNS]


def enterprise_kwh(timeline: Timeline, series: Mapping[str, MeterSeries], accounts: list[Meter]) -> dict[int, float]:
    """Energy of the enterprise in each slot of the horizon in which every valid account has evidence."""
    found = {}
    for slot in timeline.horizon:
        valid = [m for m in accounts if m.valid_from <= slot * timeline.local.slot_s < m.valid_to]
        said = [meter_slot(series[m.meter_id], slot, timeline.local, None, None).wh for m in valid]
        if valid and all(wh is not None for wh in said):
            found[slot] = sum(SIGNS[m.role] * (wh or 0) / 1000 for m, wh in zip(valid, said, strict=True))
    return found


def _usual(timeline: Timeline, scope_id: str, day: date) -> tuple[float | None, float]:
    """day_kwh of the baseline that holds at the day's beginning, and its error."""
    baseline = timeline.rules.baseline_at(scope_id, timeline.local.midnight(day))
    if baseline is None or baseline.day_kwh is None:
        return None, 0.0
    return baseline.day_kwh, baseline.day_kwh * (baseline.rrmse or 0.0)


def _judging(timeline: Timeline, day: date) -> Track | None:
    """The first order, in tie order, that judges every slot of the day."""
    slots = timeline.local.slots_of(day)
    asked = [t for t in timeline.tracks if t.order.control != Control.COKING]
    whole = [t for t in asked if len(t.judged(slots)) == len(slots)]
    return min(whole, key=lambda t: tie_rank(t.order), default=None)


def _is_moved(timeline: Timeline, day: date, plants: list[str], all_kwh: Mapping[int, float]) -> bool:
    slots = timeline.local.slots_of(day)
    if any(s not in all_kwh or timeline.measured[s].coverage < 1 for s in slots):
        return False
    own_usual, _ = _usual(timeline, timeline.scope.scope_id, day)
    usual = [_usual(timeline, plant_id, day) for plant_id in plants]
    if own_usual is None or any(kwh is None for kwh, _ in usual):
        return False
    all_usual = sum(kwh or 0.0 for kwh, _ in usual)
    error = sum(e**2 for _, e in usual) ** 0.5
    own, everybody = timeline.energy_kwh(timeline.measured, slots), sum(all_kwh[s] for s in slots)
    fall, rise = own_usual - own, (everybody - own) - (all_usual - own_usual)

    def asked(name: str) -> float:
        rows = timeline.rules.registry.thresholds
        return value_on(rows, timeline.local, Rule.SHIFT, name, timeline.scope.scope_id, day)

    if own > (1 - asked("drop")) * own_usual or abs(everybody - all_usual) > asked("total") * all_usual:
        return False
    return fall >= asked("least") * all_usual and rise >= asked("taken") * fall and rise >= asked("sigma") * error


def shift_alerts(timeline: Timeline, series: Mapping[str, MeterSeries]) -> list[AlertRow]:
    """One alert a day; only where an account of the enterprise is no member of the scope."""
    registry, scope, local = timeline.rules.registry, timeline.scope, timeline.local
    accounts = accounts_of(registry, scope)
    inside = {row.meter_id for row in registry.scope_meters if row.scope_id == scope.scope_id}
    if not timeline.tracks or all(m.meter_id in inside for m in accounts):
        return []
    all_kwh = enterprise_kwh(timeline, series, accounts)
    rows = []
    for day in timeline.days:
        slots, track = local.slots_of(day), _judging(timeline, day)
        plants = sorted({m.plant_id for m in accounts})
        if track is None or slots.stop > timeline.until or not _is_moved(timeline, day, plants, all_kwh):
            continue
        last = slots.stop - 1
        ends_s = local.midnight(day + timedelta(days=1))
        is_order_end = track.order.valid_to // local.slot_s * local.slot_s <= ends_s
        baseline = timeline.rules.baseline_at(scope.scope_id, local.midnight(day))
        first_end = timeline.end_of(slots.start)
        rows.append(
            AlertRow(
                alert_id=alert_id(scope.scope_id, Rule.SHIFT, track.order.order_id, first_end),
                scope_id=scope.scope_id,
                plant_id=scope.plant_id,
                rule=Rule.SHIFT,
                grade=2,
                order_id=track.order.order_id,
                condition=Condition.CLOSED,
                first_slot_end=first_end,
                opened_at_slot_end=timeline.end_of(last),
                last_slot_end=timeline.end_of(last),
                closed_slot_end=timeline.end_of(last),
                peak_kw=None,
                cap_kw=None,
                energy_over_kwh=None,
                coverage=1.0,
                evidence=evidence(local, last, timeline.as_of),
                close_reason=CloseReason.ORDER_END if is_order_end else CloseReason.DAY_END,
                order_revision=track.order.revision,
                baseline_version=baseline.version if baseline is not None else None,
            )
        )
    return rows
