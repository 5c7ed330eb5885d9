"""Small registries and readings for the cases: one plant P with one meter m, R = 1000 kW, idle 20 kW.

Day 0 is Wednesday 2017-11-15, local midnight of Asia/Shanghai. The stop cap is 20 + 5 % of R = 70 kW.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from detectors.registry import Baseline, Meter, Order, Plant, Registry, with_default_scopes
from detectors.vocab import Control, Kind, Measure
from tests.oracles.rows import DayTypes, Reading, World

#: 2017-11-15T00:00:00+08:00.
DAY0 = 1510675200
DATE0 = date(2017, 11, 15)


def at(clock: str, day: int = 0) -> int:
    """Epoch seconds of a wall-clock time of day 0 or a later one; 24:00 is the end of the day."""
    hours, minutes = clock.split(":")
    return DAY0 + day * 86400 + int(hours) * 3600 + int(minutes) * 60


def on(day: int) -> date:
    """Local date of day 0, 1, ..."""
    return DATE0 + timedelta(days=day)


def reading(ts: int, value: float | None, meter: str = "m", kind: Kind = Kind.POWER_INST, **fields: Any) -> Reading:
    """One reading, collected at its ts unless told otherwise."""
    return Reading(meter, kind, ts, value, **{"coll_ms": ts * 1000, **fields})


def flat(start: int, end: int, kw: float, meter: str = "m", step: int = 900, **fields: Any) -> list[Reading]:
    """A constant load over (start, end]: one reading at each interval end."""
    return [reading(ts, kw, meter, **{"period_s": step, **fields}) for ts in range(start + step, end + 1, step)]


def loads(start: int, kws: Sequence[float | None], meter: str = "m", step: int = 900, **fields: Any) -> list[Reading]:
    """One load per slot from ``start`` on; None is silence."""
    pairs = ((start + (i + 1) * step, kw) for i, kw in enumerate(kws) if kw is not None)
    return [reading(ts, kw, meter, **{"period_s": step, **fields}) for ts, kw in pairs]


def zeros_with_voltage(start: int, end: int, volts: float, meter: str = "m") -> list[Reading]:
    """0 kW and a voltage at every slot end."""
    quiet = flat(start, end, 0.0, meter)
    return quiet + [reading(r.ts, volts, meter, Kind.VOLTAGE) for r in quiet]


def stop(order_id: str = "O", start: int = DAY0, **fields: Any) -> Order:
    """A stop without grace unless told otherwise."""
    return Order(
        order_id, **{"scope_id": "P", "control": Control.STOP, "valid_from": start, "ramp_down_h": 0, **fields}
    )


def cap(kw: float, order_id: str = "O", start: int = DAY0, **fields: Any) -> Order:
    """An absolute maximum load."""
    return Order(order_id, **{"scope_id": "P", "control": Control.CAP, "valid_from": start, "cap_kw": kw, **fields})


def limit(order_id: str = "O", start: int = DAY0, measure: Measure = Measure.POWER, **fields: Any) -> Order:
    """A reduction of 30 %: slot cap 700 kW."""
    base = {"scope_id": "P", "control": Control.LIMIT, "valid_from": start, "reduction": 0.3, "measure": measure}
    return Order(order_id, **{**base, **fields})


def energy_limit(order_id: str = "O", start: int = DAY0, **fields: Any) -> Order:
    """A reduction of 30 % of the day's energy."""
    return limit(order_id, start, Measure.ENERGY, **fields)


def baseline(**fields: Any) -> Baseline:
    """R = 1000 kW, idle 20 kW, 16 MWh a day."""
    base = {"scope_id": "P", "version": "v1", "valid_from": 0, "running_kw": 1000.0, "idle_kw": 20.0}
    return Baseline(**{**base, "day_kwh": 16000.0, **fields})


def registry(
    *orders: Order,
    baselines: Sequence[Baseline] | None = None,
    meters: Sequence[Meter] = (Meter("m", "P"),),
    plants: Sequence[Plant] = (Plant("P", "P", "county"),),
    **tables: Any,
) -> Registry:
    """A registry with default scopes; the baseline above unless told otherwise."""
    rows = (baseline(),) if baselines is None else tuple(baselines)
    return with_default_scopes(
        Registry(plants=tuple(plants), meters=tuple(meters), orders=orders, baselines=rows, **tables)
    )


def world(
    of: Registry, readings: Sequence[Reading], as_of: int, slot_s: int = 900, day_types: DayTypes | None = None
) -> World:
    """One input; readings may come in any order."""
    return World(of, tuple(readings), as_of, slot_s, day_types)
