"""Packed slots come back as they were, whatever stays the same over a day, and beside rows of the first schema."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.days import PLAIN_SLOT, SLOT, packed, unpacked, unpacked_columns, unpacked_row

NAMES = SLOT.names or ()
UNITS = ("units_running", "units_idle", "units_zero")
HEARD = ("treatment", "enterprise_wh", "enterprise_full")


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
    first = slots_of(seed + 2, 2, 50)
    plain = np.zeros(first.shape, PLAIN_SLOT)
    for name in PLAIN_SLOT.names or ():
        plain[name] = first[name]
    of_first = [b"\x00\x80" + row.tobytes() for row in plain]
    rows = [*packed(long), of_first[0], *packed(short), of_first[1]]
    found, counts = unpacked(*joined(rows), width=96)
    assert counts.tolist() == [96, 96, 96, 50, 4, 4, 50]
    for name in NAMES:
        was_there = name in (PLAIN_SLOT.names or ())
        np.testing.assert_array_equal(found[name][[3, 6], :50], first[name] if was_there else 0)
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


#: Two rows of five slots, as they were packed before units were counted.
BEFORE_UNITS = (
    "52430500fa00000000000000fdffffffa0860100070000000000000000205940000000000400000004000000000000000000000001000000"
    "010001000100010000000100000000000000014006050504060000",
    "bc02050000000000020000000100000000000000020000000000000003000000000000000400000000000000000000000000f87f00000000"
    "0000f03f000000000000004000000000000008400000000000001040001000000200020000000100020003000400050005ff0000000000",
)


def test_rows_packed_before_units_were_counted_still_unpack_and_pack_as_before() -> None:
    rows = [bytes.fromhex(text) for text in BEFORE_UNITS]
    found, counts = unpacked(*joined(rows), width=5)
    assert counts.tolist() == [5, 5]
    assert found["wh"].tolist() == [[250, 0, -3, 100_000, 7], [2**33, 1, 2, 3, 4]]
    np.testing.assert_array_equal(found["cap_kw"], [[100.5] * 5, [np.nan, 1, 2, 3, 4]])
    assert found["missing"].tolist() == [[0, 1, 0, 0, 0], [0] * 5]
    assert found["verdict"].tolist() == [[6, 5, 5, 4, 6], [5] * 5]
    assert found["order"].tolist() == [[0] * 5, [-1, 0, 0, 0, 0]]
    assert not any(found[name].any() for name in (*UNITS, *HEARD))
    assert packed(found) == rows
    columns, _ = unpacked_columns(*joined(rows), width=5, names=("wh", *UNITS, *HEARD))
    assert not any(columns[name].any() for name in (*UNITS, *HEARD))


def test_counted_units_come_back_and_rows_without_them_pay_nothing() -> None:
    slots = slots_of(11, 2, 96)
    for name in UNITS:
        slots[0][name] = np.arange(96) % 7
        slots[1][name] = 0
    counted, bare = packed(slots)
    found, _ = unpacked(*joined([bare, counted]), width=96)
    assert found[1].tobytes() == slots[0].tobytes()
    assert found[0].tobytes() == slots[1].tobytes()
    slots[0]["units_zero"] = slots[0]["units_idle"] = slots[0]["units_running"] = 0
    assert len(counted) - len(packed(slots)[0]) == 3 * 2 * 96


def test_what_is_heard_comes_back_and_costs_little_while_nothing_changes() -> None:
    slots = slots_of(12, 2, 96)
    for name in HEARD:
        slots[0][name] = np.arange(96) % 7
        slots[1][name] = 0
    heard, bare = packed(slots)
    found, _ = unpacked(*joined([bare, heard]), width=96)
    assert found[1].tobytes() == slots[0].tobytes()
    assert found[0].tobytes() == slots[1].tobytes()
    slots[0]["treatment"], slots[0]["enterprise_wh"], slots[0]["enterprise_full"] = 2, 0, 0
    steady = packed(slots)[0]
    for name in HEARD:
        slots[0][name] = 0
    without = packed(slots)[0]
    assert len(heard) - len(without) == 4 + 96 * (4 + 4 + 1)
    assert len(steady) - len(without) == 4 + 4
