"""What any judge says of a case, and which slots of a case it is asked for."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.slots import local_date
from detectors.vocab import Control
from tests.quality.case import LEAD, TAIL, Bool, Case
from tests.quality.sites import SLOT_S
from tests.quality.stops import GRACE


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert as a judge raised it; slots are numbers."""

    rule: str
    grade: int
    first_slot: int
    opened_slot: int
    last_slot: int


@dataclass(slots=True, eq=False)
class Outcome:
    """What a judge says of a case. verdicts: one a slot of the case (``detectors.vocab.Verdict``); days: the verdict of
    each local day by its first slot, where the judge has such."""

    case: Case
    alerts: list[Raised]
    verdicts: npt.NDArray[np.uint8]
    days: dict[int, int]


def judged_slots(case: Case) -> Bool:
    """Slots that the case is about: those of its order behind the grace of a stop; without an order, all but the
    surroundings."""
    slots = case.first_slot + np.arange(len(case.true_kw))
    order = case.order
    if order is None:
        return np.asarray((slots >= case.first_slot + LEAD) & (slots < case.end_slot - TAIL), np.bool_)
    grace = GRACE if order.control == Control.STOP and order.ramp_down_h is None else 0
    first, end = order.valid_from // SLOT_S + grace, order.valid_to // SLOT_S
    return np.asarray((slots >= first) & (slots < end), np.bool_)


def judged_days(case: Case) -> int:
    """Local days with a slot that the case is about: its scope-days."""
    slots = case.first_slot + np.flatnonzero(judged_slots(case))
    return len({local_date(case.zone, int(s) * SLOT_S) for s in slots.tolist()})
