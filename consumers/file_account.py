"""The account of a readings file: which rows are not readings, how many of each kind, with the first examples."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from consumers.file_cells import NO_FAULT, is_empty
from consumers.file_tables import Batch
from detectors.quality import Fault
from detectors.readings import I8
from detectors.vocab import code

#: Examples of faults that are kept, per code.
EXAMPLES = 20

#: What the codes of ``check_rows`` are about, for the report.
_ABOUT = {
    Fault.UNKNOWN_METER: ("meter_id", "the registry does not know this meter"),
    Fault.MULTIPLIER_UNKNOWN: ("ts", "a secondary value, and no multiplier of the meter at this time"),
    Fault.MULTIPLIER_MISMATCH: ("t_factor", "not the multiplier that the registry has at this time"),
    Fault.SCALE_SUSPECT: ("value", "too high for a secondary value: it is primary already"),
    Fault.SCALE_UNKNOWN: ("scale", "neither the row nor the registry says primary or secondary"),
    Fault.FUTURE_TS: ("ts", "after it was collected, or after the clock of this machine"),
    Fault.LATE_BEYOND_HORIZON: ("ts", "collected more than 45 days after its time"),
    Fault.MISALIGNED: ("ts", "not the end of a period"),
}
_SAID = {
    Fault.MISSING_FIELD: "empty",
    Fault.BAD_TYPE: "of the wrong type",
    Fault.BAD_NUMBER: "not a finite number, or a value with q N, or none without it",
    Fault.BAD_TS: "not a time: RFC 3339, or YYYY-MM-DD HH:MM[:SS] in the registry's zone",
    Fault.NAIVE_TS: "a time without offset",
    Fault.BAD_UNIT: "not a unit of this kind",
    Fault.BAD_KIND: "no such kind",
    Fault.SCALE_UNKNOWN: "neither primary nor secondary",
}


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that is not a reading: where, what stands there, and why (code of FEED §4)."""

    file: str
    row: int
    column: str
    value: str
    code: str
    detail: str


@dataclass(slots=True)
class Account:
    """Faults of the rows of files: all are counted, the first of each code are kept."""

    examples: list[RowFault] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    rows: int = 0  # all rows, readings or not

    def add_broken(self, path: str, batch: Batch) -> None:
        """The rows of a batch that have no columns to speak of."""
        for broken in batch.broken:
            text = code(broken.code)
            self.counts[text] += 1
            if self.counts[text] <= EXAMPLES:
                self.examples.append(RowFault(path, broken.row, "", "", text, broken.detail))

    def add_rows(self, path: str, batch: Batch, codes: I8, about: Sequence[str], column: I8) -> None:
        """The rows of a batch whose code is not 0. column: index into ``about`` of the cell at fault, -1 = the row's
        code says it."""
        for number in np.unique(codes[codes != NO_FAULT]).tolist():
            fault = Fault(number)
            text = code(fault)
            rows = np.flatnonzero(codes == number)
            for row in rows[: max(0, EXAMPLES - self.counts[text])].tolist():
                if column[row] >= 0:
                    name, detail = about[column[row]], _SAID.get(fault, "")
                else:
                    name, detail = _ABOUT[fault]
                self.examples.append(RowFault(path, int(batch.rows[row]), name, _shown(batch, name, row), text, detail))
            self.counts[text] += len(rows)


def _shown(batch: Batch, column: str, row: int) -> str:
    held = batch.columns.get(column)
    cell = None if held is None else held.cell(row)
    return "" if is_empty(cell) else str(cell)[:80]


def report_lines(faults: Sequence[RowFault], counts: Counter[str], *, examples: int = 3) -> Iterator[str]:
    """What was not a reading, for people: one line a code with its count, then the first examples of it."""
    for text, count in sorted(counts.items()):
        yield f"{text}: {count} row{'s' if count > 1 else ''}"
        for fault in [f for f in faults if f.code == text][:examples]:
            what = f", {fault.column} {fault.value!r}" if fault.column else ""
            yield f"  {fault.file}, row {fault.row}{what}: {fault.detail}"
