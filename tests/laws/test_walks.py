"""The walks that make alerts of flags: cut anywhere, with the open alert carried over, they find the same."""

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.alerts import Alert, Carry
from detectors.rules import offline, over, runs, step_up, treatment_off
from detectors.rules.cap_abs import CAP_ABS
from detectors.rules.limit_slot import LIMIT_SLOT
from detectors.rules.stop_run import STOP_RUN
from detectors.rules.units_over import UNITS_OVER
from detectors.vocab import Rule

LAW = settings(max_examples=150, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**32 - 1)
SLOT_S = 900
#: Columns that a day sees of the day before: 2 h.
MARGIN = 8
COLUMNS = 60
ORDER = "O"
Walk = Callable[[int, int, int, Alert | None, int | None], tuple[list[Alert], int | None]]


def blank(rule: Rule) -> Alert:
    return Alert("P", rule, ORDER, 2, 0, 0, 0)


def carried(alerts: list[Alert], rule: Rule) -> Alert | None:
    """The open alert as the next day finds it: written, read, copied."""
    kept = Carry(tuple(a for a in alerts if a.closed_slot is None))
    return Carry.from_json(kept.to_json()).opened(rule, ORDER)


def assert_split_changes_nothing(walk: Walk, rule: Rule, cut: int) -> None:
    whole, _ = walk(0, 0, COLUMNS, None, None)
    early, last_close = walk(0, 0, cut, None, None)
    late, _ = walk(max(0, cut - MARGIN), cut, COLUMNS, carried(early, rule), last_close)
    both = {a.first_slot: asdict(a) for a in early} | {a.first_slot: asdict(a) for a in late}
    assert both == {a.first_slot: asdict(a) for a in whole}


def over_track(rng: np.random.Generator, low: int, begin: int, end: int) -> over.OrderTrack:
    """The columns from ``low`` on, of which [begin, end) are walked."""
    ordered = rng.random(COLUMNS) < 0.97
    edge = ordered & (rng.random(COLUMNS) < 0.04)
    busy = np.repeat(rng.random(COLUMNS) < 0.5, rng.integers(1, 5, COLUMNS))[:COLUMNS]
    is_over = ordered & busy & (rng.random(COLUMNS) < 0.9)
    compliant = ordered & ~is_over & (rng.random(COLUMNS) < 0.8)
    below = compliant & (rng.random(COLUMNS) < 0.5)
    exempt = ~ordered & (rng.random(COLUMNS) < 0.3)
    load = rng.integers(1, 900, COLUMNS) * 250
    starts = over.segment_starts(ordered, edge)
    return over.OrderTrack(
        first_slot=1000 + low,
        begin=begin - low,
        end=end - low,
        over=is_over[low:].tolist(),
        below=below[low:].tolist(),
        compliant=compliant[low:].tolist(),
        starts=np.maximum(starts[low:] - low, 0).tolist(),
        edge=edge[low:].tolist(),
        order_ends=[False] * (COLUMNS - low),
        exempt=exempt[low:].tolist(),
        load_wh=[int(w) if s else None for w, s in zip(load[low:], (is_over | compliant)[low:], strict=True)],
        cap_kw=[100.0] * (COLUMNS - low),
        coverage=[1.0] * (COLUMNS - low),
    )


@LAW
@given(seed=SEEDS, cut=st.integers(0, COLUMNS), which=st.sampled_from([STOP_RUN, LIMIT_SLOT, CAP_ABS, UNITS_OVER]))
def test_n_of_m(seed: int, cut: int, which: over.OverRule) -> None:
    def walk(
        low: int, begin: int, end: int, open_alert: Alert | None, last_close: int | None
    ) -> tuple[list[Alert], int | None]:
        track = over_track(np.random.default_rng(seed), low, begin, end)
        n, m = which.n(SLOT_S), which.m(SLOT_S)
        found, _, close = over.walk(
            track, blank(which.rule), open_alert, last_close, n=n, m=m, below_n=2, slot_s=SLOT_S
        )
        return found, close

    assert_split_changes_nothing(walk, which.rule, cut)


@LAW
@given(seed=SEEDS)
def test_every_opening_slot_is_one_that_the_array_rule_flags(seed: int) -> None:
    track = over_track(np.random.default_rng(seed), 0, 0, COLUMNS)
    n, m = STOP_RUN.n(SLOT_S), STOP_RUN.m(SLOT_S)
    found, _, _ = over.walk(track, blank(Rule.STOP_RUN), None, None, n=n, m=m, below_n=2, slot_s=SLOT_S)
    flags = over.opens(np.array(track.over), np.array(track.starts, np.int64), n=n, m=m)
    opened = [a.opened_slot - track.first_slot for a in found]
    assert flags[opened].all()
    assert bool(found) == bool(flags.any())
    if found:
        assert opened[0] == int(flags.argmax())


@LAW
@given(seed=SEEDS, cut=st.integers(0, COLUMNS))
def test_steps(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    n, rise, back = 4, 75_000.0, 37_500.0
    load = np.repeat(rng.integers(0, 9, COLUMNS) * 25_000, rng.integers(1, 9, COLUMNS))[:COLUMNS]
    measured = rng.random(COLUMNS) < 0.95
    edge, exempt = rng.random(COLUMNS) < 0.03, rng.random(COLUMNS) < 0.03
    known = np.where(measured, load.astype(np.float64), np.nan)
    jumps = step_up.flags(known, known, np.full(COLUMNS, rise), n=n)
    loads = [int(w) if k else None for w, k in zip(load, measured, strict=True)]

    def walk(
        low: int, begin: int, end: int, open_alert: Alert | None, last_close: int | None
    ) -> tuple[list[Alert], int | None]:
        track = step_up.StepTrack(
            first_slot=1000 + low,
            begin=begin - low,
            end=end - low,
            jumps=jumps[low:].tolist(),
            measured_wh=loads[low:],
            rise_wh=[rise] * (COLUMNS - low),
            back_wh=[back] * (COLUMNS - low),
            edge=edge[low:].tolist(),
            order_ends=[False] * (COLUMNS - low),
            exempt=exempt[low:].tolist(),
            load_wh=loads[low:],
            cap_kw=[100.0] * (COLUMNS - low),
            coverage=[1.0] * (COLUMNS - low),
        )
        return step_up.walk(track, blank(Rule.STEP_UP), open_alert, last_close, n=n, back_n=2, slot_s=SLOT_S)

    assert_split_changes_nothing(walk, Rule.STEP_UP, cut)


@LAW
@given(seed=SEEDS, cut=st.integers(0, COLUMNS))
def test_runs_of_flagged_slots(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    flagged = rng.random(COLUMNS) < 0.3
    clear = ~flagged & (rng.random(COLUMNS) < 0.4)
    ends = rng.random(COLUMNS) < 0.03
    coverage = rng.random(COLUMNS).round(3)

    def walk(low: int, begin: int, end: int, open_alert: Alert | None, _: int | None) -> tuple[list[Alert], int | None]:
        columns = (flagged[low:].tolist(), clear[low:].tolist(), ends[low:].tolist(), coverage[low:].tolist())
        track = runs.RunTrack(1000 + low, begin - low, end - low, *columns)
        return runs.walk(track, blank(Rule.OUTAGE), open_alert, slot_s=SLOT_S), None

    assert_split_changes_nothing(walk, Rule.OUTAGE, cut)


@LAW
@given(seed=SEEDS, cut=st.integers(0, COLUMNS))
def test_treatment_that_stands_still(seed: int, cut: int) -> None:
    """Three pairs, each off, measured or neither in runs."""
    rng = np.random.default_rng(seed)
    states = np.zeros(COLUMNS, np.int64)
    for place in range(3):
        kinds = np.repeat(rng.choice([0, 2, 2, 3], COLUMNS), rng.integers(1, 6, COLUMNS))[:COLUMNS]
        states |= kinds << 2 * place

    def names(places: int) -> tuple[str, ...]:
        return tuple(str(p) for p in range(3) if places >> 2 * p & 1)

    def walk(
        low: int, begin: int, end: int, open_alert: Alert | None, last_close: int | None
    ) -> tuple[list[Alert], int | None]:
        return treatment_off.walk(
            treatment_off.PairTrack(1000 + low, begin - low, end - low, states[low:].tolist(), 3),
            blank(Rule.TREATMENT_OFF),
            open_alert,
            last_close,
            n=3,
            m=4,
            clear_n=2,
            slot_s=SLOT_S,
            places_of=lambda meters: sum(1 << 2 * int(m) for m in meters),
            names_of=names,
        )

    assert_split_changes_nothing(walk, Rule.TREATMENT_OFF, cut)


@LAW
@given(seed=SEEDS, cut=st.integers(0, COLUMNS))
def test_silence(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    counts = np.repeat(rng.random(COLUMNS) < 0.5, rng.integers(1, 20, COLUMNS))[:COLUMNS]
    covered = ~counts & (rng.random(COLUMNS) < 0.5)
    coverage = np.where(covered, 1.0, 0.5)

    def walk(low: int, begin: int, end: int, open_alert: Alert | None, _: int | None) -> tuple[list[Alert], int | None]:
        track = offline.SilenceTrack(
            first_slot=1000 + low,
            begin=begin - low,
            end=end - low,
            counts=counts[low:].tolist(),
            ordered=[False] * (COLUMNS - low),  # what counts for a day's sum begins anew at midnight
            covered=covered[low:].tolist(),
            ends=[False] * (COLUMNS - low),
            coverage=coverage[low:].tolist(),
            order_from_s=0,
        )
        limits = offline.Limits(open_n=8, day_missing_n=16, escalate_s=86_400, near_s=21_600)
        first = replace(blank(Rule.OFFLINE), grade=1)
        return offline.walk(track, first, open_alert, limits=limits, slot_s=SLOT_S), None

    assert_split_changes_nothing(walk, Rule.OFFLINE, cut)
