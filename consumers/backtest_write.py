"""Files of a back-test: CSV, or Parquet with the same columns as text (extra ``arrow``)."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from detectors.errors import InputError


class Sink(Protocol):
    """Takes batches of columns."""

    def write(self, columns: Sequence[Sequence[str]]) -> None:
        """Append the rows of equally long columns."""
        ...


class _CsvSink:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, columns: Sequence[Sequence[str]]) -> None:
        self._writer.writerows(zip(*columns, strict=True))


class _ParquetSink:
    def __init__(self, writer: Any, arrow: Any, schema: Any) -> None:
        self._writer, self._arrow, self._schema = writer, arrow, schema

    def write(self, columns: Sequence[Sequence[str]]) -> None:
        typed = [
            self._arrow.array([None if v == "" else float(v) for v in column], self._arrow.float64())
            if field.type == self._arrow.float64()
            else self._arrow.array([v or None for v in column], self._arrow.string())
            for column, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(typed, schema=self._schema))


@contextmanager
def sink(folder: Path, name: str, columns: Sequence[str], form: str) -> Iterator[Sink]:
    """Open ``folder/name.csv`` or ``.parquet`` for writing; raises InputError for another form."""
    if form == "csv":
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            yield _CsvSink(writer)
    elif form == "parquet":
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise InputError("--format parquet needs the extra: pip install 'cuofeng[arrow]'") from error
        schema = pyarrow.schema([(c, pyarrow.float64() if _is_number(c) else pyarrow.string()) for c in columns])
        with pyarrow.parquet.ParquetWriter(folder / f"{name}.parquet", schema) as writer:
            yield _ParquetSink(writer, pyarrow, schema)
    else:
        raise InputError(f"--format {form}: csv or parquet")


def _is_number(column: str) -> bool:
    return column.endswith(("_kw", "_kwh", "_hours")) or column in ("coverage", "grade")
