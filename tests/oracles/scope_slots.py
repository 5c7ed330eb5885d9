"""From meters to one scope: coverage, load, zeros, outages (SEMANTICS §1.4, §2.9 to §2.11)."""

from collections.abc import Mapping
from dataclasses import dataclass

from detectors.registry import Baseline, Meter, Registry
from detectors.vocab import Reason, Role
from tests.oracles.energy import MeterSeries, MeterSlot, meter_slot
from tests.oracles.local_time import LocalTime

#: §2.11: a plant whose idle load is at most this share of R may honestly read 0.
IDLE_ZERO_SHARE = 0.01
DEFAULT_DELAY_MIN = 5


@dataclass(frozen=True)
class UnitCount:
    """Units of a scope in one slot: surely running, surely not. Of the rest nothing is known."""

    running: int
    idle: int
    needs_proof: int = 0  # of the idle ones: all line meters read 0, and only the scope's own load can prove that


@dataclass(frozen=True)
class ScopeSlot:
    """What the meters of a scope say of one slot, before any order is asked."""

    slot: int
    meters: tuple[str, ...]  # valid at the slot
    coverage: float
    wh: float | None  # the sum at coverage 1, else a lower bound where there is one
    reasons: frozenset[Reason]  # causes of unknown; empty at coverage 1
    is_outage: bool  # §2.11: all read 0 and power was out
    missing: tuple[str, ...]  # missing (§1.4) and not in a declared outage
    is_bad: bool  # a value was set aside (§2.6, §2.12)
    meter_wh: Mapping[str, int]  # energy of each meter with evidence or a partial tiling
    units: UnitCount | None = None  # running units, where the meters of lines count them
    is_alive_zero: bool = False  # all read 0, and a voltage proves it
    is_suspect: bool = False  # measured and not believed (``tests.oracles.data_faults``)

    def load_kw(self, hours: float) -> float | None:
        """Mean load, or its lower bound."""
        return None if self.wh is None else self.wh / 1000 / hours


def delay_s(registry: Registry, meter: Meter) -> int:
    """The declared delay of a meter's source."""
    declared = (s.delay_min for s in registry.sources if s.source == meter.source)
    return next(declared, DEFAULT_DELAY_MIN) * 60


def is_missing_by_time(registry: Registry, meter: Meter, slot: int, local: LocalTime, as_of: int) -> bool:
    """§1.4: missing only once its end <= as_of - its source's declared delay."""
    return (slot + 1) * local.slot_s <= as_of - delay_s(registry, meter)


def valid_meters(registry: Registry, scope_id: str, start: int) -> list[tuple[Meter, int]]:
    """Counted meters of a scope at an instant with their signs (§2.9: whatever rows the scope has)."""
    meters = {m.meter_id: m for m in registry.meters}
    found = []
    for row in registry.scope_meters:
        meter = meters.get(row.meter_id)
        if row.scope_id != scope_id or meter is None or meter.role == Role.CHECK:  # §2.9: check is never counted
            continue
        if row.valid_from <= start < row.valid_to and meter.valid_from <= start < meter.valid_to:
            found.append((meter, row.sign))
    return found


def is_declared_out(registry: Registry, meter: Meter, start: int) -> bool:
    """Lies the slot's start in a declared outage of the meter or of its plant."""
    return any(
        o.valid_from <= start < o.valid_to and (o.meter_id == meter.meter_id or o.plant_id == meter.plant_id)
        for o in registry.outages
    )


def _is_proven_zero(
    registry: Registry,
    meters: list[tuple[Meter, int]],
    series: Mapping[str, MeterSeries],
    baseline: Baseline | None,
    start: int,
    end: int,
) -> tuple[bool, bool]:
    """§2.11 for a scope whose counted meters all read 0: (is 0 with evidence, is an outage)."""
    if all(meter.role in (Role.GENERATION, Role.REVERSE) for meter, _ in meters):
        return True, False  # a 0 of a generation or reverse meter is 0 with evidence
    volts = {m.meter_id: [v for ts, v in series[m.meter_id].voltages.items() if start < ts <= end] for m, _ in meters}
    if any(v > 0 for values in volts.values() for v in values):
        return True, False
    if all(volts[meter.meter_id] or is_declared_out(registry, meter, start) for meter, _ in meters):
        return False, True
    if baseline is None or baseline.idle_kw is None:
        return False, False
    return baseline.idle_kw <= IDLE_ZERO_SHARE * baseline.running_kw, False


def scope_slot(
    registry: Registry,
    scope_id: str,
    series: Mapping[str, MeterSeries],
    slot: int,
    local: LocalTime,
    as_of: int,
    baseline: Baseline | None,
    thresholds_kw: tuple[float | None, float | None],
) -> ScopeSlot:
    """One slot of a scope. ``thresholds_kw``: the lowest of the slot and the lowest of its local day (§2.7, §2.8)."""
    start, end = slot * local.slot_s, (slot + 1) * local.slot_s
    meters = valid_meters(registry, scope_id, start)
    if not meters:  # §2.10: no valid meter: 0
        no_one = frozenset({Reason.NO_METER})
        return ScopeSlot(slot, (), 0.0, None, no_one, False, (), False, {})
    said: dict[str, MeterSlot] = {
        m.meter_id: meter_slot(series[m.meter_id], slot, local, *thresholds_kw) for m, _ in meters
    }
    reasons: set[Reason] = set()
    missing: list[str] = []
    total, spoke, is_bound, meter_wh = 0, 0, True, {}
    for meter, sign in meters:
        value = said[meter.meter_id]
        wh = value.wh if value.wh is not None else value.partial_wh
        if wh is not None:
            total += sign * wh
            meter_wh[meter.meter_id] = wh
        is_bound = is_bound and sign > 0 and not value.is_negative
        if value.wh is not None:
            spoke += 1
            continue
        reasons |= series[meter.meter_id].set_aside.get(slot, set())
        if value.is_too_coarse:
            reasons.add(Reason.RESOLUTION)
        elif not is_missing_by_time(registry, meter, slot, local, as_of):
            reasons.add(Reason.AWAITED)
        elif is_declared_out(registry, meter, start):  # §2.11: unknown: outage, and not missing for `offline`
            reasons.add(Reason.OUTAGE)
        else:
            reasons.add(Reason.MISSING)
            missing.append(meter.meter_id)
    ids = tuple(m.meter_id for m, _ in meters)
    is_bad = any(slot in series[meter_id].bad_slots for meter_id in ids)
    coverage = spoke / len(meters)
    is_alive = False
    if coverage == 1 and all(value.wh == 0 for value in said.values()):
        is_evidence, is_outage = _is_proven_zero(registry, meters, series, baseline, start, end)
        has_volts = any(v > 0 for m, _ in meters for ts, v in series[m.meter_id].voltages.items() if start < ts <= end)
        is_alive = has_volts and any(m.role not in (Role.GENERATION, Role.REVERSE) for m, _ in meters)
        if is_outage:
            return ScopeSlot(slot, ids, 1.0, 0, frozenset(), True, (), is_bad, meter_wh)
        if not is_evidence:
            unproven = tuple(
                m.meter_id
                for m, _ in meters
                if is_missing_by_time(registry, m, slot, local, as_of) and not is_declared_out(registry, m, start)
            )
            why = frozenset({Reason.ZERO_UNPROVEN})
            return ScopeSlot(slot, ids, 0.0, None, why, False, unproven, is_bad, {})
    if coverage == 1:
        return ScopeSlot(slot, ids, 1.0, total, frozenset(), False, (), is_bad, meter_wh, is_alive_zero=is_alive)
    if coverage > 0:
        reasons.add(Reason.INCOMPLETE)
    bound = total if is_bound and meter_wh else None
    return ScopeSlot(slot, ids, coverage, bound, frozenset(reasons), False, tuple(missing), is_bad, meter_wh)
