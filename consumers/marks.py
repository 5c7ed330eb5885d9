"""Which slots of which scopes a changed reading touches: the bridge from ingest to judgement."""

import numpy as np

from consumers.wire import IS_REGISTER
from detectors.readings import I64, ReadingColumns
from detectors.vocab import Kind
from service.db.meter_index import MeterIndex

#: A register reading changes the energy between its neighbours, at most so far away.
REGISTER_REACH_S = 86400
_SPAN = 1 << 40
_OVER_PERIOD = (Kind.ENERGY_INT, Kind.POWER_AVG, Kind.POWER_INST, Kind.DEMAND_MAX)


def marks_of(changed: ReadingColumns, index: MeterIndex, slot_s: int) -> tuple[I64, I64, I64]:
    """(scope_no, first_slot, last_slot), one element a contiguous run of slots of a scope. changed.meter: meter_no.

    Energy over a period and power touch (ts - period, ts]; a register from a day before to a day after; voltage and
    current the slot that ts ends or lies in.
    """
    row = index.rows_of_numbers(changed.meter)
    before = np.where(np.isin(changed.kind, _OVER_PERIOD), changed.period_s.astype(np.int64), 1)
    before = np.where(IS_REGISTER[changed.kind], REGISTER_REACH_S, np.maximum(before, 1))
    after = np.where(IS_REGISTER[changed.kind], REGISTER_REACH_S, 0)
    first, last = (changed.ts - before) // slot_s, (changed.ts + after - 1) // slot_s
    # A member of the scope at the start of any slot that is touched: it may come and go within the day of a register.
    which, scope_no = index.memberships(row, first * slot_s, last * slot_s)
    return runs(scope_no, first[which], last[which])


def runs(scope_no: I64, first: I64, last: I64) -> tuple[I64, I64, I64]:
    """Slot spans united: per scope, spans that touch or overlap become one."""
    if len(scope_no) == 0:
        return scope_no, first, last
    order = np.lexsort((first, scope_no))
    scope_no, first, last = scope_no[order], first[order], last[order]
    # Sorted by scope, the running maximum of (scope, last) never carries a last over from another scope.
    reach = np.maximum.accumulate(scope_no * _SPAN + last) - scope_no * _SPAN
    begins = np.ones(len(first), np.bool_)
    begins[1:] = (scope_no[1:] != scope_no[:-1]) | (first[1:] > reach[:-1] + 1)
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(first)) - 1
    return scope_no[starts], first[starts], reach[ends]
