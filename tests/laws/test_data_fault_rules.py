"""Laws of the rules that set readings aside: a fault tells of its own slots, and never of what nobody measured."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.rules import clock_hour, dropout, short_runs, spike, stuck
from detectors.rules.level import Expected, Limits, stretches

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: kW as Wh of a slot around the thresholds: floor 100, maximum 1000, idle 200.
LEVELS = (0.0, 5.0, 60.0, 150.0, 150.0, 400.0, 400.0, 400.0, 900.0, 2500.0, np.nan)
FLOOR, HIGHEST, IDLE = 100.0, 1000.0, 200.0
LAW = settings(max_examples=60, deadline=None, derandomize=True)
SIZES = st.tuples(st.integers(0, 5), st.integers(0, 40))
SEEDS = st.integers(0, 10_000)


def _full(load: F64, value: float) -> F64:
    return np.full(load.shape, value)


RULES: Mapping[str, Callable[[F64], Bool]] = {
    "spike": lambda load: spike.flags(load, _full(load, HIGHEST), factor=2.0, n_max=8),
    "dropout": lambda load: dropout.flags(load, _full(load, FLOOR), share=0.1, n_max=4),
    "stuck": lambda load: stuck.flags(load, _full(load, 3.0), np.zeros(len(load), np.bool_), begin=8),
    "clock_hour": lambda load: clock_hour.flags(load, jump=8, n_hour=4),
}
every_rule = pytest.mark.parametrize("flags", RULES.values(), ids=RULES.keys())


def drawn(seed: int, size: tuple[int, int]) -> F64:
    """Loads in runs."""
    rng = np.random.default_rng(seed)
    rows = [np.repeat(rng.choice(LEVELS, size[1]), rng.integers(1, 6, size[1]))[: size[1]] for _ in range(size[0])]
    return np.array(rows, np.float64).reshape(size)


@every_rule
@LAW
@given(seed=SEEDS, size=SIZES)
def test_same_shape_and_untouched_inputs(flags: Callable[[F64], Bool], seed: int, size: tuple[int, int]) -> None:
    load = drawn(seed, size)
    before = load.copy()
    load.flags.writeable = False
    found = flags(load)
    assert found.shape == size
    assert found.dtype == np.bool_
    np.testing.assert_array_equal(load, before)


@every_rule
@LAW
@given(seed=SEEDS, size=SIZES)
def test_what_nobody_measured_is_not_suspect(flags: Callable[[F64], Bool], seed: int, size: tuple[int, int]) -> None:
    load = drawn(seed, size)
    assert not flags(load)[np.isnan(load)].any()


@every_rule
@LAW
@given(seed=SEEDS, size=SIZES)
def test_scopes_do_not_look_at_each_other(flags: Callable[[F64], Bool], seed: int, size: tuple[int, int]) -> None:
    load = drawn(seed, size)
    order = np.random.default_rng(seed).permutation(size[0])
    np.testing.assert_array_equal(flags(load[order]), flags(load)[order])


@pytest.mark.parametrize(("name", "longest"), [("spike", 8), ("dropout", 4)])
@LAW
@given(seed=SEEDS, size=SIZES)
def test_a_longer_run_that_is_allowed_takes_no_flag_away(
    name: str, longest: int, seed: int, size: tuple[int, int]
) -> None:
    load = drawn(seed, size)

    def at_most(n: int) -> Bool:
        if name == "spike":
            return spike.flags(load, _full(load, HIGHEST), factor=2.0, n_max=n)
        return dropout.flags(load, _full(load, FLOOR), share=0.1, n_max=n)

    for n in range(longest):
        assert not (at_most(n) & ~at_most(n + 1)).any()
    assert not at_most(0).any()


@LAW
@given(seed=SEEDS, size=SIZES)
def test_thresholds_of_zero_are_honoured(seed: int, size: tuple[int, int]) -> None:
    load = drawn(seed, size)
    lows = dropout.flags(load, _full(load, FLOOR), share=0.0, n_max=4)
    assert (load[lows] == 0).all()
    never = np.zeros(len(load), np.bool_)
    every = stuck.flags(load, _full(load, 0.0), never, begin=8)
    np.testing.assert_array_equal(every, load > 0)


@LAW
@given(seed=SEEDS, size=SIZES, n_max=st.integers(0, 9))
def test_short_runs_as_a_loop_finds_them(seed: int, size: tuple[int, int], n_max: int) -> None:
    rng = np.random.default_rng(seed)
    state = rng.choice(3, size, p=[0.4, 0.3, 0.3])  # flagged, other, unknown
    found = short_runs.short(state == 0, state == 1, n_max=n_max)
    for row in range(size[0]):
        runs: list[list[int]] = [[]]
        for t in range(size[1]):
            if state[row, t] == 0:
                runs[-1].append(t)
            elif state[row, t] == 1:
                runs.append([])
        expected = {t for run in runs if run and run[-1] - run[0] < n_max for t in run}
        assert set(np.flatnonzero(found[row]).tolist()) == expected


LIMITS = Limits(share=0.4, rise=2.5, floor=0.5, alike=2.6, shape=0.7, n_min=24)
DAY = slice(8, 104)
PROFILE = np.concatenate([np.full(36, 160.0), np.full(48, 900.0), np.full(28, 160.0)])
EXPECTED = Expected(PROFILE, np.full(112, 900.0), np.full(112, 160.0), np.full(112, 120.0), np.full(112, 1100.0))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=SEEDS,
    factor=st.floats(0.05, 0.3),
    missing=st.floats(0, 0.3),
    is_up=st.booleans(),
)
def test_a_scaled_day_is_found_whatever_its_factor(seed: int, factor: float, missing: float, is_up: bool) -> None:
    """A few per cent of scatter, a part of the slots missing; upward by the reciprocal of the factor."""
    rng = np.random.default_rng(seed)
    times = 1 / factor if is_up else factor
    load = PROFILE * rng.uniform(0.95, 1.05, 112) * times
    load[rng.random(112) < missing] = np.nan
    found = list(stretches(load, EXPECTED, LIMITS, DAY, is_up=is_up))
    assert len(found) == 1
    assert found[0].is_open
    assert found[0].factor == pytest.approx(times, rel=0.05)
    assert not list(stretches(load, EXPECTED, LIMITS, DAY, is_up=not is_up))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=SEEDS, share=st.floats(0, 1.2))
def test_a_plant_that_idles_as_ever_is_believed_however_much_it_works(seed: int, share: float) -> None:
    scatter = np.random.default_rng(seed).uniform(0.9, 1.1, 112)
    load = (160.0 + (PROFILE - 160.0) * share) * scatter
    for is_up in (False, True):
        assert not list(stretches(load, EXPECTED, LIMITS, DAY, is_up=is_up))
