"""Marks name every slot that a changed reading can move, and no others' days."""

import dataclasses
import random

import numpy as np
import pytest

from consumers.marks import marks_of, runs
from consumers.partition import Partition
from consumers.poison import PoisonGauge
from consumers.ports import StoredRecord
from detectors.readings import ReadingColumns
from detectors.registry import FOREVER
from detectors.vocab import Kind
from service.db.meter_index import Intervals, MeterIndex
from service.db.quarantine import row_names

T0 = 1510798500
LAST = T0 // 900 - 1
INDEX = dataclasses.replace(
    MeterIndex.empty(),
    rows={"A": 0, "B": 1, "C": 2},
    meter_no=np.array([5, 7, 9], np.int32),
    members=Intervals.of([(0, 0, FOREVER, 100), (0, 0, T0 - 1, 101), (1, 0, FOREVER, 100)], np.int64),
    multipliers=Intervals.of([(0, 0, T0, 100.0), (0, T0, FOREVER, 200.0)], np.float64),
    _row_of_no=np.array([-1, -1, -1, -1, -1, 0, -1, 1, -1, 2], np.int32),
)


def changed(*rows: tuple[int, int, int, int]) -> ReadingColumns:
    """Readings of (meter_no, kind, ts, period_s)."""
    n = len(rows)
    return dataclasses.replace(
        ReadingColumns.empty(),
        meter=np.array([r[0] for r in rows], np.int32),
        kind=np.array([r[1] for r in rows], np.int8),
        ts=np.array([r[2] for r in rows], np.int64),
        value=np.ones(n),
        q=np.zeros(n, np.int8),
        rev=np.zeros(n, np.int32),
        coll=np.zeros(n, np.int64),
        scale=np.zeros(n, np.int8),
        period_s=np.array([r[3] for r in rows], np.int32),
        had_evidence=np.zeros(n, np.bool_),
    )


def marks(*rows: tuple[int, int, int, int]) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in marks_of(changed(*rows), INDEX, 900)), strict=True))


@pytest.mark.parametrize(
    ("kind", "ts", "period_s", "first", "last"),
    [
        (Kind.POWER_INST, T0, 900, LAST, LAST),
        (Kind.POWER_AVG, T0, 3600, LAST - 3, LAST),
        (Kind.ENERGY_INT, T0, 86400, LAST - 95, LAST),
        (Kind.POWER_INST, T0 - 300, 300, LAST, LAST),
        (Kind.VOLTAGE, T0, 900, LAST, LAST),
        (Kind.CURRENT, T0 - 1, 900, LAST, LAST),
        (Kind.VOLTAGE, T0 + 1, 0, LAST + 1, LAST + 1),
        (Kind.ENERGY_REG, T0, 0, LAST - 95, LAST + 96),
    ],
)
def test_each_kind_touches_its_span(kind: Kind, ts: int, period_s: int, first: int, last: int) -> None:
    assert marks((7, kind, ts, period_s)) == [(100, first, last)]


def test_membership_holds_at_the_start_of_a_touched_slot() -> None:
    before = T0 - 1800
    assert marks((5, Kind.POWER_INST, before, 900)) == [(100, LAST - 2, LAST - 2), (101, LAST - 2, LAST - 2)]
    assert marks((5, Kind.POWER_INST, T0, 900)) == [(100, LAST, LAST), (101, LAST, LAST)]
    assert marks((5, Kind.POWER_INST, T0 + 900, 900)) == [(100, LAST + 1, LAST + 1)]
    assert marks((9, Kind.POWER_INST, T0, 900)) == []
    assert marks() == []


def test_a_register_marks_a_scope_that_counts_it_for_a_few_hours_only() -> None:
    hours = Intervals.of([(1, T0, T0 + 6 * 3600, 102)], np.int64)
    found = marks_of(changed((7, Kind.ENERGY_REG, T0, 0)), dataclasses.replace(INDEX, members=hours), 900)
    assert [column.tolist() for column in found] == [[102], [LAST - 95], [LAST + 96]]


def test_two_meters_make_one_mark_and_far_days_make_two() -> None:
    day = 86400
    found = marks(
        (5, Kind.POWER_INST, T0 + 900, 900), (7, Kind.POWER_INST, T0, 900), (7, Kind.POWER_INST, T0 - 40 * day, 900)
    )
    assert found == [(100, LAST - 40 * 96, LAST - 40 * 96), (100, LAST, LAST + 1)]


@pytest.mark.parametrize("seed", range(40))
def test_runs_cover_exactly_the_same_slots(seed: int) -> None:
    rng = random.Random(seed)
    spans = [(rng.randrange(3), first := rng.randrange(-5, 60), first + rng.randrange(9)) for _ in range(20)]
    scope, first_slot, last_slot = (np.array(column, np.int64) for column in zip(*spans, strict=True))
    found = list(zip(*(c.tolist() for c in runs(scope, first_slot, last_slot)), strict=True))
    covered = {(s, slot) for s, first, last in spans for slot in range(first, last + 1)}
    assert {(s, slot) for s, first, last in found for slot in range(first, last + 1)} == covered
    assert sum(last - first + 1 for _, first, last in found) == len(covered)


def test_the_multiplier_is_the_one_at_the_readings_time() -> None:
    row = np.array([0, 0, 0, 1, -1], np.int32)
    ts = np.array([T0 - 1, T0, FOREVER, T0, T0], np.int64)
    assert repr(INDEX.factor_at(row, ts).tolist()) == repr([100.0, 200.0] + [float("nan")] * 3)


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        ((), ""),
        ((17,), "values[17]"),
        ((0, 1, 2, 5), "values[0..2],values[5]"),
        ((4, 3), "values[3..4]"),
    ],
)
def test_rows_are_named(positions: tuple[int, ...], expected: str) -> None:
    assert row_names(positions) == expected


def test_a_hundred_refused_in_a_row_are_too_many() -> None:
    gauge = PoisonGauge()
    almost = np.array([False] + [True] * 99)
    assert gauge.first_excess(almost) is None
    gauge.note(almost)
    assert gauge.first_excess(np.array([True])) == 0
    assert gauge.first_excess(np.array([False, True])) is None


def test_more_than_five_percent_of_ten_thousand_are_too_many() -> None:
    gauge = PoisonGauge()
    refused = np.zeros(10_000, np.bool_)
    refused[::20] = True
    assert gauge.first_excess(refused) is None
    gauge.note(refused)
    assert gauge.first_excess(np.array([False, True, True])) == 2
    for _ in range(3):
        gauge.note(np.zeros(4000, np.bool_))
    assert gauge.first_excess(np.array([True, True])) is None


def records(*offsets: int) -> list[StoredRecord]:
    return [StoredRecord(offset, 0, None, b"") for offset in offsets]


def test_a_gap_is_sought_back_once_and_then_it_is_a_hole() -> None:
    partition = Partition(0, epoch=1, cursor=10, moved_at=0.0)
    assert partition.take_in(records(10, 11))
    assert not partition.take_in(records(14, 15))
    assert partition.read_to == 12
    assert partition.take_in(records(14, 15))
    assert [r.offset for r in partition.pending] == [10, 11, 14, 15]
    assert partition.take_in(records(14, 15, 16))
    assert partition.read_to == 17
    assert partition.rewind() == 10


def test_frames_make_smaller_batches() -> None:
    partition = Partition(0, 1, 0, moved_at=0.0)
    assert partition.take_in([StoredRecord(i, 0, None, b"x" * size) for i, size in enumerate([100, 1600, 1600, 300])])
    assert [len(partition.next_batch(150)) for _ in range(3)] == [2, 2, 0]
    assert not partition.pending
