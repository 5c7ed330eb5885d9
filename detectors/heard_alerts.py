"""Alerts of what meters outside the scope's sum tell: `shift` of an ordered scope, `treatment_off` of a plant."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert, Carry
from detectors.baseline_at import baselines_on
from detectors.enterprises import CONTROLS
from detectors.order_view import blank
from detectors.rules import shift, treatment_off
from detectors.slots import instant
from detectors.spans import Spans
from detectors.vocab import CloseReason, Rule
from detectors.world import World, rows_of

if TYPE_CHECKING:
    from detectors.judge import Pass

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_SHIFT_SHARES = ("drop", "total", "least", "taken", "sigma")


def shifts(work: "Pass") -> Iterator[tuple[int, Alert]]:
    """(scope of the pass, alert) where a whole day's production was moved elsewhere; the order is the first, in tie
    order, that judges every slot of the day."""
    world, caps, grid, heard = work.world, work.caps, work.grid, work.loads.heard
    if heard is None or work.n_judged < grid.today.n_slots or not len(caps.order):
        return
    day = grid.day
    whole = (world.enterprises.of_scope[work.scopes] >= 0) & (heard.enterprise_full[:, day] > 0).all(axis=1)
    whole &= work.evidence.covered[:, day].all(axis=1)
    asks = whole[caps.scope] & world.order.is_control(caps.order, *CONTROLS)
    rows = np.flatnonzero(asks)
    rows = rows[caps.judged[rows][:, caps.spans.day].all(axis=1)]
    rows = rows[np.diff(caps.scope[rows], prepend=-1) != 0]
    if len(rows) == 0:
        return
    scopes, at_s = caps.scope[rows], instant(grid.zone, grid.today.day, 0)
    own_day, all_day, noise = _usual_wh(world, work.scopes[scopes], at_s)
    own, everybody = work.slots.used_wh[rows, -1], heard.enterprise_wh[scopes, day].sum(axis=1, dtype=np.int64)
    shares = {n: world.thresholds.at(Rule.SHIFT, n, work.scopes[scopes], at_s) for n in _SHIFT_SHARES}
    for i in np.flatnonzero(shift.flags(own, everybody, own_day, all_day, noise, **shares)).tolist():
        alert = blank(work, int(rows[i]), Rule.SHIFT, 2)
        alert.first_slot, last = grid.today.first_slot, grid.today.end_slot - 1
        alert.opened_slot = alert.last_slot = alert.closed_slot = last
        ends = world.order.valid_to[caps.order[rows[i]]] // grid.slot_s - 1 <= last
        alert.close_reason = CloseReason.ORDER_END if ends else CloseReason.DAY_END
        alert.coverage_sum, alert.n_slots = float(grid.today.n_slots), grid.today.n_slots
        alert.facts = {
            "day_energy_wh": int(own[i]),
            "usual_energy_wh": float(own_day[i]),
            "others_energy_wh": int(everybody[i] - own[i]),
            "others_usual_wh": float(all_day[i] - own_day[i]),
        }
        yield int(scopes[i]), alert


def _usual_wh(world: World, scopes: I64, at_s: int) -> tuple[F64, F64, F64]:
    """What scopes and their enterprises use on a day by the baselines that hold at its beginning, and the error of the
    latter, [len(scopes)]; NaN where one is not known. 0 error where no fit tells it."""
    enterprise = world.enterprises.of_scope[scopes]
    plants = [world.enterprises.plants[e] for e in enterprise.tolist()]
    owner = np.repeat(np.arange(len(scopes)), [len(p) for p in plants])
    asked, place = np.unique(np.r_[scopes, np.array([s for p in plants for s in p], np.int64)], return_inverse=True)
    start = np.array([at_s])
    alone = Spans(start, start + world.slot_s, np.ones(1, np.int64), np.zeros(1, np.int64), slice(0, 1))
    held = baselines_on(world, asked, alone)
    day_wh = (held.day_kwh[:, 0] * 1000)[place]
    error_wh = np.nan_to_num(world.baseline.rrmse[held.row[:, 0]])[place] * day_wh
    of_all, errors = np.zeros(len(scopes)), np.zeros(len(scopes))
    np.add.at(of_all, owner, day_wh[len(scopes) :])
    np.add.at(errors, owner, error_wh[len(scopes) :] ** 2)
    return day_wh[: len(scopes)], of_all, np.sqrt(errors)


def untreated(work: "Pass", carries: Sequence[Carry]) -> Iterator[tuple[int, list[Alert], int | None]]:
    """(scope of the pass, alerts, last close) of plants whose treatment stood still while they produced."""
    world, grid, heard = work.world, work.grid, work.loads.heard
    if heard is None or len(world.pairs.scope) == 0:
        return
    states = np.where(work.past, heard.treatment, 0)
    is_off = (states & np.uint32(treatment_off.OFF)) != 0
    carried = [c.opened(Rule.TREATMENT_OFF, None) if c.open else None for c in carries]
    asked = is_off[:, grid.margin :].any(axis=1) | np.array([c is not None for c in carried], np.bool_)
    at_s = instant(grid.zone, grid.today.day, 0)
    for s in np.flatnonzero(asked & np.isin(work.scopes, world.pairs.scope)).tolist():
        scope = int(work.scopes[s])
        n, m, clear_n = (grid.slots_in(int(_of_scope(world, k, scope, at_s))) for k in ("n_min", "m_min", "clear_min"))
        meters = _Meters(world, scope)
        track = treatment_off.PairTrack(
            grid.first_slot, grid.margin, grid.margin + work.n_judged, states[s].tolist(), meters.n_pairs
        )
        found, close = treatment_off.walk(
            track,
            Alert(world.scope_ids[scope], Rule.TREATMENT_OFF, None, 2, 0, 0, 0),
            carried[s],
            carries[s].last_close(Rule.TREATMENT_OFF, None),
            n=n,
            m=m,
            clear_n=clear_n,
            slot_s=grid.slot_s,
            places_of=meters.places,
            names_of=meters.names,
        )
        yield s, found, close


def _of_scope(world: World, name: str, scope: int, at_s: int) -> float:
    return world.thresholds.of_scope(Rule.TREATMENT_OFF, name, scope, at_s)[0]


class _Meters:
    """Meters of a plant's pairs and the bits of their places."""

    def __init__(self, world: World, scope: int) -> None:
        pairs, _ = rows_of(world.pairs.scope, np.array([scope]))
        rows, owner = rows_of(world.pairs.of_pair, pairs)
        places = world.pairs.place[pairs]
        self.n_pairs = len(np.unique(places))
        ids = [world.registry.meters[m].meter_id for m in world.pairs.meter[rows].tolist()]
        self._of = list(zip(ids, (1 << 2 * places[owner]).tolist(), strict=True))

    def places(self, meters: Sequence[str]) -> int:
        """OFF bits of the pairs that these meters are of."""
        bits = 0
        for meter_id, bit in self._of:
            bits |= bit if meter_id in meters else 0
        return bits

    def names(self, places: int) -> tuple[str, ...]:
        """Meters of the pairs at these OFF bits."""
        return tuple(sorted(meter_id for meter_id, bit in self._of if bit & places))
