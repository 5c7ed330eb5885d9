"""Readings files as batches of raw columns: CSV, NDJSON (both also gzipped) and Parquet (CONTRACTS §2).

Nothing is interpreted here but the form of the file: a cell stays what it is, a text of a CSV or a value of JSON or
Parquet. ``consumers.files`` makes readings of them, ``consumers.replay`` makes messages of them.
"""

import contextlib
import csv
import gzip
import importlib
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np

from consumers.document import FaultError, parse
from detectors.errors import InputError
from detectors.quality import Fault
from detectors.readings import F64, I32, I64, Bool

#: Columns of CONTRACTS §2, and the multiplier that FEED §1 lets a message state; others are ignored.
COLUMNS = ("meter_id", "ts", "value", "kind", "unit", "scale", "period_s", "q", "rev", "coll", "t_factor", "asset_no")
REQUIRED = ("meter_id", "ts", "value")
BATCH_ROWS = 1 << 18
_CSV_BLOCK_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Words:
    """A column of repeated cells. ``words``: each cell that occurs, None or "" = empty; ``codes``: of each row."""

    codes: I32
    words: list[object]

    def cell(self, row: int) -> object:
        """What stands in a row."""
        return self.words[self.codes[row]]


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers; NaN is empty where ``is_empty``, else it stands there."""

    values: F64
    is_empty: Bool

    def cell(self, row: int) -> object:
        """What stands in a row."""
        return None if self.is_empty[row] else float(self.values[row])


@dataclass(frozen=True, slots=True)
class Instants:
    """A column of times with zone, epoch milliseconds UTC."""

    ms: I64
    is_empty: Bool

    def cell(self, row: int) -> object:
        """What stands in a row."""
        return None if self.is_empty[row] else int(self.ms[row])


Column = Words | Numbers | Instants


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that has no columns to speak of."""

    row: int
    code: Fault
    detail: str
    raw: bytes | None = None  # what stood there, where it is a message all the same (NDJSON)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file, in its order. ``rows``: number of each in its file (CSV: the header is row 1)."""

    rows: I64
    columns: dict[str, Column]
    is_typed: bool  # JSON: a number written as a text is a fault; CSV: everything is a text
    broken: list[BrokenRow] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)


def read_batches(path: Path, *, may_use_arrow: bool = True) -> Iterator[Batch]:
    """The rows of a file, by its name: .csv, .ndjson, .jsonl (also with .gz), .parquet.

    may_use_arrow: read CSV with pyarrow where it is installed (several times faster, same result). Raises InputError
    where the file cannot be read, is of no known form or lacks a required column.
    """
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    form = suffixes[-1] if suffixes else ""
    try:
        if form == ".csv":
            arrow = _arrow("pyarrow.csv") if may_use_arrow else None
            yield from _csv_by_arrow(path, arrow) if arrow is not None else _csv_by_lines(path)
        elif form in (".ndjson", ".jsonl"):
            yield from _ndjson(path)
        elif form == ".parquet":
            yield from _parquet(path)
        else:
            raise InputError(f"{path}: neither .csv, .ndjson, .jsonl (each also with .gz) nor .parquet")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _arrow(module: str) -> ModuleType | None:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _open(path: Path) -> IO[bytes]:
    if path.suffix.lower() != ".gz":
        return path.open("rb")
    return gzip.open(path, "rb")  # type: ignore[return-value]  # GzipFile reads as IO does, and typeshed does not say so


def _demand_columns(path: Path, header: Iterable[str]) -> list[str]:
    names = [h.strip().lstrip("\ufeff") for h in header]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)} (its columns: {', '.join(names) or 'none'})")
    twice = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if twice:
        raise InputError(f"{path}: column {', '.join(twice)} stands twice")
    return names


def words_of(cells: Iterable[object]) -> Words:
    """A column from its cells; equal cells of one type share a word."""
    seen: dict[tuple[type, object], int] = {}
    words: list[object] = []
    codes: list[int] = []
    for cell in cells:
        key = (type(cell), cell if cell.__hash__ is not None else repr(cell))
        code = seen.get(key)
        if code is None:
            code = seen[key] = len(words)
            words.append(cell)
        codes.append(code)
    return Words(np.array(codes, np.int32), words)


def _csv_by_lines(path: Path) -> Iterator[Batch]:
    with _open(path) as raw:
        reader = csv.reader(io.TextIOWrapper(raw, encoding="utf-8-sig", newline=""))
        names = _demand_columns(path, next(reader, []))
        wanted = [(i, name) for i, name in enumerate(names) if name in COLUMNS]
        while True:
            rows: list[int] = []
            lines: list[list[str]] = []
            broken: list[BrokenRow] = []
            for line in islice(reader, BATCH_ROWS):
                if len(line) == len(names) or not line:  # an empty line is a row of empty cells
                    rows.append(reader.line_num)
                    lines.append(line or [""] * len(names))
                else:
                    broken.append(_ragged(reader.line_num, len(line), len(names)))
            if not lines and not broken:
                return
            cells = {name: words_of(line[i] for line in lines) for i, name in wanted}
            yield Batch(np.array(rows, np.int64), dict(cells), False, broken)


def _ragged(row: int, actual: int, expected: int) -> BrokenRow:
    return BrokenRow(row, Fault.BAD_SCHEMA, f"{actual} cells where the header has {expected}")


def _csv_by_arrow(path: Path, arrow_csv: ModuleType) -> Iterator[Batch]:
    pa = _arrow("pyarrow")
    assert pa is not None
    with _open(path) as raw:
        first_line = raw.readline().decode("utf-8-sig")
    names = _demand_columns(path, next(csv.reader([first_line]), []))
    broken: list[BrokenRow] = []

    def on_invalid(row: Any) -> str:
        broken.append(_ragged(row.number, row.actual_columns, row.expected_columns))
        return "skip"

    wanted = [name for name in names if name in COLUMNS]
    stream = pa.input_stream(str(path), compression="gzip" if path.suffix.lower() == ".gz" else None)
    try:
        reader = arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=_CSV_BLOCK_BYTES, column_names=names, skip_rows=1
            ),
            parse_options=arrow_csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=on_invalid),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                include_columns=wanted,
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        row = 2
        for table in reader:
            faults, broken[:] = list(broken), []
            numbers = np.arange(row, row + table.num_rows + len(faults), dtype=np.int64)
            row += len(numbers)
            numbers = np.setdiff1d(numbers, [f.row for f in faults], assume_unique=True)
            columns = {name: _arrow_column(table.column(name), is_number=name == "value") for name in wanted}
            yield Batch(numbers, columns, False, faults)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _arrow_column(array: Any, *, is_number: bool = False) -> Column:
    """An Arrow array as a column. is_number: its texts are numbers, unless one of them is not (CSV)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if is_number:
        with contextlib.suppress(pa.ArrowInvalid):
            array = pc.cast(array, pa.float64())
    if pa.types.is_timestamp(array.type):
        if array.type.tz is None:
            array = pc.strftime(array, format="%Y-%m-%d %H:%M:%S")  # local time of the zone, as a CSV has it
        else:
            ms = pc.cast(pc.cast(array, pa.timestamp("ms", "UTC"), safe=False), pa.int64())
            return Instants(np.asarray(_filled(ms, 0)), _nulls(array))
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        numbers = pc.cast(array, pa.float64(), safe=False)
        return Numbers(np.asarray(_filled(numbers, float("nan"))), _nulls(array))
    coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    words: list[object] = coded.dictionary.to_pylist()
    codes = np.asarray(_filled(coded.indices, len(words)), np.int32)
    return Words(codes, [*words, None])


def _filled(array: Any, value: float) -> Any:
    return array.fill_null(value) if array.null_count else array


def _nulls(array: Any) -> Bool:
    return np.asarray(array.is_null()) if array.null_count else np.broadcast_to(np.zeros((), np.bool_), len(array))


def _ndjson(path: Path) -> Iterator[Batch]:
    with _open(path) as file:
        numbered = enumerate(file, start=1)
        while True:
            rows: list[int] = []
            documents: list[dict[str, Any]] = []
            broken: list[BrokenRow] = []
            for row, line in islice(numbered, BATCH_ROWS):
                if not line.strip():
                    continue
                try:
                    documents.append(parse(line))
                    rows.append(row)
                except FaultError as fault:
                    broken.append(BrokenRow(row, fault.code, fault.detail, line.rstrip(b"\r\n")))
            if not rows and not broken:
                return
            cells = {name: words_of(d.get(name) for d in documents) for name in COLUMNS}
            yield Batch(np.array(rows, np.int64), dict(cells), True, broken)


def _parquet(path: Path) -> Iterator[Batch]:
    parquet, pa = _arrow("pyarrow.parquet"), _arrow("pyarrow")
    if parquet is None or pa is None:
        raise InputError(f"{path}: Parquet needs the extra `arrow`: pip install 'cuofeng[arrow]'")
    try:
        file = parquet.ParquetFile(path, pre_buffer=False)  # or the whole file would lie in memory
        names = _demand_columns(path, file.schema_arrow.names)
        wanted = [name for name in names if name in COLUMNS]
        row = 1
        for table in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
            columns = {name: _arrow_column(table.column(name)) for name in wanted}
            yield Batch(np.arange(row, row + table.num_rows, dtype=np.int64), columns, True)
            row += table.num_rows
    except pa.ArrowException as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
