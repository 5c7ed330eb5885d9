"""The registry's tables as rows of ``detectors.registry`` and as SQL: which columns, and what names a row."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

from detectors import registry as r
from detectors.registry import ALWAYS, FOREVER
from detectors.vocab import Control, Kind, Measure, Role, Scale

_TIMES = {"valid_from", "valid_to"}
#: What a column's text means in the row class. Anywhere else ``measure`` is the office's own words.
_ENUMS: Mapping[tuple[type[Any], str], Callable[[Any], Any]] = {
    (r.Meter, "role"): Role,
    (r.Meter, "kind"): Kind,
    (r.Meter, "scale"): Scale,
    (r.Order, "control"): Control,
    (r.Order, "measure"): Measure,
    (r.PlantPlan, "control"): Control,
}
_LISTS = {"profile_kw", "lines_stopped"}


@dataclass(frozen=True, slots=True)
class Stored:
    """How one table is stored. key: columns that name a row, in SQL and in Python. nullable: those of them that may be
    null. types: SQL type of each column, in the order of the row class's fields."""

    name: str
    row: type[Any]
    key: tuple[str, ...]
    types: Mapping[str, str]
    nullable: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns, as the row class names them."""
        return tuple(f.name for f in fields(self.row))

    def key_of(self, row: Any) -> tuple[Any, ...]:
        """What names a row. Two rows of the same key are the same row at two times."""
        return tuple(getattr(row, column) for column in self.key)

    def select(self) -> str:
        """All rows, times as epoch seconds."""
        shown = [
            f"extract(epoch FROM {c})::bigint" if c in _TIMES else f"{c}::text" if self.types[c] == "jsonb" else _sql(c)
            for c in self.columns
        ]
        return f"SELECT {', '.join(shown)} FROM {self.name}"

    def insert(self) -> str:
        """New rows from one JSON array."""
        names = ", ".join(map(_sql, self.columns))
        return f"INSERT INTO {self.name} ({names}) SELECT {names} FROM {self._given()}"

    def update(self) -> str:
        """Rows that are there already, from one JSON array."""
        changed = ", ".join(f"{_sql(c)} = given.{_sql(c)}" for c in self.columns if c not in self.key)
        same = " AND ".join(
            f"t.{c} {'IS NOT DISTINCT FROM' if c in self.nullable else '='} given.{c}" for c in self.key
        )
        return f"UPDATE {self.name} AS t SET {changed} FROM {self._given()} WHERE {same}"

    def _given(self) -> str:
        declared = ", ".join(f"{_sql(c)} {self.types[c]}" for c in self.columns)
        return f"jsonb_to_recordset(CAST(:rows AS jsonb)) AS given ({declared})"

    def to_python(self, values: Any) -> Any:
        """A row of ``select`` as its class."""
        cells = []
        for column, value in zip(self.columns, values, strict=True):
            if column == "valid_from":
                value = ALWAYS if value is None else int(value)
            elif column == "valid_to":
                value = FOREVER if value is None else int(value)
            elif column == "attributes":
                value = json.loads(value)
            elif column in _LISTS:
                value = tuple(value)
            elif value is not None and (self.row, column) in _ENUMS:
                value = _ENUMS[self.row, column](value)
            cells.append(value)
        return self.row(*cells)

    def to_json(self, row: Any) -> dict[str, Any]:
        """A row as an element of the JSON array of ``insert`` and ``update``."""
        record: dict[str, Any] = {}
        for column in self.columns:
            value = getattr(row, column)
            if column in _TIMES:
                record[column] = self._time(column, value)
            elif isinstance(value, date):
                record[column] = value.isoformat()
            elif column == "attributes":
                record[column] = dict(value)
            else:
                record[column] = value
        return record

    def _time(self, column: str, epoch_s: int) -> str | None:
        is_open = epoch_s >= FOREVER if column == "valid_to" else epoch_s <= ALWAYS and self._begin_may_be_open()
        return None if is_open else datetime.fromtimestamp(epoch_s, UTC).isoformat()

    def _begin_may_be_open(self) -> bool:
        return self.row in (r.Meter, r.ScopeMeter, r.PlantPlan, r.Threshold)


def _sql(column: str) -> str:
    """A column's name in a statement: one of them is a reserved word."""
    return f'"{column}"' if column == "group" else column


_TEXT, _KW, _INT, _AT = "text", "double precision", "integer", "timestamptz"

#: In the order in which rows refer to each other.
STORED = (
    Stored("sources", r.Source, ("source",), {"source": _TEXT, "delay_min": _INT, "cadence": _TEXT, "profile": _TEXT}),
    Stored(
        "plants",
        r.Plant,
        ("plant_id",),
        {f.name: _TEXT for f in fields(r.Plant)} | {"contract_kw": _KW, "lon": _KW, "lat": _KW, "attributes": "jsonb"},
    ),
    Stored(
        "lines",
        r.Line,
        ("line_id",),
        {f.name: _TEXT for f in fields(r.Line)} | {"units": _INT, "unit_kw": _KW, "attributes": "jsonb"},
    ),
    Stored(
        "meters",
        r.Meter,
        ("meter_id",),
        {f.name: _TEXT for f in fields(r.Meter)}
        | {"kind": "smallint", "scale": "smallint", "period_s": _INT, "contract_kw": _KW, "resolution_kwh": _KW}
        | {"valid_from": _AT, "valid_to": _AT},
    ),
    Stored(
        "multipliers",
        r.Multiplier,
        ("meter_id", "valid_from"),
        {"meter_id": _TEXT, "valid_from": _AT, "valid_to": _AT, "factor": _KW, "asset_no": _TEXT},
    ),
    Stored("scopes", r.Scope, ("scope_id",), {f.name: _TEXT for f in fields(r.Scope)}),
    Stored(
        "scope_meters",
        r.ScopeMeter,
        ("scope_id", "meter_id", "valid_from"),
        {"scope_id": _TEXT, "meter_id": _TEXT, "sign": "smallint", "valid_from": _AT, "valid_to": _AT},
        frozenset({"valid_from"}),
    ),
    Stored(
        "orders",
        r.Order,
        ("order_id", "revision"),
        {f.name: _TEXT for f in fields(r.Order)}
        | {"valid_from": _AT, "valid_to": _AT, "daily_from_s": _INT, "daily_to_s": _INT, "reduction": _KW}
        | {"cap_kw": _KW, "units_allowed": _INT, "residual_kw": _KW, "ramp_down_h": _KW, "revision": _INT},
    ),
    Stored(
        "baselines",
        r.Baseline,
        ("scope_id", "version", "day_type"),
        {f.name: _TEXT for f in fields(r.Baseline)}
        | {"valid_from": _AT, "valid_to": _AT, "running_kw": _KW, "max_kw": _KW, "idle_kw": _KW, "day_kwh": _KW}
        | {"profile_kw": "double precision[]", "night_kwh": _KW, "night_sd_kwh": _KW, "floor_kw": _KW, "equal_h": _KW}
        | {"idle_equal_h": _KW, "rrmse": _KW, "bias": _KW},
    ),
    Stored(
        "exemptions",
        r.Exemption,
        ("scope_id", "order_id", "valid_from"),
        {f.name: _TEXT for f in fields(r.Exemption)} | {"valid_from": _AT, "valid_to": _AT, "max_kw": _KW},
        frozenset({"order_id"}),
    ),
    Stored(
        "thresholds",
        r.Threshold,
        ("scope_id", "rule", "name", "valid_from"),
        {f.name: _TEXT for f in fields(r.Threshold)} | {"value": _KW, "valid_from": _AT, "valid_to": _AT},
        frozenset({"scope_id", "valid_from"}),
    ),
    Stored(
        "outages",
        r.Outage,
        ("plant_id", "meter_id", "valid_from"),
        {f.name: _TEXT for f in fields(r.Outage)} | {"valid_from": _AT, "valid_to": _AT},
        frozenset({"plant_id", "meter_id"}),
    ),
    Stored(
        "listings",
        r.Listing,
        ("document", "plant_id", "line_id"),
        {f.name: _TEXT for f in fields(r.Listing)},
        frozenset({"line_id"}),
    ),
    Stored(
        "plant_plans",
        r.PlantPlan,
        ("plant_id", "document", "line_id", "level"),
        {f.name: _TEXT for f in fields(r.PlantPlan)}
        | {"lines_stopped": "text[]", "reduction": _KW, "units_allowed": _INT, "cap_kw": _KW, "residual_kw": _KW}
        | {"ramp_down_h": _KW, "valid_from": _AT, "valid_to": _AT},
        frozenset({"line_id", "level"}),
    ),
    Stored(
        "approvals",
        r.Approval,
        ("scope_id", "valid_from"),
        {f.name: _TEXT for f in fields(r.Approval)} | {"valid_from": _AT, "valid_to": _AT, "max_kw": _KW},
    ),
    Stored(
        "episodes",
        r.Episode,
        ("episode_id", "valid_from"),
        {f.name: _TEXT for f in fields(r.Episode)} | {"valid_from": _AT, "valid_to": _AT},
    ),
    Stored(
        "rotations",
        r.Rotation,
        ("scope_id", "valid_from"),
        {f.name: _TEXT for f in fields(r.Rotation)} | {"valid_from": _AT, "valid_to": _AT},
    ),
    Stored("calendar", r.CalendarDay, ("day",), {"day": "date", "kind": _TEXT, "name": _TEXT}),
)
BY_NAME = {table.name: table for table in STORED}
