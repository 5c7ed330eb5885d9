"""Decoded rows of a batch: arrays, and what could not become one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consumers.strict import RecordFault, StrictRows
from detectors.readings import F64, I32, ReadingColumns


@dataclass(frozen=True, slots=True)
class Rows:
    """N readings with where they came from."""

    record: I32  # number of the record in its batch
    position: I32  # row in the record, -1 where the record is one row
    readings: ReadingColumns  # meter: row of the MeterIndex, -1 unknown; scale: -1 not said
    t_factor: F64  # NaN: not stated

    def __len__(self) -> int:
        return len(self.record)

    def take(self, rows: Any) -> "Rows":
        """The rows named by an index array, a mask or a slice."""
        return Rows(self.record[rows], self.position[rows], self.readings.take(rows), self.t_factor[rows])

    @staticmethod
    def concat(parts: "Sequence[Rows]") -> "Rows":
        """All rows of the parts, in order."""
        parts = [part for part in parts if len(part)] or parts[:1]
        if len(parts) == 1:
            return parts[0]
        return Rows(
            np.concatenate([p.record for p in parts]) if parts else np.empty(0, np.int32),
            np.concatenate([p.position for p in parts]) if parts else np.empty(0, np.int32),
            ReadingColumns.concat([p.readings for p in parts]),
            np.concatenate([p.t_factor for p in parts]) if parts else np.empty(0, np.float64),
        )

    @staticmethod
    def of_strict(rows: StrictRows) -> "Rows":
        """The rows that were read word by word."""
        return Rows(
            np.array(rows.record, np.int32),
            np.array(rows.position, np.int32),
            ReadingColumns(
                meter=np.array(rows.meter, np.int32),
                kind=np.array(rows.kind, np.int8),
                ts=np.array(rows.ts, np.int64),
                value=np.array(rows.value, np.float64),
                q=np.array(rows.q, np.int8),
                rev=np.array(rows.rev, np.int32),
                coll=np.array(rows.coll, np.int64),
                scale=np.array(rows.scale, np.int8),
                period_s=np.array(rows.period_s, np.int32),
                had_evidence=np.zeros(len(rows.record), np.bool_),
            ),
            np.array(rows.t_factor, np.float64),
        )


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch of records as rows. unknown: the meter ids that the registry does not have, by (record, position)."""

    rows: Rows
    faults: list[RecordFault]
    unknown: Mapping[tuple[int, int], str]
    sources: list[str]  # what feed-source headers say
    source: I32 | None  # of each record: index into sources, -1 where it says none; None: none says any

    def source_of(self, record: int) -> str | None:
        """What the feed-source header of a record says."""
        place = -1 if self.source is None else int(self.source[record])
        return self.sources[place] if place >= 0 else None
