"""The packed row of a scope and local day: one structured array over the day's slots (`scope_days.slots`)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.loads import Fact
from detectors.vocab import Verdict

#: One slot. wh: signed sum of the meters with evidence. evidence, meters, missing: counts of meters with evidence,
#: valid at the slot, and missing (SEMANTICS §1.4). cap_kw: NaN where none is known. order, baseline: index into the
#: row's order_ids and baseline_versions, -1 = none. facts: ``detectors.loads.Fact`` bits.
SLOT = np.dtype(
    [
        ("wh", "<i8"),
        ("cap_kw", "<f8"),
        ("reasons", "<u4"),
        ("evidence", "<u2"),
        ("meters", "<u2"),
        ("missing", "<u2"),
        ("facts", "<u2"),
        ("verdict", "u1"),
        ("order", "i1"),
        ("baseline", "i1"),
    ]
)


@dataclass(frozen=True, slots=True)
class DayRow:
    """One scope and local day (CONTRACTS §3 days.csv)."""

    verdict: int
    reasons: int
    order_id: str | None
    energy_wh: int | None
    cap_wh: float | None
    coverage: float
    violating_slots: int


def coverage(slots: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    """Share of the scope's meters with evidence, 0..1; 0 where no meter is valid. Any shape of ``SLOT``."""
    meters = slots["meters"].astype(np.float64)
    proven = (meters > 0) & ((slots["facts"] & Fact.ZERO_UNPROVEN) == 0)
    return np.asarray(np.divide(slots["evidence"], meters, out=np.zeros_like(meters), where=proven), np.float64)


def load_kw(slots: npt.NDArray[np.void], slot_s: int) -> npt.NDArray[np.float64]:
    """Mean load of each slot in kW; NaN unless coverage is 1 or the slot violates (SEMANTICS §2.10)."""
    shown = (coverage(slots) == 1.0) | (slots["verdict"] == Verdict.VIOLATING)
    return np.asarray(np.where(shown, slots["wh"] * (3.6 / slot_s), np.nan), np.float64)
