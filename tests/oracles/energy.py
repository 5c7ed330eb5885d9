"""From the readings of one meter to energy per slot (SEMANTICS §2.7, §2.8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from detectors.registry import Meter, Registry
from detectors.vocab import QUALITY_CLASS, Kind, Reason, Rule
from tests.oracles.local_time import LocalTime
from tests.oracles.thresholds import value_on
from tests.oracles.winner import Winner, exceeds_capacity, multiplier, primary_value

#: §2.7: the first kind that has evidence, in this order.
PREFERENCE = (Kind.ENERGY_INT, Kind.POWER_AVG, Kind.ENERGY_REG, Kind.POWER_INST)


class Piece(NamedTuple):
    """Energy over ``(start, end]``. ``u_kwh`` is one step of the register behind it, 0 for the other kinds."""

    start: int
    end: int
    kwh: float
    u_kwh: float
    is_negative: bool = False


class MeterSlot(NamedTuple):
    """What one meter says of one slot. ``wh`` is evidence, ``partial_wh`` an incomplete tiling (a lower bound).

    ``is_negative``: a value below 0 is in it; then no sum with it is a lower bound (§2.10).
    """

    wh: int | None
    partial_wh: int | None
    is_too_coarse: bool
    is_negative: bool = False


@dataclass
class MeterSeries:
    """The evidence of one meter: pieces by kind and end, voltages by instant, what was set aside by slot."""

    meter: Meter
    pieces: dict[Kind, dict[int, Piece]] = field(default_factory=lambda: {kind: {} for kind in PREFERENCE})
    voltages: dict[int, float] = field(default_factory=dict)
    set_aside: dict[int, set[Reason]] = field(default_factory=dict)
    bad_slots: set[int] = field(default_factory=set)
    reached: set[int] = field(default_factory=set)  # slots that a value of power or energy worth evidence reaches


def series_of(registry: Registry, meter: Meter, won: list[Winner], local: LocalTime) -> MeterSeries:
    """Turn the winners of one meter (by kind and time) into pieces of energy.

    §2.7: a value of power_inst holds for its period before ts, without interpolation. §2.12: a value above 1.5 x
    contract capacity is set aside. A register that steps back, or whose multiplier changed, starts anew.
    """
    series = MeterSeries(meter)

    def put_aside(start: int, end: int, reason: Reason, is_bad: bool) -> None:
        """Every slot over which the value would have spoken."""
        for slot in range(start // local.slot_s, (end - 1) // local.slot_s + 1):
            series.set_aside.setdefault(slot, set()).add(reason)
            if is_bad:
                series.bad_slots.add(slot)

    def add(kind: Kind, piece: Piece) -> None:
        day = local.wall(piece.end - 1).date()
        factor = value_on(registry.thresholds, local, Rule.BAD_DATA, "capacity_factor", None, day)
        if exceeds_capacity(registry, meter, piece.kwh / ((piece.end - piece.start) / 3600), factor):
            put_aside(piece.start, piece.end, Reason.OVER_CAPACITY, True)
        else:
            series.pieces[kind][piece.end] = piece

    register: tuple[int, float, float] | None = None
    for winner in won:
        reading = winner.reading
        is_instant = reading.kind not in PREFERENCE or reading.kind == Kind.ENERGY_REG
        since = reading.ts - (1 if is_instant else reading.period_s)
        if reading.kind in PREFERENCE and QUALITY_CLASS[reading.q] == 0:  # §5.29: the source delivered here
            first = (reading.ts - reading.period_s) // local.slot_s
            series.reached.update(range(first, (reading.ts - 1) // local.slot_s + 1))
        if winner.turned_to_none:
            put_aside(since, reading.ts, Reason.NOT_EVIDENCE, True)
        value, why_not = primary_value(registry, meter, reading)
        if value is None:
            if why_not is not None and reading.kind in PREFERENCE:
                put_aside(since, reading.ts, why_not, False)
            continue
        if reading.kind == Kind.VOLTAGE:
            series.voltages[reading.ts] = value
        elif reading.kind == Kind.ENERGY_INT:
            add(reading.kind, Piece(reading.ts - reading.period_s, reading.ts, value, 0.0))
        elif reading.kind in (Kind.POWER_AVG, Kind.POWER_INST):
            kwh = value * reading.period_s / 3600
            add(reading.kind, Piece(reading.ts - reading.period_s, reading.ts, kwh, 0.0))
        elif reading.kind == Kind.ENERGY_REG:
            times = multiplier(registry, meter.meter_id, reading.ts) or 1.0
            if register is not None and register[2] == times and value >= register[1]:
                add(reading.kind, Piece(register[0], reading.ts, value - register[1], meter.resolution_kwh * times))
            register = (reading.ts, value, times)
    return series


def tile(pieces: Mapping[int, Piece], start: int, end: int) -> Piece | None:
    """§2.7: the pieces that tile ``(start, end]`` exactly, as one; None where they do not."""
    kwh, u_kwh, at, is_negative = 0.0, 0.0, end, False
    while at > start:
        piece = pieces.get(at)
        if piece is None:
            return None
        kwh, u_kwh, at = kwh + piece.kwh, max(u_kwh, piece.u_kwh), piece.start
        is_negative = is_negative or piece.kwh < 0
    return Piece(start, end, kwh, u_kwh, is_negative) if at == start else None


def is_fine_enough(piece: Piece, threshold_kw: float | None) -> bool:
    """§2.7, §2.8: 2 u_kw is below the threshold (u_kw = step / hours); without a threshold every piece is."""
    if piece.u_kwh == 0 or threshold_kw is None:
        return True
    return 2 * piece.u_kwh / ((piece.end - piece.start) / 3600) < threshold_kw


def _inside(pieces: Mapping[int, Piece], start: int, end: int, threshold_kw: float | None) -> Piece | None:
    """§2.7: the pieces that lie in a slot without tiling it, as one: a lower bound. None without any."""
    kwh, found, at, is_negative = 0.0, False, end, False
    for ts in sorted((ts for ts in pieces if start < ts <= end), reverse=True):
        piece = pieces[ts]
        if piece.end <= at and piece.start >= start and is_fine_enough(piece, threshold_kw):
            kwh, found, at = kwh + piece.kwh, True, piece.start
            is_negative = is_negative or piece.kwh < 0
    return Piece(start, end, kwh, 0.0, is_negative) if found else None


def _span_slots(
    pieces: Mapping[int, Piece], start: int, end: int, local: LocalTime, threshold_kw: float | None
) -> int | None:
    """§2.8: length of the spans that judge a slot: the smallest number of slots whose 2 u_kw is below the threshold.

    Never shorter than the intervals over the slot. None where these are neither coarse nor longer than a slot.
    """
    over = [p for p in pieces.values() if p.start < end and p.end > start]
    longest_s = max((p.end - p.start for p in over), default=0)
    u_kwh = max((p.u_kwh for p in over), default=0.0)
    length = max(1, -(-longest_s // local.slot_s))
    if threshold_kw is not None and u_kwh > 0:
        while length <= len(local.slots_of(local.day_of_slot(start // local.slot_s))):
            if 2 * u_kwh / (length * local.hours()) < threshold_kw:
                break
            length += 1
    return length if length > 1 else None


def meter_slot(
    series: MeterSeries, slot: int, local: LocalTime, threshold_kw: float | None, day_threshold_kw: float | None
) -> MeterSlot:
    """Energy of one meter in one slot.

    threshold_kw: the lowest load that decides anything at the slot; day_threshold_kw: the lowest of its local day.
    """
    start, end = slot * local.slot_s, (slot + 1) * local.slot_s
    is_too_coarse = False
    for kind in PREFERENCE:  # §2.7: the first kind whose intervals tile the slot
        whole = tile(series.pieces[kind], start, end)
        if whole is not None and is_fine_enough(whole, threshold_kw):
            return MeterSlot(round(whole.kwh * 1000), None, False, whole.is_negative)
        is_too_coarse = is_too_coarse or whole is not None
    for kind in PREFERENCE:  # §2.8: else the span of the day that holds the slot
        length = _span_slots(series.pieces[kind], start, end, local, day_threshold_kw)
        if length is None:
            continue
        day = local.slots_of(local.day_of_slot(slot))
        if length > len(day):  # no span of the day suffices
            whole = tile(series.pieces[kind], day.start * local.slot_s, day.stop * local.slot_s)
            is_too_coarse = is_too_coarse or whole is not None
            continue
        first = day.start + (slot - day.start) // length * length
        span = tile(series.pieces[kind], first * local.slot_s, (first + length) * local.slot_s)
        if span is not None and first + length <= day.stop and is_fine_enough(span, day_threshold_kw):
            return MeterSlot(round(span.kwh * 1000 / length), None, False, span.is_negative)
    for kind in PREFERENCE:
        partial = _inside(series.pieces[kind], start, end, threshold_kw)
        if partial is not None:
            return MeterSlot(None, round(partial.kwh * 1000), is_too_coarse, partial.is_negative)
    return MeterSlot(None, None, is_too_coarse)
