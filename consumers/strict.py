"""One record, word by word: the exact code of FEED §4 for everything the fast path does not understand.

The fast path (``consumers.columns``) takes a record only when every word of it is in order. All others come here, where
each row gets its own outcome: 95 good slots of 96 are used.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from consumers.document import Document, FaultError, meter_id_of, number_of, parse, required, text_of, time_of, whole_of
from consumers.wire import (
    IS_POWER,
    IS_REGISTER,
    KIND_FAMILY,
    KINDS,
    MAX_FRAME_SLOTS,
    MAX_PERIOD_S,
    MAX_REV,
    NAN,
    QUALITIES,
    SCALES,
    UNIT_FACTOR,
    UNIT_FAMILY,
    UNITS,
    Form,
)
from detectors.quality import Fault
from detectors.vocab import Quality, Scale
from service.db.meter_index import MeterIndex

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RecordFault:
    """Rows of one record that are not readings. positions: () = the record is one row, or refused as a whole."""

    record: int
    code: Fault
    detail: str
    positions: tuple[int, ...] = ()
    meter_id: str | None = None

    @property
    def row_count(self) -> int:
        """How many rows of the account this is."""
        return max(1, len(self.positions))


@dataclass(slots=True)
class StrictRows:
    """Rows of records that were read word by word, one list a column (see ``columns.Rows``)."""

    record: list[int] = field(default_factory=list)
    position: list[int] = field(default_factory=list)
    meter: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    ts: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    q: list[int] = field(default_factory=list)
    rev: list[int] = field(default_factory=list)
    coll: list[int] = field(default_factory=list)
    scale: list[int] = field(default_factory=list)
    period_s: list[int] = field(default_factory=list)
    t_factor: list[float] = field(default_factory=list)
    unknown: dict[tuple[int, int], str] = field(default_factory=dict)
    faults: list[RecordFault] = field(default_factory=list)


def read_strictly(number: int, body: bytes | None, stamp: int, form: Form, index: MeterIndex, rows: StrictRows) -> None:
    """Add the good rows and the faults of record ``number`` of a batch to ``rows``. Raises nothing.

    stamp: the record's timestamp in epoch milliseconds, the collection time where none is said.
    """
    meter_id: object = None
    try:
        if form == Form.UNSUPPORTED:
            raise FaultError(Fault.UNSUPPORTED_TYPE, "a content-type that this topic does not carry")
        document = parse(body)
        meter_id = document.get("meter_id")
        shape = form if form != Form.BY_SHAPE else _shape(document)
        {Form.SINGLE: _single, Form.FRAME: _frame, Form.SLOT: _slot}[shape](number, stamp, document, index, rows)
    except FaultError as fault:
        named = meter_id if isinstance(meter_id, str) else None
        rows.faults.append(RecordFault(number, fault.code, fault.detail, (), named))


def _shape(document: Document) -> Form:
    if "values" in document:
        return Form.SLOT if isinstance(document.get("meter_id"), list) else Form.FRAME
    if not document.keys().isdisjoint(("meter_id", "ts", "value", "kw")):
        return Form.SINGLE
    raise FaultError(Fault.BAD_SCHEMA, "none of the forms of a reading")


@dataclass(frozen=True, slots=True)
class _Common:
    """What all rows of a message share."""

    kind: int  # -1: the registry's
    unit_factor: float
    scale: int  # -1: not said, -2: the registry's
    rev: int
    coll: int
    t_factor: float
    period_s: int  # 0: not said


def _single(number: int, stamp: int, document: Document, index: MeterIndex, rows: StrictRows) -> None:
    if "kw" in document and "value" in document:
        raise FaultError(Fault.BAD_SCHEMA, "both kw and value")
    common = _common(stamp, document, is_short="kw" in document)
    meter_id = meter_id_of(required(document, "meter_id"))
    ts = time_of(required(document, "ts"), "ts") // 1000
    name = "kw" if "kw" in document else "value"
    if name not in document:
        raise FaultError(Fault.MISSING_FIELD, "value")
    letter = text_of(document.get("q"), "q") if document.get("q") is not None else ""
    _add(number, -1, meter_id, ts, document[name], letter, common, index, rows)


def _frame(number: int, stamp: int, document: Document, index: MeterIndex, rows: StrictRows) -> None:
    values = _values(document)
    if len(values) > MAX_FRAME_SLOTS:
        raise FaultError(Fault.TOO_LARGE, f"{len(values)} slots, at most {MAX_FRAME_SLOTS}")
    letters = _letters(document, len(values))

    def shared() -> tuple[_Common, str, int, int]:
        step_s = whole_of(required(document, "step_s"), "step_s", 1, MAX_PERIOD_S)
        common = _common(stamp, document, step_s=step_s)
        t0 = time_of(required(document, "t0"), "t0") // 1000
        return common, meter_id_of(required(document, "meter_id")), t0, step_s

    named = document.get("meter_id")
    got = _for_all(number, len(values), shared, rows, named if isinstance(named, str) else None)
    if got is not None:
        common, meter_id, t0, step_s = got
        for i, value in enumerate(values):
            _add_row(number, i, meter_id, t0 + i * step_s, value, letters[i], common, index, rows)


def _slot(number: int, stamp: int, document: Document, index: MeterIndex, rows: StrictRows) -> None:
    values = _values(document)
    meters = document.get("meter_id")
    if not isinstance(meters, list) or len(meters) != len(values):
        raise FaultError(Fault.BAD_SCHEMA, "meter_id and values are not lists of the same length")
    letters = _letters(document, len(values))

    def shared() -> tuple[_Common, int]:
        return _common(stamp, document), time_of(required(document, "ts"), "ts") // 1000

    got = _for_all(number, len(values), shared, rows)
    if got is not None:
        common, ts = got
        for i, value in enumerate(values):
            _add_row(number, i, meters[i], ts, value, letters[i], common, index, rows)


def _for_all(
    number: int, count: int, shared: Callable[[], T], rows: StrictRows, meter_id: str | None = None
) -> T | None:
    """What all rows share; where that is wrong, every row is."""
    try:
        return shared()
    except FaultError as fault:
        rows.faults.append(RecordFault(number, fault.code, fault.detail, tuple(range(count)), meter_id))
        return None


def _add_row(
    number: int,
    position: int,
    meter_id: object,
    ts: int,
    value: object,
    letter: str,
    common: _Common,
    index: MeterIndex,
    rows: StrictRows,
) -> None:
    try:
        _add(number, position, meter_id_of(meter_id), ts, value, letter, common, index, rows)
    except FaultError as fault:
        known_id = meter_id if isinstance(meter_id, str) else None
        rows.faults.append(RecordFault(number, fault.code, fault.detail, (position,), known_id))


def _add(
    number: int,
    position: int,
    meter_id: str,
    ts: int,
    value: object,
    letter: str,
    common: _Common,
    index: MeterIndex,
    rows: StrictRows,
) -> None:
    """Append one row; raises ``FaultError`` before anything was appended."""
    meter = index.rows.get(meter_id, -1)
    kind, scale, period_s = common.kind, common.scale, common.period_s
    if kind == -1:
        kind = int(index.kind[meter]) if meter >= 0 else 0
        if meter >= 0 and not IS_POWER[kind]:
            raise FaultError(Fault.BAD_KIND, "kw of a meter whose kind in the registry is not a power")
    if scale == -2:
        scale = int(index.scale[meter]) if meter >= 0 else int(Scale.PRIMARY)
    if period_s == 0 and meter >= 0 and not IS_REGISTER[kind]:
        period_s = int(index.period_s[meter])
    number_value = NAN if value is None else number_of(value, "value") * common.unit_factor + 0.0
    if abs(number_value) == float("inf"):
        raise FaultError(Fault.BAD_NUMBER, "value is too large")
    quality = _quality(letter, is_null=value is None)
    if meter < 0:
        rows.unknown[number, position] = meter_id
    rows.record.append(number)
    rows.position.append(position)
    rows.meter.append(meter)
    rows.kind.append(kind)
    rows.ts.append(ts)
    rows.value.append(number_value)
    rows.q.append(quality)
    rows.rev.append(common.rev)
    rows.coll.append(common.coll)
    rows.scale.append(scale)
    rows.period_s.append(period_s)
    rows.t_factor.append(common.t_factor)


def _common(stamp: int, document: Document, *, is_short: bool = False, step_s: int = 0) -> _Common:
    kind, unit_factor = -1, 1.0
    if not is_short or document.get("kind") is not None:
        kind_name = text_of(required(document, "kind"), "kind")
        if kind_name not in KINDS or (is_short and not IS_POWER[KINDS[kind_name]]):
            raise FaultError(Fault.BAD_KIND, kind_name)
        kind = KINDS[kind_name]
    if is_short:
        if document.get("unit", "kW") != "kW":
            raise FaultError(Fault.BAD_UNIT, "kw is in kW")
    else:
        unit = text_of(required(document, "unit"), "unit")
        if unit not in UNITS or UNIT_FAMILY[UNITS[unit]] != KIND_FAMILY[kind]:
            raise FaultError(Fault.BAD_UNIT, unit)
        unit_factor = float(UNIT_FACTOR[UNITS[unit]])
    scale = -2 if is_short else -1
    if document.get("scale") is not None:
        scale = SCALES.get(text_of(document["scale"], "scale") or "?", -3)
        if scale == -3:
            raise FaultError(Fault.SCALE_UNKNOWN, str(document["scale"]))
    rev = document.get("rev")
    coll = document.get("coll")
    t_factor = document.get("t_factor")
    period_s = document.get("period_s")
    factor = NAN
    if t_factor is not None:
        factor = number_of(t_factor, "t_factor")
        if factor <= 0:
            raise FaultError(Fault.BAD_NUMBER, "t_factor is not above 0")
    return _Common(
        kind=kind,
        unit_factor=unit_factor,
        scale=scale,
        rev=0 if rev is None else whole_of(rev, "rev", 0, MAX_REV),
        coll=stamp if coll is None else time_of(coll, "coll"),
        t_factor=factor,
        period_s=step_s or (0 if period_s is None else whole_of(period_s, "period_s", 1, MAX_PERIOD_S)),
    )


def _values(document: Document) -> list[Any]:
    values = document.get("values")
    if not isinstance(values, list) or not values:
        raise FaultError(Fault.BAD_SCHEMA, "values is not a list with something in it")
    return values


def _letters(document: Document, count: int) -> list[str]:
    q = document.get("q")
    if q is None:
        return [""] * count
    if not isinstance(q, str) or len(q) not in (1, count):
        raise FaultError(Fault.BAD_SCHEMA, f"q is not one letter and not {count}")
    return list(q) if len(q) == count else [q] * count


def _quality(letter: str, *, is_null: bool) -> int:
    quality = (Quality.N if is_null else Quality.M) if letter == "" else QUALITIES.get(letter)
    if quality is None:
        raise FaultError(Fault.BAD_TYPE, f"q is {letter!r}")
    if (quality == Quality.N) != is_null:
        raise FaultError(Fault.BAD_NUMBER, "a value with q N, or none without it")
    return int(quality)
