"""The verdict of each slot (SEMANTICS §4.21): one of no_order, exempt, outage, grace, violating, unknown, compliant."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.caps import DAY_TOLERANCE, TOLERANCE, Caps
from detectors.loads import Fact, Loads
from detectors.slots import Grid
from detectors.vocab import Control, Reason, Verdict
from detectors.world import IDLE_UNKNOWN_CAP, STOP_MARGIN, World

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
Bool = npt.NDArray[np.bool_]

#: A zero needs no proof where the idle load is at most this share of R (SEMANTICS §2.11).
ZERO_IDLE_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the loads prove, [S, T]."""

    covered: Bool  # every valid meter has evidence, zeros proven
    bound: Bool  # something is known at least as a lower bound (covered included)
    known_wh: I64  # energy that enters day sums: covered slots and lower bounds, else 0
    outage: Bool  # the power is out, measured
    silent: Bool  # a meter is missing, or an unproven zero stands for it
    silent_up: Bool  # ... and not only because its source is down
    facts: npt.NDArray[np.uint16]  # with ZERO_UNPROVEN set


@dataclass(frozen=True, slots=True)
class Slots:
    """Verdicts of S scopes on T slots."""

    verdict: U8
    reasons: U32
    cap_kw: F64  # of the order that takes the slot, NaN without
    over: Bool  # a power cap takes the slot, and the load is over it
    crossed: I64  # [O] first column at which the order's day energy breaks its cap, T where none does
    used_wh: I64  # [O, T] energy of the day's judged slots so far


def evidence_of(loads: Loads, caps: Caps) -> Evidence:
    """Apply the zero rules (SEMANTICS §2.11) and tell how far each slot is known."""
    facts = loads.facts
    full = (loads.meters > 0) & (loads.evidence == loads.meters)
    zero = full & ((facts & Fact.ALL_ZERO) > 0)
    outage = zero & ((facts & Fact.POWER_OUT) > 0) & ((facts & Fact.LIVE) == 0)
    with np.errstate(invalid="ignore"):
        idle_is_nothing = caps.baselines.idle_kw <= ZERO_IDLE_SHARE * caps.baselines.running_kw
    unproven = zero & ((facts & Fact.LIVE) == 0) & ~outage & ~idle_is_nothing
    covered = full & ~unproven
    bound = covered | ((facts & Fact.LOWER_BOUND) > 0) & ((facts & Fact.SPEAKS) > 0) & ~unproven
    due, due_up = (facts & Fact.DUE) > 0, (facts & Fact.DUE_UP) > 0
    missing = loads.missing > 0
    return Evidence(
        covered=covered,
        bound=bound,
        known_wh=np.where(bound, loads.wh, 0),
        outage=outage,
        silent=missing | (unproven & due),
        silent_up=(missing & ((facts & Fact.FEED_DOWN) == 0)) | (unproven & due_up),
        facts=np.where(unproven, facts | np.uint16(Fact.ZERO_UNPROVEN), facts),
    )


def threshold_wh(load_kw: F64, hours: float) -> F64:
    """A load as whole Wh of a slot, rounded as energies are, so that a load equal to its cap is not over it."""
    return np.asarray(np.rint(load_kw * (1000 * hours)), np.float64)


def slot_verdicts(
    world: World, caps: Caps, loads: Loads, evidence: Evidence, grid: Grid, day_cap_wh: F64, past: Bool
) -> Slots:
    """Judge every slot.

    day_cap_wh: [O], NaN where the order has no known day cap. past: [T], the slot's end is not after as_of; slots after
    it are unknown here and never shown.
    """
    shape = loads.wh.shape
    column_at = np.arange(shape[1])[None, :]
    verdict = np.full(shape, Verdict.NO_ORDER, np.uint8)
    reasons = np.where(caps.any_partial, np.uint32(Reason.PARTIAL_SLOT), np.uint32(0))
    known = evidence.bound & past
    covered = evidence.covered & past
    used, crossed = _day_energy(caps, evidence, grid, day_cap_wh, past, loads.register_extra_wh)
    tomorrow = grid.margin + grid.today.n_slots
    taken = caps.take >= 0
    row = np.maximum(caps.take, 0)
    cap = np.full(shape, np.nan)
    over, spent = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    cause = np.zeros(shape, np.uint32)
    if len(caps.order):
        cap = np.where(taken, caps.cap_kw[row, column_at], np.nan)
        limit_wh = threshold_wh(np.where(taken, caps.over_kw[row, column_at], np.nan), grid.hours)
        energy = taken & caps.is_energy[row]
        running, idle = caps.baselines.running_kw, caps.baselines.idle_kw
        stopped_kw = np.where(np.isnan(idle), IDLE_UNKNOWN_CAP * running, idle) + STOP_MARGIN * running
        with np.errstate(invalid="ignore"):
            spent = (
                energy
                & (column_at >= crossed[row])
                & (column_at < tomorrow)
                & (loads.wh > threshold_wh(stopped_kw, grid.hours))
            )
            over = taken & ~energy & (loads.wh > limit_wh) & known
        cause = _cannot_judge(world, caps, cap, energy, row, day_cap_wh, loads.wh, grid)
        near = _within_tolerance(world, caps, cap, energy, row, used, day_cap_wh, loads.wh, grid)
        reasons |= np.where(taken & near, np.uint32(Reason.WITHIN_TOLERANCE), np.uint32(0))
    blocked = cause > 0
    over &= ~blocked
    violating = taken & (over | (spent & known & ~blocked))
    outage = (taken | caps.any_grace) & evidence.outage & past
    undecided = taken & ~violating & (~covered | blocked)
    silence = _why_unknown(loads, evidence, past)
    for code, where in (
        (Verdict.COMPLIANT, taken),
        (Verdict.UNKNOWN, undecided),
        (Verdict.VIOLATING, violating),
        (Verdict.GRACE, caps.any_grace),
        (Verdict.OUTAGE, outage),
        (Verdict.EXEMPT, caps.any_exempt),
    ):
        verdict[where] = code
    unknown = verdict == Verdict.UNKNOWN
    compliant = verdict == Verdict.COMPLIANT
    reasons = np.where(compliant | (verdict == Verdict.NO_ORDER), reasons, np.uint32(0))
    reasons |= np.where(unknown, np.where(covered, cause, silence | cause), np.uint32(0))
    is_violating = verdict == Verdict.VIOLATING
    reasons |= np.where(is_violating & ~covered, np.uint32(Reason.INCOMPLETE), np.uint32(0))
    reasons |= np.where(is_violating & spent & ~over, np.uint32(Reason.DAY_CAP_USED), np.uint32(0))
    reasons |= np.where(verdict == Verdict.OUTAGE, np.uint32(Reason.OUTAGE), np.uint32(0))
    return Slots(verdict, reasons, cap, over & is_violating, crossed, used)


def _day_energy(
    caps: Caps, evidence: Evidence, grid: Grid, day_cap_wh: F64, past: Bool, register_extra_wh: I64
) -> tuple[I64, I64]:
    """Energy of each order's judged slots of the day so far, and the column that breaks the day cap (§4.21, §5.27)."""
    shape = caps.ordered.shape
    used = np.zeros(shape, np.int64)
    crossed = np.full(shape[0], shape[1], np.int64)
    if shape[0] == 0:
        return used, crossed
    judged = caps.ordered & ~caps.exempt & ~caps.grace
    day = grid.day
    energy = np.where(judged[:, day] & past[day], evidence.known_wh[caps.scope][:, day], 0)
    if past[day].all():
        whole = judged[:, day].all(axis=1)
        energy[:, -1] += np.where(whole, register_extra_wh[caps.scope], 0)
    used[:, day] = np.cumsum(energy, axis=1)
    with np.errstate(invalid="ignore"):
        limit = np.rint(day_cap_wh * (1 + DAY_TOLERANCE))[:, None]
        breaks = caps.has_day_energy[:, None] & (used[:, day] > limit) & past[day]
    crossed = np.where(breaks.any(axis=1), grid.margin + breaks.argmax(axis=1), shape[1])
    return used, crossed


def _cannot_judge(
    world: World, caps: Caps, cap: F64, energy: Bool, row: npt.NDArray[np.int32], day_cap_wh: F64, wh: I64, grid: Grid
) -> U32:
    """Why a fully measured slot still has no verdict (SEMANTICS §3.14-16), as reason bits."""
    orders = [world.orders[r] for r in caps.order]
    indirect = np.array([o.control in (Control.UNITS, Control.COKING) for o in orders])[row]
    proxy = np.array([o.control == Control.STOP and o.residual_kw is None for o in orders])[row]
    running, idle = caps.baselines.running_kw, caps.baselines.idle_kw
    proxy = proxy & np.isnan(idle)
    low = threshold_wh(cap, grid.hours)
    column = np.arange(wh.shape[1])[None, :]
    with np.errstate(invalid="ignore"):
        high = threshold_wh(np.where(proxy, caps.over_kw[row, column], np.nan), grid.hours)
        between = proxy & (wh >= low) & (wh <= high)
    no_baseline = np.isnan(cap) & ~indirect
    no_day = energy & ~np.isnan(running) & np.isnan(day_cap_wh[row])
    cause = np.where(no_baseline, np.uint32(Reason.NO_BASELINE), np.uint32(0))
    cause |= np.where(indirect, np.uint32(Reason.UNDECIDABLE), np.uint32(0))
    cause |= np.where(between, np.uint32(Reason.IDLE_UNKNOWN), np.uint32(0))
    cause |= np.where(no_day, np.uint32(Reason.NO_DAY_ENERGY), np.uint32(0))
    return np.asarray(np.where(caps.take >= 0, cause, 0), np.uint32)


def _within_tolerance(
    world: World,
    caps: Caps,
    cap: F64,
    energy: Bool,
    row: npt.NDArray[np.int32],
    used: I64,
    day_cap_wh: F64,
    wh: I64,
    grid: Grid,
) -> Bool:
    """Between the cap and the cap with its tolerance (SEMANTICS §3.13)."""
    column = np.arange(wh.shape[1])[None, :]
    tolerant = np.array([TOLERANCE.get(world.orders[r].control, 0.0) > 0 for r in caps.order])[row]
    with np.errstate(invalid="ignore"):
        power = ~energy & tolerant & (wh > threshold_wh(cap, grid.hours))
        day = energy & (used[row, column] > np.rint(day_cap_wh)[row]) & (column < grid.margin + grid.today.n_slots)
    return np.asarray(power | day, np.bool_)


def _why_unknown(loads: Loads, evidence: Evidence, past: Bool) -> U32:
    """What keeps a slot from being fully measured, as reason bits."""
    facts = evidence.facts
    unproven = (facts & Fact.ZERO_UNPROVEN) > 0
    absent = loads.meters > loads.evidence
    quiet = absent & (loads.missing == 0) & ((facts & (Fact.DECLARED | Fact.COARSE)) == 0)
    bits = np.zeros(loads.wh.shape, np.uint32)
    for reason, where in (
        (Reason.NO_METER, loads.meters == 0),
        (Reason.ZERO_UNPROVEN, unproven),
        (Reason.MISSING, loads.missing > 0),
        (Reason.AWAITED, quiet | ~past),
        (Reason.INCOMPLETE, absent & (loads.evidence > 0) | ((facts & Fact.SPEAKS) > 0) & (loads.evidence == 0)),
        (Reason.OUTAGE, (facts & Fact.DECLARED) > 0),
        (Reason.RESOLUTION, (facts & Fact.COARSE) > 0),
        (Reason.OVER_CAPACITY, absent & ((facts & Fact.OVER_CAPACITY) > 0)),
        (Reason.NOT_EVIDENCE, absent & ((facts & Fact.NOT_EVIDENCE) > 0)),
        (Reason.NO_MULTIPLIER, absent & ((facts & Fact.NO_MULTIPLIER) > 0)),
    ):
        bits |= np.where(where, np.uint32(reason), np.uint32(0))
    return bits
