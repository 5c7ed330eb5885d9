"""The laws of every detector (STYLE, rule 1), run against every array rule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.array_rules import RULES, ArrayRule, Inputs, Thresholds

LAW = settings(max_examples=60, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.tuples(st.integers(0, 7), st.integers(0, 110))
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def drawn(rule: ArrayRule, seed: int, size: tuple[int, int]) -> Inputs:
    return rule.draw(np.random.default_rng(seed), *size)


def frozen(inputs: Inputs) -> Inputs:
    """The same arrays, read-only."""
    copies = {name: values.copy() for name, values in inputs.items()}
    for values in copies.values():
        values.flags.writeable = False
    return copies


def columns(inputs: Inputs, low: int, high: int) -> Inputs:
    """A piece of the time axis; ``starts`` counts from the piece's own first column."""
    cut = {name: v[:, low:high] if v.ndim == 2 else v for name, v in inputs.items()}
    if "starts" in cut:
        cut["starts"] = np.maximum(cut["starts"].astype(np.int64) - low, 0)
    return cut


@every_rule
@LAW
@given(seed=SEEDS, size=SIZES)
def test_flags_have_the_shape_of_the_slots_and_inputs_stay_as_they_are(
    rule: ArrayRule, seed: int, size: tuple[int, int]
) -> None:
    inputs = drawn(rule, seed, size)
    flags = rule.flags(inputs, rule.defaults)
    assert flags.shape == size
    assert flags.dtype == np.bool_
    np.testing.assert_array_equal(rule.flags(frozen(inputs), rule.defaults), flags)
    for name, values in drawn(rule, seed, size).items():
        np.testing.assert_array_equal(inputs[name], values)


@every_rule
@pytest.mark.parametrize("size", [(0, 0), (0, 96), (5, 0)])
def test_no_scope_and_no_slot_work(rule: ArrayRule, size: tuple[int, int]) -> None:
    assert rule.flags(drawn(rule, 1, size), rule.defaults).shape == size


@every_rule
def test_the_worlds_of_the_laws_are_not_empty(rule: ArrayRule) -> None:
    flags = rule.flags(drawn(rule, 5, (40, 96)), rule.defaults)
    assert flags.any()
    assert not flags.all()


@every_rule
@LAW
@given(seed=SEEDS, size=SIZES)
def test_what_is_not_known_flags_nothing(rule: ArrayRule, seed: int, size: tuple[int, int]) -> None:
    inputs = drawn(rule, seed, size)
    for name in rule.may_be_nan:
        unknown = np.random.default_rng(seed).random(inputs[name].shape) < 0.5
        holed = {**inputs, name: np.where(unknown, np.nan, inputs[name].astype(np.float64))}
        flags = rule.flags(holed, rule.defaults)
        touched = unknown[:, None] if unknown.ndim == 1 else unknown
        assert not (flags & touched).any()
        kept = ~np.broadcast_to(touched, size)
        np.testing.assert_array_equal(flags[kept], rule.flags(inputs, rule.defaults)[kept])


@every_rule
@LAW
@given(seed=SEEDS, size=SIZES)
def test_measuring_less_never_adds_a_flag(rule: ArrayRule, seed: int, size: tuple[int, int]) -> None:
    inputs = drawn(rule, seed, size)
    gone = np.random.default_rng(seed + 1).random(size) < 0.3
    before, after = rule.flags(inputs, rule.defaults), rule.flags(rule.forget(inputs, gone), rule.defaults)
    assert not (after & ~before).any()


@every_rule
@LAW
@given(seed=SEEDS, size=SIZES)
def test_permuting_rows_permutes_flags(rule: ArrayRule, seed: int, size: tuple[int, int]) -> None:
    inputs = drawn(rule, seed, size)
    order = np.random.default_rng(seed).permutation(size[0])
    flags = rule.flags({name: values[order] for name, values in inputs.items()}, rule.defaults)
    np.testing.assert_array_equal(flags, rule.flags(inputs, rule.defaults)[order])


@every_rule
@LAW
@given(seed=SEEDS, size=SIZES)
def test_stricter_thresholds_never_remove_a_flag(rule: ArrayRule, seed: int, size: tuple[int, int]) -> None:
    inputs = drawn(rule, seed, size)

    def told(thresholds: Thresholds) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        flags = rule.flags(inputs, thresholds)
        return flags if rule.taken_over is None else flags | rule.taken_over(inputs, thresholds)

    before = told(rule.defaults)
    for thresholds in rule.stricter:
        after = told(thresholds)
        assert not (before & ~after).any(), thresholds
        before = after


@every_rule
@LAW
@given(seed=SEEDS, size=SIZES)
def test_a_threshold_of_zero_is_honoured(rule: ArrayRule, seed: int, size: tuple[int, int]) -> None:
    inputs = drawn(rule, seed, size)
    np.testing.assert_array_equal(rule.flags(inputs, rule.zero), rule.at_zero(inputs))


@every_rule
@LAW
@given(seed=SEEDS, size=SIZES, share=st.floats(0, 1))
def test_later_slots_never_change_earlier_flags(
    rule: ArrayRule, seed: int, size: tuple[int, int], share: float
) -> None:
    inputs = drawn(rule, seed, size)
    cut = round(share * size[1])
    early = rule.flags(columns(inputs, 0, cut), rule.defaults)
    np.testing.assert_array_equal(early, rule.flags(inputs, rule.defaults)[:, :cut])


@every_rule
@LAW
@given(seed=SEEDS, size=SIZES, share=st.floats(0, 1))
def test_splitting_time_with_the_declared_overlap_changes_nothing(
    rule: ArrayRule, seed: int, size: tuple[int, int], share: float
) -> None:
    inputs = drawn(rule, seed, size)
    cut = round(share * size[1])
    overlap = rule.overlap(rule.defaults)
    begin = 0 if overlap < 0 else max(0, cut - overlap)
    late = rule.flags(columns(inputs, begin, size[1]), rule.defaults)[:, cut - begin :]
    np.testing.assert_array_equal(late, rule.flags(inputs, rule.defaults)[:, cut:])
