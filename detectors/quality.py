"""Is this row a reading that may be judged? The row-local checks of FEED §4, arrays in, codes out.

Every "now" is the timestamp of the record that brought the row (SEMANTICS §1.3). Three outcomes: *reject* (dead letter,
final), *quarantine* (held, and checked again when the cause may be gone), *flag* (accepted and counted). A row has at
most one code: rejects come before quarantine, and `unknown_meter` before every other cause of quarantine, because
nothing else can be known of such a row.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

import numpy as np
import numpy.typing as npt

from detectors.readings import F64, I8, I32, I64, Bool, is_narrow, looked_up
from detectors.vocab import Kind, Scale

U8 = npt.NDArray[np.uint8]


class Fault(IntEnum):
    """Why a message or a row did not become a reading (FEED §4). 0 = it did."""

    ACCEPTED = 0
    # the whole message
    BAD_ENCODING = 1
    BAD_JSON = 2
    BAD_SCHEMA = 3
    UNSUPPORTED_TYPE = 4
    UNSUPPORTED_VERSION = 5
    TOO_LARGE = 6
    BAD_BATCH = 7
    # the row
    MISSING_FIELD = 20
    BAD_TYPE = 21
    BAD_NUMBER = 22
    BAD_TS = 23
    NAIVE_TS = 24
    MISALIGNED = 25
    BAD_UNIT = 26
    BAD_KIND = 27
    SCALE_UNKNOWN = 28
    # held
    UNKNOWN_METER = 40
    MULTIPLIER_UNKNOWN = 41
    MULTIPLIER_MISMATCH = 42
    SCALE_SUSPECT = 43
    REGISTER_JUMP = 44
    FUTURE_TS = 45
    LATE_BEYOND_HORIZON = 46
    PUT_AWAY = 47


#: Before every time: no month was put away.
NOTHING_FROZEN = -(1 << 62)
#: Codes that refuse a whole message; only these count towards stopping a partition (RELIABILITY §2).
MESSAGE_FAULTS = frozenset(f for f in Fault if 1 <= f < 20)
#: Codes that hold a row: it is checked again by itself.
QUARANTINE_FAULTS = frozenset(f for f in Fault if f >= 40)


class Flag(IntFlag):
    """Accepted all the same (FEED §4)."""

    NEGATIVE = 1  # power below 0 without a reverse channel; counts as suspect at evaluation
    CLOCK = 2  # collected before its interval ended, or after its record was sent: a clock is wrong
    KEY_MISMATCH = 4  # the record's key names another meter


_POWER = np.zeros(len(Kind), np.bool_)
_POWER[[Kind.POWER_INST, Kind.POWER_AVG, Kind.DEMAND_MAX]] = True
_SCALED = _POWER.copy()
_SCALED[[Kind.ENERGY_INT, Kind.ENERGY_REG, Kind.ENERGY_REG_REV]] = True


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds of the checks. Seconds, kW."""

    snap_s: int = 30
    future_skew_s: int = 300
    horizon_s: int = 45 * 86400
    secondary_max_kw: float = 80.0
    factor_tolerance: float = 1e-6
    frozen_before_s: int = NOTHING_FROZEN  # the months up to here are put away


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Checked:
    """Result of ``check_rows``, one element a row."""

    code: I8  # Fault
    ts: I64  # snapped to the period
    flags: U8  # Flag bits, of accepted rows


def check_rows(
    *,
    ts: I64,
    period_s: I32,
    kind: I8,
    value: F64,
    scale: I8,
    record_ts_s: I64,
    known: Bool,
    factor: F64,
    t_factor: F64,
    has_reverse: Bool,
    coll_ms: I64 | None = None,
    utc_offset_s: I64 | int = 0,
    limits: Limits = DEFAULT_LIMITS,
) -> Checked:
    """Code, snapped time and flags of each of N rows.

    ts: interval end, epoch seconds. period_s: 0 = at any time (registers). value: NaN = none; kW, kWh, V or A.
    scale: -1 = not said. record_ts_s: the record's timestamp. known: the registry has the meter; where it has not,
    kind, period and scale may be anything. factor: the registry's 综合倍率 at ts, NaN = none. t_factor: the one
    that the message states, NaN = none. utc_offset_s: of the registry's zone at ts,
    for periods that follow the local day.
    """
    snapped = snap(ts, period_s, utc_offset_s, limits.snap_s)
    code = np.zeros(len(ts), np.int8)
    secondary = scale == Scale.SECONDARY
    scaled = looked_up(_SCALED, kind)
    stated = ~np.isnan(t_factor)
    with np.errstate(invalid="ignore", divide="ignore"):
        kw = np.where(kind == Kind.ENERGY_INT, value * 3600.0 / np.maximum(period_s, 1), value)
        is_power = looked_up(_POWER, kind)
        is_rate = is_power | ((kind == Kind.ENERGY_INT) & (period_s > 0))
        too_high = secondary & is_rate & (np.abs(kw) > limits.secondary_max_kw)
        differs = stated & (np.abs(t_factor - factor) > limits.factor_tolerance * np.abs(factor))
        negative = is_power & (value < 0) & ~has_reverse
    # The last assignment stands: from the weakest cause to the strongest.
    code[too_high] = Fault.SCALE_SUSPECT
    code[differs & scaled] = Fault.MULTIPLIER_MISMATCH
    code[secondary & scaled & np.isnan(factor)] = Fault.MULTIPLIER_UNKNOWN
    code[record_ts_s - snapped > limits.horizon_s] = Fault.LATE_BEYOND_HORIZON
    code[snapped <= limits.frozen_before_s] = Fault.PUT_AWAY
    code[snapped > record_ts_s + limits.future_skew_s] = Fault.FUTURE_TS
    code[~known] = Fault.UNKNOWN_METER
    code[known & scaled & (scale < 0)] = Fault.SCALE_UNKNOWN
    code[(period_s > 0) & (_offset(snapped, period_s, utc_offset_s) != 0)] = Fault.MISALIGNED

    flags = np.where(negative, np.uint8(Flag.NEGATIVE), np.uint8(0))
    if coll_ms is not None:
        skew_ms = limits.future_skew_s * 1000
        wrong_clock = (coll_ms < snapped * 1000 - skew_ms) | (coll_ms > record_ts_s * 1000 + skew_ms)
        flags |= np.where(wrong_clock, np.uint8(Flag.CLOCK), np.uint8(0))
    flags[code != 0] = 0
    return Checked(code, snapped, flags)


def snap(ts: I64, period_s: I32, utc_offset_s: I64 | int, snap_s: int) -> I64:
    """``ts`` moved to the nearest end of a period where that is at most ``snap_s`` away; else unchanged."""
    rest = _offset(ts, period_s, utc_offset_s)
    if not rest.any():
        return ts
    up = np.where(period_s > 0, period_s - rest, 0)
    moved = np.where(rest <= up, ts - rest, ts + up)
    near = (np.minimum(rest, up) <= snap_s) & (period_s > 0)
    return np.where(near, moved, ts)


def _offset(ts: I64, period_s: I32, utc_offset_s: I64 | int) -> I64:
    """Seconds since the last end of a period, 0 where there is no period."""
    if is_narrow(period_s):
        period = max(int(period_s[0]), 1)  # a division by one number is several times faster
        local = ts + utc_offset_s
        return np.asarray(local - local // period * period, np.int64)
    return np.where(period_s > 0, (ts + utc_offset_s) % np.maximum(period_s, 1), 0)
