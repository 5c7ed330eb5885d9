"""Alerts are compared in pieces that bound what is held of them at a time."""

import pytest

from consumers.rejudge import _pieces


@pytest.mark.parametrize(
    ("weights", "sizes"),
    [
        ([], []),
        ([1], [1]),
        ([9], [1]),
        ([1] * 10, [4, 4, 2]),
        ([2, 2, 1, 3, 9, 1], [2, 2, 1, 1]),
        ([9, 9, 1, 1, 1, 1, 1], [1, 1, 4, 1]),
    ],
)
def test_a_piece_weighs_no_more_than_it_may_or_has_one_name(weights: list[int], sizes: list[int]) -> None:
    names = [f"P{i}" for i in range(len(weights))]
    pieces = list(_pieces(names, weights, 4))
    assert [len(piece) for piece in pieces] == sizes
    assert [name for piece in pieces for name in piece] == names
