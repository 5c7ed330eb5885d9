"""Packed slots come back as they were, whatever stays the same over a day, and beside rows of the first schema."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.days import SLOT, packed, unpacked, unpacked_columns, unpacked_row

NAMES = SLOT.names or ()


def slots_of(seed: int, scopes: int, count: int) -> npt.NDArray[np.void]:
    """Each field of each scope: the same in all slots, changing once, or other everywhere."""
    chance = np.random.default_rng(seed)
    slots = np.zeros((scopes, count), SLOT)
    for scope in range(scopes):
        for name in NAMES:
            kind, form = SLOT[name], chance.integers(3)
            values = chance.integers(0, 256, (count, kind.itemsize), np.uint8).view(kind)[:, 0]
            if form == 0:
                values[:] = values[:1]
            elif form == 1:
                values[: count // 2] = values[:1]
            slots[scope][name] = values
        if chance.integers(2):
            slots[scope]["wh"] %= 1_000_000
    return slots


def joined(rows: list[bytes]) -> tuple[bytes, npt.NDArray[np.int64]]:
    return b"".join(rows), np.array([len(row) for row in rows], np.int64)


@given(seed=st.integers(0, 2**32 - 1), scopes=st.integers(0, 6), count=st.integers(0, 100))
def test_what_was_packed_comes_back(seed: int, scopes: int, count: int) -> None:
    slots = slots_of(seed, scopes, count)
    found, counts = unpacked(*joined(packed(slots)), width=100)
    assert found[:, :count].tobytes() == slots.tobytes()
    assert counts.tolist() == [count] * scopes
    assert not any(found[:, count:][name].any() for name in NAMES)


@given(seed=st.integers(0, 2**32 - 1))
def test_rows_of_different_lengths_and_of_the_first_schema_lie_side_by_side(seed: int) -> None:
    long, short = slots_of(seed, 3, 96), slots_of(seed + 1, 2, 4)
    plain = [b"\x00\x80" + row.tobytes() for row in slots_of(seed + 2, 2, 50)]
    rows = [*packed(long), plain[0], *packed(short), plain[1]]
    found, counts = unpacked(*joined(rows), width=96)
    assert counts.tolist() == [96, 96, 96, 50, 4, 4, 50]
    for row, slots, count in zip(rows, found, counts.tolist(), strict=True):
        assert unpacked_row(row).tobytes() == slots[:count].tobytes()


def test_some_fields_alone() -> None:
    slots = slots_of(7, 5, 96)
    columns, _ = unpacked_columns(*joined(packed(slots)), width=96, names=("wh", "facts"))
    assert set(columns) == {"wh", "facts"}
    assert (columns["wh"] == slots["wh"]).all()
    assert (columns["facts"] == slots["facts"]).all()


@pytest.mark.parametrize(("wh", "most"), [(250_000, 450), (2**40, 850)])
def test_a_day_of_one_meter_is_small(wh: int, most: int) -> None:
    slots = np.zeros((1, 96), SLOT)
    slots["wh"] = np.random.default_rng(1).integers(0, wh, 96)
    slots["cap_kw"] = np.nan
    assert len(packed(slots)[0]) < most
