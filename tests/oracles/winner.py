"""Which reading counts, and what it is worth (SEMANTICS §2.6, §2.12; negative values as FEED §4)."""

from dataclasses import dataclass

from detectors.registry import Meter, Registry
from detectors.vocab import QUALITY_CLASS, Kind, Reason, Role, Scale
from tests.oracles.rows import Reading

#: Kinds whose value below 0 is suspect where nothing can flow backwards.
NEGATIVE_SUSPECT = (Kind.ENERGY_INT, Kind.POWER_AVG, Kind.POWER_INST)


def multiplier(registry: Registry, meter_id: str, ts: int) -> float | None:
    """综合倍率 of a meter at an instant (DESIGN I5, FEED §4), None where the registry has none."""
    for row in registry.multipliers:
        if row.meter_id == meter_id and row.valid_from <= ts < row.valid_to:
            return row.factor
    return None


def factor(registry: Registry, reading: Reading) -> float | None:
    """What turns the reading's value into a primary one; None = secondary without a multiplier at its time."""
    if reading.scale == Scale.PRIMARY:
        return 1.0
    return multiplier(registry, reading.meter_id, reading.ts)


def _rank(registry: Registry, reading: Reading) -> tuple[int, int, int, int, float]:
    """§2.6, best last: rev, class, coll, quality, the larger value in primary kW or kWh."""
    times = factor(registry, reading)
    primary = float("-inf") if reading.value is None or times is None else reading.value * times
    return (reading.rev, -QUALITY_CLASS[reading.q], reading.coll_ms, -int(reading.q), primary)


@dataclass(frozen=True)
class Winner:
    """The reading that counts for its (meter, kind, ts), and whether it turned evidence into none."""

    reading: Reading
    turned_to_none: bool


def winners(registry: Registry, readings: list[Reading]) -> list[Winner]:
    """§2.6: one winner of each (meter, kind, ts), in whatever order they arrived."""
    by_key: dict[tuple[str, Kind, int], list[Reading]] = {}
    for reading in readings:
        by_key.setdefault((reading.meter_id, reading.kind, reading.ts), []).append(reading)
    found = []
    for candidates in by_key.values():
        best = max(candidates, key=lambda r: _rank(registry, r))
        had_evidence = any(QUALITY_CLASS[r.q] == 0 for r in candidates)
        found.append(Winner(best, had_evidence and QUALITY_CLASS[best.q] != 0))
    return sorted(found, key=lambda w: (w.reading.meter_id, w.reading.kind, w.reading.ts))


def capacity_kw(registry: Registry, meter: Meter) -> float | None:
    """Contract capacity of a meter, else of its plant."""
    if meter.contract_kw is not None:
        return meter.contract_kw
    return next((p.contract_kw for p in registry.plants if p.plant_id == meter.plant_id), None)


def flows_both_ways(registry: Registry, meter: Meter) -> bool:
    """Has the meter's plant a reverse or a generation meter: then values below 0 may be true."""
    return any(m.plant_id == meter.plant_id and m.role in (Role.REVERSE, Role.GENERATION) for m in registry.meters)


def exceeds_capacity(registry: Registry, meter: Meter, kw: float, factor: float) -> bool:
    """§2.12: above 1.5 x contract capacity."""
    limit_kw = capacity_kw(registry, meter)
    return limit_kw is not None and kw > factor * limit_kw


def primary_value(registry: Registry, meter: Meter, reading: Reading) -> tuple[float | None, Reason | None]:
    """Value of a winner in primary units where it is evidence, else why it is none. Capacity is asked elsewhere."""
    if QUALITY_CLASS[reading.q] != 0 or reading.value is None:
        return None, Reason.NOT_EVIDENCE
    if reading.kind in (Kind.VOLTAGE, Kind.CURRENT):
        return reading.value, None
    times = factor(registry, reading)
    if times is None:
        return None, Reason.NO_MULTIPLIER
    if reading.kind in NEGATIVE_SUSPECT and reading.value < 0 and not flows_both_ways(registry, meter):
        return None, Reason.NOT_EVIDENCE
    return reading.value * times, None
