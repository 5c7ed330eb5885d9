"""What is sent: readings as they fall due, some late, twice, corrected or taken back; and the file of all of them."""

import heapq
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow
import pyarrow.parquet

from detectors.vocab import Kind, Quality
from tests.soak.office import KINDS, METERS, NEWCOMERS, SLOT_S, Office, meter_id

UNITS = {Kind.POWER_INST: "kW", Kind.VOLTAGE: "V", Kind.CURRENT: "A"}
#: Shares of readings, and after how many seconds they come (again).
LATE, LATE_S = 0.02, (30, 240)
TWICE, TWICE_S = 0.01, (1, 30)
CORRECTED, CORRECTED_S = 0.005, (10, 120)
TAKEN_BACK = 0.0005
#: Rows of a group of the file.
GROUP_ROWS = 5_000
SCHEMA = pyarrow.schema(
    [("meter_id", pyarrow.string()), ("ts", pyarrow.timestamp("s", tz="UTC")), ("value", pyarrow.float64())]
    + [(name, pyarrow.string()) for name in ("kind", "unit", "scale", "q")]
    + [("period_s", pyarrow.int32()), ("rev", pyarrow.int32()), ("coll", pyarrow.timestamp("ms", tz="UTC"))]
)


@dataclass(frozen=True, slots=True)
class Row:
    """One reading. ts: end of its slot; coll_ms: when it was collected, epoch milliseconds."""

    plant: int
    meter: int
    kind: Kind
    ts: int
    value: float
    coll_ms: int
    q: Quality = Quality.M
    rev: int = 0

    def body(self) -> bytes:
        """As a message."""
        told = {"v": 1, "meter_id": meter_id(self.plant, self.meter), "ts": _text(self.ts), "period_s": SLOT_S}
        told |= {"kind": self.kind.name.lower(), "value": self.value, "unit": UNITS[self.kind], "scale": "primary"}
        return json.dumps(told | {"q": self.q.name, "rev": self.rev, "coll": _text(self.coll_ms / 1000)}).encode()


@dataclass(slots=True)
class Course:
    """The run's readings by the time they are sent; ``due`` hands them out."""

    office: Office
    chance: random.Random = field(default_factory=lambda: random.Random(210))
    is_south_silent: bool = False
    _later: list[tuple[float, int, Row]] = field(default_factory=list)
    _count: int = 0
    _silent: list[Row] = field(default_factory=list)

    def due(self, begin_s: float, end_s: float) -> Iterator[Row]:
        """What is to be sent in [begin_s, end_s): each plant's last slot at a time of its own in the minute."""
        plants = self.office.plants
        first = int((begin_s - self.office.begin_s) * plants / SLOT_S)
        last = int((end_s - self.office.begin_s) * plants / SLOT_S)
        for place in range(first, last):
            slot, plant = divmod(place, plants)
            if slot > 0:
                yield from self._fresh(plant, self.office.begin_s + slot * SLOT_S, end_s)
        while self._later and self._later[0][0] < end_s:
            yield heapq.heappop(self._later)[2]

    def rest(self) -> Iterator[Row]:
        """What is still to come late, now."""
        self.speak_again(0.0)
        while self._later:
            yield heapq.heappop(self._later)[2]

    def speak_again(self, now_s: float) -> None:
        """The silent source delivers what it kept: collected again, late."""
        self.is_south_silent = False
        for row in self._silent:
            self._keep(now_s, replace(row, q=Quality.R))
        self._silent = []

    def _fresh(self, plant: int, ts: int, now_s: float) -> Iterator[Row]:
        coll_ms = int(now_s * 1000)
        loads = self.office.loads_kw(ts // SLOT_S)[plant]
        for meter in range(METERS + (plant < NEWCOMERS)):
            values = {Kind.POWER_INST: float(loads[meter]), Kind.VOLTAGE: 230.0, Kind.CURRENT: float(loads[meter]) / 4}
            for kind in KINDS:
                row = Row(plant, meter, kind, ts, values[kind], coll_ms)
                if self.is_south_silent and self.office.is_south(plant):
                    self._silent.append(row)
                elif self.chance.random() < LATE:
                    self._keep(now_s + self.chance.uniform(*LATE_S), row)
                else:
                    yield row
                    self._disturb(row, now_s)

    def _disturb(self, row: Row, now_s: float) -> None:
        draw = self.chance.random()
        if draw < TWICE:
            self._keep(now_s + self.chance.uniform(*TWICE_S), row)
        elif draw < TWICE + CORRECTED:
            self._keep(now_s + self.chance.uniform(*CORRECTED_S), replace(row, value=row.value * 1.2, rev=1))
        elif draw < TWICE + CORRECTED + TAKEN_BACK:
            self._keep(now_s + self.chance.uniform(*CORRECTED_S), replace(row, q=Quality.Q, rev=1))

    def _keep(self, at_s: float, row: Row) -> None:
        self._count += 1
        heapq.heappush(self._later, (at_s, self._count, row))


class RowsFile:
    """Everything that was sent, as a readings file for the back-test. Close it before it is read."""

    def __init__(self, path: Path) -> None:
        self._writer = pyarrow.parquet.ParquetWriter(path, SCHEMA)
        self._waiting: list[Row] = []
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, rows: list[Row]) -> None:
        """Append."""
        self._waiting += rows
        self.rows += len(rows)
        if len(self._waiting) >= GROUP_ROWS:
            self._write()

    def close(self) -> None:
        """Finish the file."""
        self._write()
        self._writer.close()

    def _write(self) -> None:
        rows, self._waiting = self._waiting, []
        columns = [
            [meter_id(r.plant, r.meter) for r in rows],
            [r.ts for r in rows],
            [r.value for r in rows],
            [r.kind.name.lower() for r in rows],
            [UNITS[r.kind] for r in rows],
            ["primary"] * len(rows),
            [r.q.name for r in rows],
            [SLOT_S] * len(rows),
            [r.rev for r in rows],
            [r.coll_ms for r in rows],
        ]
        self._writer.write_batch(
            pyarrow.record_batch(
                [pyarrow.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
            )
        )


def _text(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")
