"""Orders, baselines and exemptions of a registry as columns, so that no pass loops over rows. NaN: not given."""

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.registry import Baseline, Exemption, Order
from detectors.slots import DAY_S
from detectors.vocab import Control, Measure

I64 = npt.NDArray[np.int64]
I8 = npt.NDArray[np.int8]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: Codes of columns.
CONTROLS = tuple(Control)
#: Highest load that a plant may have where its baseline gives none, as a multiple of R (SEMANTICS §4.23).
MAX_OF_RUNNING = 1.1
#: Kind of a scope whose energy counts the pushes of a coking plant (推焦).
PUSHES = "pushes"
DAY_TYPES = ("all", "workday", "restday")


@dataclass(frozen=True, slots=True)
class OrderColumns:
    """One element an order."""

    valid_from: I64
    valid_to: I64
    control: I8  # place in CONTROLS
    is_energy: Bool  # limits the day's energy instead of power
    has_window: Bool  # a daily window that leaves a part of the day out
    reduction: F64
    cap_kw: F64
    residual_kw: F64

    @staticmethod
    def of(orders: Sequence[Order], pushes: Container[str] = ()) -> "OrderColumns":
        """The columns of rows. pushes: the scopes that count pushes."""
        return OrderColumns(
            _i64([o.valid_from for o in orders]),
            _i64([o.valid_to for o in orders]),
            np.array([CONTROLS.index(o.control) for o in orders], np.int8),
            _bool([is_energy_limit(o, is_pushes=o.scope_id in pushes) for o in orders]),
            _bool([has_daily_window(o) for o in orders]),
            _f64([o.reduction for o in orders]),
            _f64([o.cap_kw for o in orders]),
            _f64([o.residual_kw for o in orders]),
        )

    def is_control(self, rows: I64, *controls: Control) -> Bool:
        """Which rows are of these kinds."""
        control, found = self.control[rows], np.zeros(len(rows), np.bool_)
        for wanted in controls:
            found |= control == CONTROLS.index(wanted)
        return found


@dataclass(frozen=True, slots=True)
class BaselineColumns:
    """One element a baseline, and one more that stands for none: row -1."""

    valid_from: I64
    valid_to: I64
    day_type: I8  # place in DAY_TYPES
    running_kw: F64
    idle_kw: F64
    max_kw: F64  # MAX_OF_RUNNING of R where not given
    given_max_kw: F64
    day_kwh: F64
    profile_kw: F64  # of all baselines one after the other
    profile_from: I64  # place of its first value in them
    profile_n: I64  # values a 24 h day; 0 = none
    night_kwh: F64
    night_sd_kwh: F64
    floor_kw: F64
    equal_h: F64
    idle_equal_h: F64
    rrmse: F64
    version: tuple[str, ...]  # without the one that stands for none

    @staticmethod
    def of(baselines: Sequence[Baseline]) -> "BaselineColumns":
        """The columns of rows."""
        lengths = [*(len(b.profile_kw) for b in baselines), 0]
        return BaselineColumns(
            _i64([*(b.valid_from for b in baselines), 0]),
            _i64([*(b.valid_to for b in baselines), 0]),
            np.array([*(DAY_TYPES.index(b.day_type) for b in baselines), 0], np.int8),
            _f64([*(b.running_kw for b in baselines), None]),
            _f64([*(b.idle_kw for b in baselines), None]),
            _f64([*(MAX_OF_RUNNING * b.running_kw if b.max_kw is None else b.max_kw for b in baselines), None]),
            _f64([*(b.max_kw for b in baselines), None]),
            _f64([*(b.day_kwh for b in baselines), None]),
            _f64([kw for b in baselines for kw in b.profile_kw]),
            np.cumsum([0, *lengths[:-1]]),
            _i64(lengths),
            _f64([*(b.night_kwh for b in baselines), None]),
            _f64([*(b.night_sd_kwh for b in baselines), None]),
            _f64([*(b.floor_kw for b in baselines), None]),
            _f64([*(b.equal_h for b in baselines), None]),
            _f64([*(b.idle_equal_h for b in baselines), None]),
            _f64([*(b.rrmse for b in baselines), None]),
            tuple(b.version for b in baselines),
        )

    @property
    def has_profile(self) -> Bool:
        """Which have one."""
        return np.asarray(self.profile_n > 0, np.bool_)

    def at_second(self, rows: npt.NDArray[np.int32], second: I64) -> F64:
        """kW by the profile of each row at seconds of the local day, broadcast against each other; NaN without one."""
        n = self.profile_n[rows]
        shaped, at = np.broadcast_arrays(n > 0, self.profile_from[rows] + second * n // DAY_S)
        found = np.full(shaped.shape, np.nan)
        found[shaped] = self.profile_kw[at[shaped]]
        return found


@dataclass(frozen=True, slots=True)
class ExemptionColumns:
    """One element an exemption."""

    valid_from: I64
    valid_to: I64

    @staticmethod
    def of(exemptions: Sequence[Exemption]) -> "ExemptionColumns":
        """The columns of rows."""
        return ExemptionColumns(_i64([e.valid_from for e in exemptions]), _i64([e.valid_to for e in exemptions]))


def is_energy_limit(order: Order, *, is_pushes: bool = False) -> bool:
    """Whether an order limits the day's energy instead of power: coking time too, where pushes are counted."""
    if order.control == Control.COKING:
        return is_pushes
    return order.control == Control.LIMIT and order.measure == Measure.ENERGY


def daily_window(order: Order) -> tuple[int, int]:
    """Begin and end of an order's daily window, seconds of the local day; the whole day where it has none."""
    return order.daily_from_s or 0, DAY_S if order.daily_to_s is None else order.daily_to_s


def has_daily_window(order: Order) -> bool:
    """Whether an order's daily window leaves a part of the day out."""
    begin, end = daily_window(order)
    return begin % DAY_S != end % DAY_S


def _i64(values: Sequence[int]) -> I64:
    return np.array(values, np.int64)


def _f64(values: Sequence[float | None]) -> F64:
    return np.array([np.nan if v is None else v for v in values], np.float64)


def _bool(values: Sequence[bool]) -> Bool:
    return np.array(values, np.bool_)
