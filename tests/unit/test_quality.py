"""The row-local checks of FEED §4: each formula at its edge, and their order."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from detectors.quality import (
    DEFAULT_LIMITS,
    MESSAGE_FAULTS,
    QUARANTINE_FAULTS,
    Checked,
    Fault,
    Flag,
    Limits,
    check_rows,
    snap,
)
from detectors.vocab import Kind, Scale

TS = 1510798500
DAY_S = 86400
NAN = float("nan")
GOOD: dict[str, Any] = {
    "ts": TS,
    "period_s": 900,
    "kind": Kind.POWER_INST,
    "value": 1.5,
    "scale": Scale.PRIMARY,
    "record_ts_s": TS + 120,
    "known": True,
    "factor": NAN,
    "t_factor": NAN,
    "has_reverse": False,
    "coll_ms": (TS + 60) * 1000,
}
DTYPES: dict[str, Any] = {"ts": np.int64, "period_s": np.int32, "kind": np.int8, "value": np.float64, "scale": np.int8}
DTYPES |= {"record_ts_s": np.int64, "known": np.bool_, "factor": np.float64, "t_factor": np.float64}
DTYPES |= {"has_reverse": np.bool_, "coll_ms": np.int64}


def check(*rows: dict[str, Any], utc_offset_s: int = 0, limits: Limits = DEFAULT_LIMITS) -> Checked:
    """Check rows that differ from a good one in these fields."""
    columns: dict[str, Any] = {
        name: np.array([(GOOD | row)[name] for row in rows], dtype) for name, dtype in DTYPES.items()
    }
    for column in columns.values():
        column.flags.writeable = False
    return check_rows(**columns, utc_offset_s=utc_offset_s, limits=limits)


SECONDARY = {"scale": Scale.SECONDARY, "factor": 12000.0}
REGISTER = {"kind": Kind.ENERGY_REG, "value": 123456.78}
CASES: list[tuple[dict[str, Any], Fault]] = [
    ({}, Fault.ACCEPTED),
    ({"ts": TS + 30}, Fault.ACCEPTED),
    ({"ts": TS - 30}, Fault.ACCEPTED),
    ({"ts": TS + 31}, Fault.MISALIGNED),
    ({"ts": TS - 31}, Fault.MISALIGNED),
    ({"ts": TS + 77, "period_s": 0, **REGISTER}, Fault.ACCEPTED),
    ({"ts": TS + 77, **REGISTER}, Fault.MISALIGNED),
    ({"record_ts_s": TS - 300}, Fault.ACCEPTED),
    ({"record_ts_s": TS - 301}, Fault.FUTURE_TS),
    ({"record_ts_s": TS + 45 * DAY_S}, Fault.ACCEPTED),
    ({"record_ts_s": TS + 45 * DAY_S + 1}, Fault.LATE_BEYOND_HORIZON),
    ({"known": False}, Fault.UNKNOWN_METER),
    ({"known": False, "record_ts_s": TS - 9999, "scale": -1, "period_s": 0}, Fault.UNKNOWN_METER),
    ({"known": False, "ts": TS + 100}, Fault.MISALIGNED),
    ({"scale": -1}, Fault.SCALE_UNKNOWN),
    ({"scale": -1, "kind": Kind.VOLTAGE}, Fault.ACCEPTED),
    (SECONDARY, Fault.ACCEPTED),
    (SECONDARY | {"factor": NAN}, Fault.MULTIPLIER_UNKNOWN),
    (SECONDARY | {"factor": NAN, "t_factor": 12000.0}, Fault.MULTIPLIER_UNKNOWN),
    (SECONDARY | {"factor": NAN, **REGISTER}, Fault.MULTIPLIER_UNKNOWN),
    (SECONDARY | {"factor": NAN, "kind": Kind.CURRENT}, Fault.ACCEPTED),
    (SECONDARY | {"t_factor": 12000.0 * (1 + 0.9e-6)}, Fault.ACCEPTED),
    (SECONDARY | {"t_factor": 12000.0 * (1 + 1.1e-6)}, Fault.MULTIPLIER_MISMATCH),
    ({"factor": 12000.0, "t_factor": 11000.0}, Fault.MULTIPLIER_MISMATCH),
    ({"t_factor": 12000.0}, Fault.ACCEPTED),
    (SECONDARY | {"value": 80.0}, Fault.ACCEPTED),
    (SECONDARY | {"value": 80.1}, Fault.SCALE_SUSPECT),
    (SECONDARY | {"value": -80.1}, Fault.SCALE_SUSPECT),
    ({"value": 80_000.0}, Fault.ACCEPTED),
    (SECONDARY | {"kind": Kind.ENERGY_INT, "value": 20.0}, Fault.ACCEPTED),
    (SECONDARY | {"kind": Kind.ENERGY_INT, "value": 20.1}, Fault.SCALE_SUSPECT),
    (SECONDARY | REGISTER, Fault.ACCEPTED),
    (SECONDARY | {"value": NAN}, Fault.ACCEPTED),
]


@pytest.mark.parametrize(("row", "fault"), CASES)
def test_each_check_at_its_edge(row: dict[str, Any], fault: Fault) -> None:
    assert Fault(int(check(row).code[0])) is fault


def test_rows_do_not_see_each_other() -> None:
    together = check(*(row for row, _ in CASES))
    assert together.code.tolist() == [fault for _, fault in CASES]


def test_snapping_goes_to_the_nearest_end() -> None:
    found = check({"ts": TS + 29}, {"ts": TS - 30}, {"ts": TS + 31})
    assert found.ts.tolist() == [TS, TS, TS + 31]


def test_a_day_ends_at_local_midnight() -> None:
    midnight = 1510761600  # 2017-11-16 00:00 +08:00
    day = {"kind": Kind.ENERGY_INT, "period_s": DAY_S, "ts": midnight, "record_ts_s": midnight + 3600}
    assert check(day, utc_offset_s=8 * 3600).code.tolist() == [Fault.ACCEPTED]
    assert check(day).code.tolist() == [Fault.MISALIGNED]


def test_months_that_were_put_away_take_nothing_in() -> None:
    """Neither in time nor late; a meter that nobody knows is still that first."""
    limits = Limits(frozen_before_s=TS)
    found = check({}, {"ts": TS + 900, "record_ts_s": TS + 1000}, {"known": False}, limits=limits)
    assert found.code.tolist() == [Fault.PUT_AWAY, Fault.ACCEPTED, Fault.UNKNOWN_METER]


def test_flags() -> None:
    found = check(
        {"value": -0.1},
        {"value": -0.1, "has_reverse": True},
        {"value": -5.0, "kind": Kind.CURRENT},
        {"coll_ms": (TS - 300) * 1000},
        {"coll_ms": (TS - 301) * 1000},
        {"coll_ms": (TS + 120 + 301) * 1000},
        {"value": -0.1, "known": False},
    )
    assert found.flags.tolist() == [Flag.NEGATIVE, 0, 0, 0, Flag.CLOCK, Flag.CLOCK, 0]


def test_no_rows() -> None:
    nothing = np.empty(0, np.int64)
    assert len(snap(nothing, nothing.astype(np.int32), 0, 30)) == 0


def names(faults: Iterable[Fault]) -> str:
    return " ".join(sorted(f.name.lower() for f in faults))


def test_every_code_has_one_outcome() -> None:
    assert not MESSAGE_FAULTS & QUARANTINE_FAULTS
    assert names(QUARANTINE_FAULTS) == (
        "future_ts late_beyond_horizon multiplier_mismatch multiplier_unknown put_away register_jump scale_suspect"
        " unknown_meter"
    )
    assert names(f for f in Fault if f not in QUARANTINE_FAULTS | MESSAGE_FAULTS and f) == (
        "bad_kind bad_number bad_ts bad_type bad_unit misaligned missing_field naive_ts scale_unknown"
    )
    assert names(MESSAGE_FAULTS) == (
        "bad_batch bad_encoding bad_json bad_schema too_large unsupported_type unsupported_version"
    )
