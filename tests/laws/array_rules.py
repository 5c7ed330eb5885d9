"""Every array rule of ``detectors.rules`` behind one shape, so that one law suite runs against all of them.

``flags(inputs, thresholds)`` runs along the last axis. "Stricter" means: tells more plants apart as breaking the rule.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.rules import (
    hours_over,
    limit_day,
    limit_pace,
    night_run,
    over,
    over_capacity,
    shift,
    step_up,
    stop_day,
    treatment_off,
)

Bool = npt.NDArray[np.bool_]
Inputs = Mapping[str, npt.NDArray[np.generic]]
Thresholds = Mapping[str, float]
HOUR_SLOTS = 4


@dataclass(frozen=True)
class ArrayRule:
    """One rule as the laws see it."""

    name: str
    draw: Callable[[np.random.Generator, int, int], Inputs]  # (generator, S rows, T columns)
    flags: Callable[[Inputs, Thresholds], Bool]
    defaults: Thresholds
    stricter: tuple[Thresholds, ...]  # each stricter than the one before it, the first than ``defaults``
    zero: Thresholds  # a threshold of 0
    at_zero: Callable[[Inputs], Bool]  # what that must flag
    may_be_nan: tuple[str, ...]  # inputs in which NaN is "not known"
    overlap: Callable[[Thresholds], int]  # columns before a piece that a split must repeat
    forget: Callable[[Inputs, Bool], Inputs]  # the same without what was measured at the marked slots
    #: What takes over where a stricter threshold removes a flag: nothing, but for ``limit_pace``.
    taken_over: Callable[[Inputs, Thresholds], Bool] | None = None


def _energy_so_far(rng: np.random.Generator, rows: int, columns: int) -> npt.NDArray[np.int64]:
    return np.cumsum(rng.integers(0, 300_000, (rows, columns)), axis=1)


def _caps(rng: np.random.Generator, rows: int, columns: int) -> npt.NDArray[np.float64]:
    return np.asarray(rng.integers(0, 150_000 * max(columns, 1), rows) + 0.25, np.float64)  # never met exactly


def _draw_over(rng: np.random.Generator, rows: int, columns: int) -> Inputs:
    ordered, edge = rng.random((rows, columns)) < 0.9, rng.random((rows, columns)) < 0.1
    flags = (rng.random((rows, columns)) < 0.5) & ordered
    return {"over": flags, "starts": over.segment_starts(ordered, edge & ordered)}


def _draw_hours(rng: np.random.Generator, rows: int, columns: int) -> Inputs:
    return {"over": rng.random((rows, columns)) < 0.4}


def _draw_day(rng: np.random.Generator, rows: int, columns: int) -> Inputs:
    return {"used_wh": _energy_so_far(rng, rows, columns), "day_cap_wh": _caps(rng, rows, columns)}


def _draw_pace(rng: np.random.Generator, rows: int, columns: int) -> Inputs:
    used = _energy_so_far(rng, rows, columns)
    hour = rng.integers(0, 1_200_000, (rows, columns)).astype(np.float64)
    left = np.broadcast_to(np.arange(columns)[::-1], (rows, columns)).astype(np.int64)
    return {"used_wh": used, "hour_wh": hour, "slots_left": left, "day_cap_wh": _caps(rng, rows, columns)}


def _draw_night(rng: np.random.Generator, rows: int, columns: int) -> Inputs:
    load = rng.integers(0, 100_000, (rows, columns)).astype(np.float64)
    return {
        "load_wh": load,
        "base_wh": np.broadcast_to(rng.integers(0, 60_000, (rows, 1)) + 0.25, (rows, columns)),
        "night_wh": _caps(rng, rows, columns) / 10,
        "night_sd_wh": rng.integers(0, 200_000, rows) + 0.25,
        "running_wh": rng.integers(0, 9_000_000, rows) + 0.25,
    }


def _draw_steps(rng: np.random.Generator, rows: int, columns: int) -> Inputs:
    levels = rng.integers(0, 9, (rows, columns)).astype(np.float64) * 25_000
    load = np.repeat(levels, 5, axis=1)[:, 2 : columns + 2]
    return {"load_wh": load, "running_wh": np.broadcast_to(rng.integers(1, 400_000, (rows, 1)) + 0.3, (rows, columns))}


def _draw_capacity(rng: np.random.Generator, rows: int, columns: int) -> Inputs:
    load = rng.integers(0, 300_000, (rows, columns)).astype(np.float64)
    return {"load_wh": load, "max_wh": rng.integers(0, 300_000, (rows, columns)) + 0.3}


def _opens(inputs: Inputs, thresholds: Thresholds) -> Bool:
    n, m = int(thresholds["n"]), int(thresholds["m"])
    return over.opens(inputs["over"].astype(np.bool_, copy=False), inputs["starts"].astype(np.int64), n=n, m=m)


def _hours_over(inputs: Inputs, thresholds: Thresholds) -> Bool:
    return hours_over.flags(inputs["over"].astype(np.bool_, copy=False), n=int(thresholds["n"]))


def _limit_day(inputs: Inputs, thresholds: Thresholds) -> Bool:
    used, cap = _used_and_cap(inputs)
    return limit_day.flags(used, cap, tolerance=thresholds["tolerance"])


def _stop_day(inputs: Inputs, thresholds: Thresholds) -> Bool:
    used, cap = _used_and_cap(inputs)
    return stop_day.flags(used, cap, factor=thresholds["factor"])


def _limit_pace(inputs: Inputs, thresholds: Thresholds) -> Bool:
    used, cap = _used_and_cap(inputs)
    return limit_pace.flags(
        used,
        inputs["hour_wh"].astype(np.float64, copy=False),
        inputs["slots_left"].astype(np.int64, copy=False),
        cap,
        used_share=thresholds["used_share"],
        tolerance=thresholds["tolerance"],
        slots_per_hour=HOUR_SLOTS,
    )


def _night_run(inputs: Inputs, thresholds: Thresholds) -> Bool:
    load, base, night, spread, running = _floats(inputs, "load_wh", "base_wh", "night_wh", "night_sd_wh", "running_wh")
    allowed = night_run.limit_wh(night, spread, running, sigmas=thresholds["sigmas"], margin=thresholds["margin"])
    return night_run.flags(load, base, allowed)


def _step_up(inputs: Inputs, thresholds: Thresholds) -> Bool:
    load, running = _floats(inputs, "load_wh", "running_wh")
    return step_up.flags(load, load, thresholds["jump"] * running, n=HOUR_SLOTS)


def _over_capacity(inputs: Inputs, thresholds: Thresholds) -> Bool:
    load, highest = _floats(inputs, "load_wh", "max_wh")
    return over_capacity.flags(load, highest, factor=thresholds["factor"])


def _floats(inputs: Inputs, *names: str) -> list[npt.NDArray[np.float64]]:
    return [inputs[name].astype(np.float64, copy=False) for name in names]


def _used_and_cap(inputs: Inputs) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    return inputs["used_wh"].astype(np.int64, copy=False), inputs["day_cap_wh"].astype(np.float64, copy=False)


def _without_over(inputs: Inputs, at: Bool) -> Inputs:
    return {**inputs, "over": inputs["over"].astype(np.bool_) & ~at}


def _without_energy(inputs: Inputs, at: Bool) -> Inputs:
    used = inputs["used_wh"].astype(np.int64)
    gains = np.diff(used, axis=1, prepend=0)
    return {**inputs, "used_wh": np.cumsum(np.where(at, 0, gains), axis=1)}


def _without_hour(inputs: Inputs, at: Bool) -> Inputs:
    return {**inputs, "hour_wh": np.where(at, np.nan, inputs["hour_wh"].astype(np.float64))}


def _without_load(inputs: Inputs, at: Bool) -> Inputs:
    return {**inputs, "load_wh": np.where(at, np.nan, inputs["load_wh"].astype(np.float64))}


def _above_mean_night(inputs: Inputs) -> Bool:
    load, base, night = _floats(inputs, "load_wh", "base_wh", "night_wh")
    used = np.cumsum(np.where(load > base, load - base, 0.0), axis=1)
    return np.asarray(used > night[:, None], np.bool_)


def _above_for_an_hour(inputs: Inputs) -> Bool:
    (load,) = _floats(inputs, "load_wh")
    found = np.zeros(load.shape, np.bool_)
    for row, at in np.ndindex(load.shape):
        found[row, at] = (
            at >= HOUR_SLOTS and (load[row, at - HOUR_SLOTS + 1 : at + 1] > load[row, at - HOUR_SLOTS]).all()
        )
    return found


def _any_energy(inputs: Inputs) -> Bool:
    return np.asarray(inputs["used_wh"].astype(np.int64) > 0, np.bool_)


def _above_cap(inputs: Inputs) -> Bool:
    used, cap = _used_and_cap(inputs)
    return np.asarray(used > cap[:, None], np.bool_)


def _breaks_soon(inputs: Inputs) -> Bool:
    used, cap = _used_and_cap(inputs)
    ahead = used + inputs["hour_wh"].astype(np.float64) / HOUR_SLOTS * inputs["slots_left"].astype(np.int64)
    limit = np.rint(cap * 1.03)[:, None]
    return np.asarray((used <= limit) & (ahead > limit), np.bool_)


def _everything(inputs: Inputs) -> Bool:
    return np.ones(inputs["over"].shape, np.bool_)


def _draw_treatment(rng: np.random.Generator, rows: int, columns: int) -> Inputs:
    rated = np.broadcast_to(rng.integers(1, 1000, (rows, 1)) * 1000.0, (rows, columns))
    return {
        "production_wh": (rng.integers(0, 1000, (rows, columns)) * 500.0),
        "treatment_wh": (rng.integers(0, 1000, (rows, columns)) * 50.0),
        "rated_wh": rated,
    }


def _treatment_off(inputs: Inputs, thresholds: Thresholds) -> Bool:
    production, treatment, rated = (v.astype(np.float64, copy=False) for v in inputs.values())
    running, off = (np.full(rated.shape, thresholds[name]) for name in ("running", "off"))
    return treatment_off.flags(production, treatment, rated, rated / 10, running=running, off=off)


def _without_production(inputs: Inputs, at: Bool) -> Inputs:
    return {**inputs, "production_wh": np.where(at, np.nan, inputs["production_wh"].astype(np.float64))}


def _rests(inputs: Inputs) -> Bool:
    treatment, rated = (inputs[name].astype(np.float64) for name in ("treatment_wh", "rated_wh"))
    return np.asarray(treatment < np.rint(0.1 * (rated / 10)), np.bool_)


def _draw_shift(rng: np.random.Generator, rows: int, columns: int) -> Inputs:
    """Days of a scope and its enterprise, the usual ones never met exactly."""
    own = rng.integers(0, 1_200_000, (rows, columns))
    return {
        "own_wh": own,
        "all_wh": own + rng.integers(0, 2_000_000, (rows, columns)),
        "own_day_wh": rng.integers(1, 1_500_000, (rows, columns)) + 0.25,
        "all_day_wh": rng.integers(1_500_000, 2_500_000, (rows, columns)) + 0.25,
        "noise_wh": rng.integers(0, 200_000, (rows, columns)) + 0.25,
    }


def _shift(inputs: Inputs, thresholds: Thresholds) -> Bool:
    own, everybody = (inputs[name].astype(np.int64, copy=False) for name in ("own_wh", "all_wh"))
    day, all_day, noise = (
        inputs[name].astype(np.float64, copy=False) for name in ("own_day_wh", "all_day_wh", "noise_wh")
    )
    return shift.flags(own, everybody, day, all_day, noise, **thresholds)


def _without_day(inputs: Inputs, at: Bool) -> Inputs:
    return {**inputs, "own_day_wh": np.where(at, np.nan, inputs["own_day_wh"].astype(np.float64))}


def _falls_and_rises(inputs: Inputs) -> Bool:
    own, everybody, own_day, all_day, _ = (v.astype(np.float64) for v in inputs.values())
    stays = np.abs(everybody - all_day) <= 0.1 * all_day
    return np.asarray(stays & (own <= own_day) & (everybody - own >= all_day - own_day), np.bool_)


RULES = (
    ArrayRule(
        name="n of m",
        draw=_draw_over,
        flags=_opens,
        defaults={"n": 3, "m": 4},
        stricter=({"n": 2, "m": 4}, {"n": 2, "m": 8}, {"n": 1, "m": 8}),
        zero={"n": 0, "m": 4},
        at_zero=lambda inputs: inputs["over"].astype(np.bool_),
        may_be_nan=(),
        overlap=lambda thresholds: int(thresholds["m"]) - 1,
        forget=_without_over,
    ),
    ArrayRule(
        name="hours_over",
        draw=_draw_hours,
        flags=_hours_over,
        defaults={"n": 16},
        stricter=({"n": 10}, {"n": 1}, {"n": 0}),
        zero={"n": 0},
        at_zero=_everything,
        may_be_nan=(),
        overlap=lambda thresholds: -1,  # the whole day so far
        forget=_without_over,
    ),
    ArrayRule(
        name="limit_day",
        draw=_draw_day,
        flags=_limit_day,
        defaults={"tolerance": 0.03},
        stricter=({"tolerance": 0.01}, {"tolerance": 0.0}, {"tolerance": -1.0}),
        zero={"tolerance": 0.0},
        at_zero=_above_cap,
        may_be_nan=("day_cap_wh",),
        overlap=lambda thresholds: 0,  # its energy is summed already
        forget=_without_energy,
    ),
    ArrayRule(
        name="stop_day",
        draw=_draw_day,
        flags=_stop_day,
        defaults={"factor": 1.2},
        stricter=({"factor": 1.0}, {"factor": 0.3}, {"factor": 0.0}),
        zero={"factor": 0.0},
        at_zero=_any_energy,
        may_be_nan=("day_cap_wh",),
        overlap=lambda thresholds: 0,
        forget=_without_energy,
    ),
    ArrayRule(
        name="limit_pace",
        draw=_draw_pace,
        flags=_limit_pace,
        defaults={"used_share": 0.8, "tolerance": 0.03},
        stricter=({"used_share": 0.5, "tolerance": 0.03}, {"used_share": 0.0, "tolerance": 0.0}),
        zero={"used_share": 0.0, "tolerance": 0.03},
        at_zero=_breaks_soon,
        may_be_nan=("day_cap_wh", "hour_wh"),
        overlap=lambda thresholds: 0,
        forget=_without_hour,
        # Of a cap that is broken already limit_day speaks, and this rule is silent.
        taken_over=_limit_day,
    ),
    ArrayRule(
        name="night_run",
        draw=_draw_night,
        flags=_night_run,
        defaults={"sigmas": 3.0, "margin": 0.05},
        stricter=({"sigmas": 1.0, "margin": 0.05}, {"sigmas": 0.0, "margin": 0.01}, {"sigmas": 0.0, "margin": 0.0}),
        zero={"sigmas": 0.0, "margin": 0.0},
        at_zero=_above_mean_night,
        may_be_nan=("night_wh", "night_sd_wh", "running_wh"),
        overlap=lambda thresholds: -1,  # the whole night so far
        forget=_without_load,
    ),
    ArrayRule(
        name="step_up",
        draw=_draw_steps,
        flags=_step_up,
        defaults={"jump": 0.3},
        stricter=({"jump": 0.15}, {"jump": 0.01}, {"jump": 0.0}),
        zero={"jump": 0.0},
        at_zero=_above_for_an_hour,
        may_be_nan=("running_wh",),
        overlap=lambda thresholds: HOUR_SLOTS,
        forget=_without_load,
    ),
    ArrayRule(
        name="over_capacity",
        draw=_draw_capacity,
        flags=_over_capacity,
        defaults={"factor": 1.1},
        stricter=({"factor": 1.05}, {"factor": 1.0}, {"factor": 0.0}),
        zero={"factor": 0.0},
        at_zero=lambda inputs: np.asarray(inputs["load_wh"].astype(np.float64) > 0, np.bool_),
        may_be_nan=("load_wh", "max_wh"),
        overlap=lambda thresholds: 0,
        forget=_without_load,
    ),
    ArrayRule(
        name="treatment_off",
        draw=_draw_treatment,
        flags=_treatment_off,
        defaults={"running": 0.2, "off": 0.1},
        stricter=({"running": 0.1, "off": 0.1}, {"running": 0.1, "off": 0.4}, {"running": 0.0, "off": 1.0}),
        zero={"running": 0.0, "off": 0.1},
        at_zero=_rests,
        may_be_nan=("production_wh", "treatment_wh", "rated_wh"),
        overlap=lambda thresholds: 0,
        forget=_without_production,
    ),
    ArrayRule(
        name="shift",
        draw=_draw_shift,
        flags=_shift,
        defaults={"drop": 0.3, "total": 0.1, "least": 0.1, "taken": 0.5, "sigma": 2.0},
        stricter=(
            {"drop": 0.1, "total": 0.1, "least": 0.1, "taken": 0.5, "sigma": 2.0},
            {"drop": 0.1, "total": 0.3, "least": 0.05, "taken": 0.5, "sigma": 1.0},
            {"drop": 0.0, "total": 0.5, "least": 0.0, "taken": 0.0, "sigma": 0.0},
        ),
        zero={"drop": 0.0, "total": 0.1, "least": 0.0, "taken": 0.0, "sigma": 0.0},
        at_zero=_falls_and_rises,
        may_be_nan=("own_day_wh", "all_day_wh", "noise_wh"),
        overlap=lambda thresholds: 0,  # each column a day
        forget=_without_day,
    ),
)
