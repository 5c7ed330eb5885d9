"""The rows of a local day as columns, one element a scope; a row is made only where one is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from detectors.days import DayRow

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DayRows(Sequence[DayRow]):
    """``DayRow`` of S scopes, [S] each."""

    verdict: npt.NDArray[np.uint8]
    reasons: npt.NDArray[np.uint32]
    order: I64  # place in order_ids, -1 = none
    order_ids: Sequence[str]
    energy_wh: I64
    has_energy: npt.NDArray[np.bool_]
    cap_wh: F64  # NaN where none is known
    coverage: F64
    violating_slots: I64

    def take(self, which: I64) -> "DayRows":
        """Some of the scopes."""
        arrays: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "order_ids"}
        return replace(self, **{name: values[which] for name, values in arrays.items()})

    def __len__(self) -> int:
        return len(self.verdict)

    @overload
    def __getitem__(self, at: int) -> DayRow: ...
    @overload
    def __getitem__(self, at: slice) -> list[DayRow]: ...
    def __getitem__(self, at: int | slice) -> DayRow | list[DayRow]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        order, cap_wh = int(self.order[at]), float(self.cap_wh[at])
        return DayRow(
            verdict=int(self.verdict[at]),
            reasons=int(self.reasons[at]),
            order_id=self.order_ids[order] if order >= 0 else None,
            energy_wh=int(self.energy_wh[at]) if self.has_energy[at] else None,
            cap_wh=None if np.isnan(cap_wh) else cap_wh,
            coverage=float(self.coverage[at]),
            violating_slots=int(self.violating_slots[at]),
        )
