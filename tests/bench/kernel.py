"""The detector kernel: every array rule over S x T slots, as scope-slots per second of one core."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from time import process_time

import numpy as np

from detectors.rules import hours_over, limit_day, limit_pace, night_run, over, over_capacity, step_up, stop_day
from detectors.rules.cap_abs import CAP_ABS
from detectors.rules.limit_slot import LIMIT_SLOT
from detectors.rules.over import OverRule
from detectors.rules.stop_run import STOP_RUN
from detectors.rules.units_over import UNITS_OVER
from tests.bench.report import Result

SLOT_S = 900
SCOPES, SLOTS = 5_000, 96
#: 22:00 to 06:00: what `night_run` sums of a day.
NIGHT_SLOTS = 32
#: Rules that look at what came before, not at thresholds alone; the budget is for the others.
SEQUENCES = ("night_run", "step_up")


def lines(options: argparse.Namespace) -> Iterator[Result]:
    """A line a rule; ``kernel``: all rules of thresholds together; ``kernel_sequences``: those of sequences."""
    for name, rate in kernel_rates(options.kernel_s).items():
        yield Result(name, rate, "scope-slots/s", f"{SCOPES} scopes x {SLOTS} slots, CPU time of one core")


def kernel_rates(seconds: float = 3.0) -> dict[str, float]:
    """Scope-slots per CPU second by the name of each line."""
    parts = _parts()
    together = {
        "kernel_sequences": [rule for name, rule in parts.items() if name in SEQUENCES],
        "kernel": [rule for name, rule in parts.items() if name not in SEQUENCES],
    }
    asked = {f"kernel.{name}": [rule] for name, rule in parts.items()} | together
    return {name: _rate(rules, seconds / len(asked)) for name, rules in asked.items()}


def _rate(parts: list[Callable[[], object]], seconds: float) -> float:
    rounds, begun = 0, process_time()
    while (took_s := process_time() - begun) < seconds or not rounds:
        for part in parts:
            part()
        rounds += 1
    return rounds * SCOPES * SLOTS / max(took_s, 1e-9)


def _parts() -> Mapping[str, Callable[[], object]]:
    """Each rule with what it needs before: a slot rule compares with its threshold, a day rule sums its day."""
    chance = np.random.default_rng(210)
    wh = chance.integers(0, 300_000, (SCOPES, SLOTS))
    limit_wh = np.full((SCOPES, SLOTS), 180_000.0)
    ordered = np.ones((SCOPES, SLOTS), np.bool_)
    edge = np.zeros((SCOPES, SLOTS), np.bool_)
    day_cap_wh = np.full(SCOPES, 12_000_000.0)
    load_wh, rise_wh = wh.astype(np.float64), np.full((SCOPES, SLOTS), 60_000.0)
    max_wh = np.full((SCOPES, 1), 180_000.0)
    night_wh, base_wh = load_wh[:, :NIGHT_SLOTS], np.full((SCOPES, NIGHT_SLOTS), 20_000.0)
    hour_wh = (4 * wh).astype(np.float64)
    left = np.broadcast_to(np.arange(SLOTS - 1, -1, -1, dtype=np.int64), (SCOPES, SLOTS))

    def slot_rule(rule: OverRule) -> Callable[[], object]:
        n, m = rule.n(SLOT_S), rule.m(SLOT_S)
        return lambda: over.opens(wh > limit_wh, over.segment_starts(ordered, edge), n=n, m=m)

    return {
        "stop_run": slot_rule(STOP_RUN),
        "limit_slot": slot_rule(LIMIT_SLOT),
        "cap_abs": slot_rule(CAP_ABS),
        "units_over": slot_rule(UNITS_OVER),
        "limit_day": lambda: limit_day.flags(np.cumsum(wh, axis=1), day_cap_wh),
        "stop_day": lambda: stop_day.flags(np.cumsum(wh, axis=1), day_cap_wh),
        "hours_over": lambda: hours_over.flags(wh > limit_wh),
        "night_run": lambda: night_run.flags(night_wh, base_wh, day_cap_wh / 3),
        "step_up": lambda: step_up.flags(load_wh, load_wh, rise_wh, n=4),
        "over_capacity": lambda: over.opens(
            over_capacity.flags(load_wh, max_wh, factor=1.1), over.segment_starts(ordered, edge), n=6, m=8
        ),
        "limit_pace": lambda: limit_pace.flags(np.cumsum(wh, axis=1), hour_wh, left, day_cap_wh),
    }
