"""The rule treatment_off, slot by slot: production runs and the treatment that belongs to it stands still."""

from collections.abc import Mapping
from typing import NamedTuple

from detectors.registry import Meter, Registry
from detectors.vocab import CloseReason, Condition, Role, Rule
from tests.oracles.alerts import alert_id, evidence
from tests.oracles.energy import MeterSeries, meter_slot
from tests.oracles.rows import AlertRow
from tests.oracles.thresholds import value_on
from tests.oracles.timeline import Timeline


class Pair(NamedTuple):
    """Meters that belong together."""

    production: list[Meter]
    treatment: list[Meter]


class State(NamedTuple):
    """A pair in one slot. Not measured: neither off nor not."""

    is_off: bool
    is_measured: bool


def pairs_of(registry: Registry, plant_id: str) -> list[Pair]:
    """Pairs of a plant in which every meter has a contract_kw: line by line, and what names no line."""
    mine = [m for m in registry.meters if m.plant_id == plant_id]
    found = []
    for line_id in sorted({m.line_id or "" for m in mine}):
        here = [m for m in mine if (m.line_id or "") == line_id]
        treatment = [m for m in here if m.role == Role.TREATMENT]
        production = [m for m in here if m.role == Role.PRODUCTION] or [m for m in here if m.role == Role.LINE]
        if treatment and production and all(m.contract_kw for m in treatment + production):
            found.append(Pair(production, treatment))
    return found


def _rated(meters: list[Meter]) -> float:
    return sum(m.contract_kw or 0.0 for m in meters)


def _asked(timeline: Timeline, name: str, slot: int) -> float:
    """A threshold on the local day of a slot."""
    rows, day = timeline.rules.registry.thresholds, timeline.local.day_of_slot(slot)
    return value_on(rows, timeline.local, Rule.TREATMENT_OFF, name, timeline.scope.scope_id, day)


def _kw(
    timeline: Timeline, series: Mapping[str, MeterSeries], meters: list[Meter], slot: int, kw: float
) -> float | None:
    """Load of some meters together; None where one has no evidence. kw: what it is compared with."""
    said = [meter_slot(series[m.meter_id], slot, timeline.local, kw, kw).wh for m in meters]
    if any(wh is None for wh in said):
        return None
    return sum(wh or 0 for wh in said) / 1000 / timeline.local.hours()


def state_of(timeline: Timeline, series: Mapping[str, MeterSeries], pair: Pair, slot: int) -> State:
    """One slot of a pair. Where all of its meters that are valid are measured and one side has none, nothing is off."""
    start = slot * timeline.local.slot_s
    production, treatment = ([m for m in side if m.valid_from <= start < m.valid_to] for side in pair)
    running, off = _asked(timeline, "running", slot), _asked(timeline, "off", slot)
    produced = _kw(timeline, series, production, slot, running * _rated(pair.production))
    treated = _kw(timeline, series, treatment, slot, off * _rated(pair.treatment))
    if produced is None or treated is None:
        return State(False, False)
    is_there = bool(production and treatment)
    is_off = is_there and produced >= running * _rated(production) and treated < off * _rated(treatment)
    return State(is_off, True)


def treatment_alerts(timeline: Timeline, series: Mapping[str, MeterSeries]) -> list[AlertRow]:
    """Alerts of a plant, in its default scope: one at a time, whichever of its pairs is off."""
    if timeline.scope.scope_id != timeline.scope.plant_id:
        return []
    pairs = pairs_of(timeline.rules.registry, timeline.scope.plant_id)
    slots = range(timeline.horizon.start, timeline.until) if pairs else range(0)
    states = {s: [state_of(timeline, series, pair, s) for pair in pairs] for s in slots}
    local, rows = timeline.local, []
    off: list[int] = []  # off slots of the open alert; empty = none is open
    recent: list[int] = []
    mine: set[int] = set()  # pairs that were off in it
    opened = quiet = 0
    for slot in slots:
        n, m, quiet_needed = (local.slots_in(int(_asked(timeline, x, slot))) for x in ("n_min", "m_min", "clear_min"))
        off_here = {i for i, state in enumerate(states[slot]) if state.is_off}
        is_clear = not off_here and all(states[slot][i].is_measured for i in mine)
        if not off:
            recent = [s for s in [*recent, slot] if s > slot - m and any(x.is_off for x in states[s])]
            if off_here and len(recent) >= n:
                off, recent, opened, quiet = recent, [], slot, 0
                mine = {i for s in off for i, state in enumerate(states[s]) if state.is_off}
            continue
        if off_here:
            off, mine = [*off, slot], mine | off_here
        quiet = quiet + 1 if is_clear else 0
        if quiet >= quiet_needed:
            rows.append(_row(timeline, states, off, opened, slot, False))
            off = []
    if off:
        last = states[slots[-1]]
        is_recovering = not any(x.is_off for x in last) and all(last[i].is_measured for i in mine)
        rows.append(_row(timeline, states, off, opened, None, is_recovering))
    return rows


def _row(
    timeline: Timeline,
    states: Mapping[int, list[State]],
    off: list[int],
    opened: int,
    closed: int | None,
    is_recovering: bool,
) -> AlertRow:
    scope, first_end = timeline.scope, timeline.end_of(off[0])
    measured = [state.is_measured for s in range(off[0], off[-1] + 1) for state in states[s]]
    still = Condition.RECOVERING if is_recovering else Condition.FIRING
    return AlertRow(
        alert_id=alert_id(scope.scope_id, Rule.TREATMENT_OFF, None, first_end),
        scope_id=scope.scope_id,
        plant_id=scope.plant_id,
        rule=Rule.TREATMENT_OFF,
        grade=2,
        order_id=None,
        condition=still if closed is None else Condition.CLOSED,
        first_slot_end=first_end,
        opened_at_slot_end=timeline.end_of(opened),
        last_slot_end=timeline.end_of(off[-1]),
        closed_slot_end=None if closed is None else timeline.end_of(closed),
        peak_kw=None,
        cap_kw=None,
        energy_over_kwh=None,
        coverage=sum(measured) / len(measured),
        evidence=evidence(timeline.local, off[-1], timeline.as_of),
        close_reason=None if closed is None else CloseReason.CLEARED,
        order_revision=None,
        baseline_version=None,
    )
