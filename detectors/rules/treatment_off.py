"""`treatment_off`: a plant produces while the treatment equipment that belongs to it stands still (治污设施未运行).

A slot is flagged where the production meters of a pair draw at least 0.2 of their rated load and its treatment meters
less than 0.1 of theirs, all of them measured. Opens at the third flagged slot of four, of any pair of the plant, with
or without an order; closes after 30 min of adjacent slots in which every pair of the alert is measured and none is off.
Evidence only: what is not measured neither opens, extends nor closes it (SEMANTICS §5.26).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert
from detectors.vocab import CloseReason

F64 = npt.NDArray[np.float64]

#: Of the states of a slot (``detectors.heard.Heard``): which pairs are off, and which were measured.
OFF, MEASURED = 0x55555555, 0xAAAAAAAA


def flags(
    production_wh: F64, treatment_wh: F64, rated_production_wh: F64, rated_treatment_wh: F64, *, running: F64, off: F64
) -> npt.NDArray[np.bool_]:
    """Slots in which production runs and its treatment does not, any shape.

    Energies of the slot, NaN where not all meters are measured; rated: at the contract capacity. running, off: shares
    of the rated load.
    """
    with np.errstate(invalid="ignore"):
        runs = production_wh >= np.rint(running * rated_production_wh)
        return np.asarray(runs & (treatment_wh < np.rint(off * rated_treatment_wh)), np.bool_)


@dataclass(frozen=True, slots=True)
class PairTrack:
    """One plant's day as the walk sees it; sequences over the grid's T columns."""

    first_slot: int
    begin: int
    end: int
    states: Sequence[int]
    n_pairs: int


def walk(
    track: PairTrack,
    blank: Alert,
    carried: Alert | None,
    last_close: int | None,
    *,
    n: int,
    m: int,
    clear_n: int,
    slot_s: int,
    places_of: Callable[[Sequence[str]], int],
    names_of: Callable[[int], tuple[str, ...]],
) -> tuple[list[Alert], int | None]:
    """The alerts that lived in the day, and the last close.

    blank: to copy; carried: the one open when the day began. places_of, names_of: meters to the OFF bits of their
    pairs, and back.
    """
    alerts = [carried] if carried else []
    current = carried
    free_from = 0 if last_close is None else last_close - track.first_slot + 1
    places = places_of(carried.meters) if carried else 0
    clear = 0
    while clear < track.begin and _is_clear(track.states[track.begin - 1 - clear], places) and carried:
        clear += 1
    window = [t for t in range(max(0, free_from), track.begin) if track.states[t] & OFF]
    for t in range(track.begin, track.end):
        state, slot = track.states[t], track.first_slot + t
        off = state & OFF
        if current is None:
            if not off:
                continue
            window = [c for c in (*window, t) if c >= max(t - m + 1, free_from)]
            if len(window) < n:
                continue
            current = replace(
                blank,
                first_slot=track.first_slot + window[0],
                opened_slot=slot,
                last_slot=slot,
                facts=dict(blank.facts),
            )
            alerts.append(current)
            places, clear = 0, 0
            for c in range(window[0], t + 1):
                places |= track.states[c] & OFF
                _count(current, track, c, slot_s, grows=c == t)
        else:
            places |= off
            clear = clear + 1 if _is_clear(state, places) else 0
            _count(current, track, t, slot_s, grows=bool(off))
            if off:
                current.last_slot = slot
        current.meters = names_of(places)
        current.is_recovering = _is_clear(state, places)
        if clear >= clear_n:
            current.closed_slot, current.close_reason = slot, CloseReason.CLEARED
            current.is_recovering = False
            last_close, free_from, window, current = slot, t + 1, [], None
    return alerts, last_close


def _is_clear(state: int, places: int) -> bool:
    """Whether no pair is off, and all of these places were measured."""
    return not state & OFF and (places << 1) & ~state == 0


def _count(alert: Alert, track: PairTrack, t: int, slot_s: int, *, grows: bool) -> None:
    measured = (track.states[t] & MEASURED).bit_count() / track.n_pairs
    alert.measure(None, 0.0, measured, slot_s / 3600, grows=grows)
    alert.over_wh = None
