"""The verdict of each slot (SEMANTICS §4.21): one of no_order, exempt, outage, grace, violating, unknown, compliant."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.caps import TOLERANT, Caps
from detectors.confidence import error_shares
from detectors.loads import Fact, Loads
from detectors.order_rules import on_day
from detectors.slots import Grid
from detectors.unit_counts import counted_slots
from detectors.vocab import Control, Reason, Rule, Verdict
from detectors.world import World

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
    suspect: Bool | None = None  # measured and not believed (``detectors.data_faults``); None: nowhere


@dataclass(frozen=True, slots=True)
class Slots:
    """Verdicts of S scopes on T slots."""

    verdict: U8
    reasons: U32
    cap_kw: F64  # [S, K] of the order that takes the slot, NaN without
    over: Bool  # a power cap takes the slot, and the load is over it
    crossed: I64  # [O] first column at which the order's day energy breaks its cap, T where none does
    used_wh: I64  # [O, day slots] energy of the day's judged slots so far
    sure_wh: F64  # [O] day energy above it breaks the cap whatever the error of its baseline; inf where no cap is known


def evidence_of(loads: Loads, caps: Caps) -> Evidence:
    """Apply the zero rules (SEMANTICS §2.11) and tell how far each slot is known."""
    facts = loads.facts
    full = (loads.meters > 0) & (loads.evidence == loads.meters)
    zero = full & has(facts, Fact.ALL_ZERO)
    outage = unproven = _nowhere(full.shape)
    if np.count_nonzero(zero):
        live = has(facts, Fact.LIVE)
        outage = zero & has(facts, Fact.POWER_OUT) & ~live
        with np.errstate(invalid="ignore"):
            idle_is_nothing = caps.baselines.idle_kw <= ZERO_IDLE_SHARE * caps.baselines.running_kw
        unproven = zero & ~live & ~outage & ~caps.spans.wide(idle_is_nothing)
        facts = facts | unproven * np.uint16(Fact.ZERO_UNPROVEN)
    covered = full & ~unproven
    bound = covered | (has(facts, Fact.LOWER_BOUND) & has(facts, Fact.SPEAKS) & ~unproven)
    missing = loads.missing > 0
    return Evidence(
        covered=covered,
        bound=bound,
        known_wh=np.where(bound, loads.wh, 0),
        outage=outage,
        silent=missing | (unproven & has(facts, Fact.DUE)),
        silent_up=(missing & ~has(facts, Fact.FEED_DOWN)) | (unproven & has(facts, Fact.DUE_UP)),
        facts=facts,
    )


def _nowhere(shape: tuple[int, ...]) -> Bool:
    """No slot, without memory."""
    return np.broadcast_to(np.zeros((), np.bool_), shape)


def has(facts: npt.NDArray[np.uint16], fact: Fact) -> Bool:
    """Where a fact holds."""
    return np.asarray((facts & np.uint16(fact)) != 0, np.bool_)


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
    wide = caps.spans.wide
    known, covered = evidence.bound & past, evidence.covered & past
    tolerance, error = on_day(world, caps.order, grid, Rule.LIMIT_DAY, "tolerance"), error_shares(world, caps, grid)
    limit_wh = sure_wh = _day_limit_wh(day_cap_wh, tolerance)
    used, crossed = _day_energy(caps, evidence, grid, limit_wh, past, loads.register_extra_wh)
    if error is not None:
        sure_wh = np.where(error > 0, _day_limit_wh(day_cap_wh, tolerance + error), limit_wh)
    taken = _Taken.of(world, caps, day_cap_wh, grid)
    over = known & (loads.wh > wide(taken.over_wh))
    spent, near = _by_day_energy(world, caps, taken, grid, day_cap_wh, used, crossed, loads.wh)
    between = guess = doubtful = _nowhere(over.shape)
    if error is not None:
        doubtful = known & _within_error(caps, taken, grid, spent, used, sure_wh)
    if taken.is_proxy.any():  # SEMANTICS §3.14
        low, high = threshold_wh(taken.cap_kw, grid.hours), threshold_wh(taken.over_kw, grid.hours)
        with np.errstate(invalid="ignore"):
            between = wide(taken.is_proxy) & (loads.wh >= wide(low)) & (loads.wh <= wide(high))
    if taken.low_kw is not None:
        low, high = threshold_wh(taken.low_kw, grid.hours), threshold_wh(taken.over_kw, grid.hours)
        with np.errstate(invalid="ignore"):
            guess = (loads.wh > wide(low)) & (loads.wh <= wide(high))
    blocked = wide(taken.cause != 0) | between | guess | doubtful
    is_open, unsure = ~covered | blocked, _nowhere(over.shape)
    if taken.by_count.any():
        unsure = _by_count(world, caps, taken, loads, evidence, past, grid.hours, over, is_open)
    violating = over | (spent & known & ~blocked)
    is_taken = wide(taken.is_taken)
    base = np.where(taken.is_taken, np.uint8(Verdict.COMPLIANT), np.uint8(Verdict.NO_ORDER))
    base[caps.any_grace] = Verdict.GRACE
    base[caps.any_exempt] = Verdict.EXEMPT
    verdict, reasons = wide(base), np.zeros(over.shape, np.uint32)
    set_where(verdict, is_taken & ~violating & is_open, Verdict.UNKNOWN)
    set_where(verdict, violating, Verdict.VIOLATING)
    if np.count_nonzero(evidence.outage):
        set_where(verdict, evidence.outage & past & (is_taken | wide(caps.any_grace)), Verdict.OUTAGE)
        over &= verdict == Verdict.VIOLATING
    if np.isfinite(taken.tolerant_wh).any():
        near = near | (loads.wh > wide(taken.tolerant_wh))
    for reason, where in (
        (Reason.WITHIN_TOLERANCE, near & (verdict == Verdict.COMPLIANT)),
        (Reason.PARTIAL_SLOT, wide(caps.any_partial)),  # there is no order then
        (Reason.INCOMPLETE, violating & (verdict == Verdict.VIOLATING) & ~covered),
        (Reason.DAY_CAP_USED, spent & ~over & (verdict == Verdict.VIOLATING)),
        (Reason.OUTAGE, verdict == Verdict.OUTAGE),
    ):
        add_where(reasons, where, np.uint32(reason))
    unknown = np.flatnonzero(verdict == Verdict.UNKNOWN)
    scope, column = np.divmod(unknown, over.shape[1])
    cause = taken.cause[scope, caps.spans.of_slot[column]]
    for reason, where in (
        (Reason.IDLE_UNKNOWN, between),
        (Reason.ESTIMATED, guess),
        (Reason.UNITS_UNKNOWN, unsure),
        (Reason.LOW_CONFIDENCE, doubtful),
    ):
        cause |= where[scope, column] * np.uint32(reason)
    silence = _why_unknown(loads, evidence.facts, past, scope, column)
    reasons.reshape(-1)[unknown] = np.where(covered.reshape(-1)[unknown], cause, silence | cause)
    return Slots(verdict, reasons, taken.cap_kw, over, crossed, used, sure_wh)


def _by_count(
    world: World,
    caps: Caps,
    taken: "_Taken",
    loads: Loads,
    evidence: Evidence,
    past: Bool,
    hours: float,
    over: Bool,
    is_open: Bool,
) -> Bool:
    """Where counted units decide: set ``over`` and ``is_open``, and tell where too little is known of them, [S, T]."""
    scopes = np.flatnonzero(taken.by_count.any(axis=1))
    mine, row = caps.spans.wide(taken.by_count[scopes]), caps.spans.wide(taken.row[scopes])
    some = np.take_along_axis(row, mine.argmax(axis=1)[:, None], axis=1)
    found = counted_slots(world, caps, loads, evidence, past, hours, scopes, np.where(mine, row, some))
    leaves_open = ~found.kept & ~found.over
    over[scopes] = np.where(mine, found.over, over[scopes])
    is_open[scopes] = np.where(mine, leaves_open, is_open[scopes])
    unsure = np.zeros(over.shape, np.bool_)
    unsure[scopes] = mine & leaves_open
    return unsure


def set_where(target: npt.NDArray[Any], where: Bool, value: int) -> None:
    """Set few of many: an index of what is set is faster than a mask."""
    target.reshape(-1)[np.flatnonzero(where)] = value


def add_where(target: U32, where: Bool, bits: np.uint32) -> None:
    """Set bits of few of many."""
    target.reshape(-1)[np.flatnonzero(where)] |= bits


@dataclass(frozen=True, slots=True)
class _Taken:
    """What the order that takes each slot says of it, [S, K]."""

    is_taken: Bool
    row: npt.NDArray[np.int32]  # order row, 0 where none takes the slot
    by_count: Bool  # its units are counted from line meters
    by_energy: Bool
    cap_kw: F64  # NaN where there is none
    over_kw: F64
    over_wh: F64  # more than this in a slot is over; inf where no power is tested
    tolerant_wh: F64  # more than this in a compliant slot is within the tolerance; inf where there is none
    is_proxy: Bool  # a stop without residual load, and no idle level is known
    low_kw: F64 | None  # estimated units: up to it the order is surely kept, NaN elsewhere; None: no such order
    cause: U32  # why a fully measured slot still has no verdict (SEMANTICS §3.15, §3.16), as reason bits

    @staticmethod
    def of(world: World, caps: Caps, day_cap_wh: F64, grid: Grid) -> "_Taken":
        """Look up the order rows that take the slots."""
        taken = caps.take >= 0
        row = np.maximum(caps.take, 0)
        nan, inf = np.full(taken.shape, np.nan), np.full(taken.shape, np.inf)
        if not len(caps.order):
            causes = np.zeros(taken.shape, np.uint32)
            return _Taken(taken, row, taken, taken, nan, nan, inf, inf, taken, None, causes)
        column = np.arange(caps.spans.n)
        cap, over = (np.where(taken, kw[row, column], np.nan) for kw in (caps.cap_kw, caps.over_kw))

        def of_order(flags: Bool) -> Bool:
            return np.asarray(taken & flags[row], np.bool_)

        energy = of_order(caps.is_energy)
        orders, idle, has_running = caps.order, caps.baselines.idle_kw, ~np.isnan(caps.baselines.running_kw)
        by_units = world.order.is_control(orders, Control.UNITS)
        limits = world.order.is_control(orders, Control.LIMIT) | caps.is_energy
        bare_stop = world.order.is_control(orders, Control.STOP) & np.isnan(world.order.residual_kw[orders])
        indirect = of_order(world.order.is_control(orders, Control.COKING) & ~caps.is_energy)
        no_baseline = taken & np.isnan(cap)
        if by_units.any():
            indirect |= of_order(by_units & (~caps.is_counted | (world.lines.allowed[orders] < 0))) & no_baseline
            no_baseline &= ~of_order(by_units)
        bare = limits & np.isnan(world.order.reduction[orders])
        if bare.any():
            indirect |= of_order(bare) & has_running
        no_baseline &= ~indirect
        no_day = energy & has_running & of_order(np.isnan(day_cap_wh))
        cause = no_baseline * np.uint32(Reason.NO_BASELINE) | indirect * np.uint32(Reason.UNDECIDABLE)
        cause |= no_day * np.uint32(Reason.NO_DAY_ENERGY)
        by_power = taken & ~energy
        tolerant = by_power & of_order(world.order.is_control(orders, *TOLERANT))
        return _Taken(
            is_taken=taken,
            row=row,
            by_count=of_order(caps.is_counted) & (cause == 0) if caps.is_counted.any() else _nowhere(taken.shape),
            by_energy=energy,
            cap_kw=cap,
            over_kw=over,
            over_wh=_or_inf(threshold_wh(over, grid.hours), by_power & (cause == 0)),
            tolerant_wh=_or_inf(threshold_wh(cap, grid.hours), tolerant),
            is_proxy=of_order(bare_stop) & np.isnan(idle),
            low_kw=None if caps.low_kw is None else np.where(taken, caps.low_kw[row, column], np.nan),
            cause=cause,
        )


def _or_inf(limit_wh: F64, holds: Bool) -> F64:
    return np.asarray(np.where(holds & ~np.isnan(limit_wh), limit_wh, np.inf), np.float64)


def _day_energy(
    caps: Caps, evidence: Evidence, grid: Grid, limit_wh: F64, past: Bool, register_extra_wh: I64
) -> tuple[I64, I64]:
    """Energy of each order's judged slots of the day so far, and the column that breaks the day cap (§4.21, §5.27).

    limit_wh: [O], as ``_day_limit_wh`` gives it.
    """
    day = grid.day
    judged = caps.judged
    counted = caps.spans.wide_day(judged) & past[day]
    energy = np.where(counted, caps.of_order(evidence.known_wh)[:, day], 0)
    if past[day].all() and len(caps.order):
        whole = judged[:, caps.spans.day].all(axis=1)
        energy[:, -1] += np.where(whole, register_extra_wh[caps.scope], 0)
    used = np.cumsum(energy, axis=1)
    crossed = np.full(len(used), grid.n, np.int64)
    for row in np.flatnonzero(caps.has_day_energy & (used.max(axis=1, initial=0) > limit_wh)).tolist():
        breaks = (used[row] > limit_wh[row]) & past[day]
        if breaks.any():
            crossed[row] = grid.margin + breaks.argmax()
    return used, crossed


def _day_limit_wh(day_cap_wh: F64, tolerance: F64) -> F64:
    """Where day caps break, [O]; inf where none is known."""
    limit = np.rint(day_cap_wh * (1 + tolerance))
    return np.asarray(np.where(np.isnan(limit), np.inf, limit), np.float64)


def _by_day_energy(
    world: World, caps: Caps, taken: _Taken, grid: Grid, day_cap_wh: F64, used: I64, crossed: I64, wh: I64
) -> tuple[Bool, Bool]:
    """Where an energy limit takes the slot, after its day cap broke: while the plant runs (§4.21), and while the cap is
    used and the tolerance not (§3.13), [S, T]."""
    spent, near = np.zeros(wh.shape, np.bool_), np.zeros(wh.shape, np.bool_)
    with np.errstate(invalid="ignore"):
        beyond = caps.is_energy & (used.max(axis=1, initial=0) > np.rint(day_cap_wh))
    scopes = np.unique(caps.scope[beyond])
    if len(scopes) == 0:
        return spent, near
    wide, day = caps.spans.wide, grid.day
    energy, row = wide(taken.by_energy[scopes])[:, day], wide(taken.row[scopes])[:, day]
    idle, running = caps.baselines.idle_kw[scopes], caps.baselines.running_kw[scopes]
    by_order = caps.order[np.searchsorted(caps.scope, scopes)]
    margin, low = (on_day(world, by_order, grid, Rule.STOP_RUN, n)[:, None] for n in ("margin", "unknown_low"))
    stopped_kw = np.where(np.isnan(idle), low * running, idle) + margin * running
    column = np.arange(grid.n)[day]
    with np.errstate(invalid="ignore"):
        runs = wh[scopes, day] > wide(threshold_wh(stopped_kw, grid.hours))[:, day]
        near[scopes, day] = energy & (used[row, column - grid.margin] > np.rint(day_cap_wh)[row])
    spent[scopes, day] = energy & (column >= crossed[row]) & runs
    return spent, near


def _within_error(caps: Caps, taken: _Taken, grid: Grid, spent: Bool, used: I64, sure_wh: F64) -> Bool:
    """Slots after a broken day cap, ``spent``, at which the energy so far may still be the error of a poor baseline."""
    result = np.zeros(spent.shape, np.bool_)
    scopes = np.flatnonzero(spent.any(axis=1))
    sure = np.maximum.accumulate(used > sure_wh[:, None], axis=1)
    row, column = caps.spans.wide(taken.row[scopes])[:, grid.day], np.arange(grid.today.n_slots)
    result[scopes, grid.day] = spent[scopes, grid.day] & ~sure[row, column]
    return result


def _why_unknown(loads: Loads, facts: npt.NDArray[np.uint16], past: Bool, scope: I64, column: I64) -> U32:
    """What keeps slots from being fully measured, as reason bits. scope, column: of the slots."""
    fact, meters, evidence = facts[scope, column], loads.meters[scope, column], loads.evidence[scope, column]
    is_missing = loads.missing[scope, column] > 0
    absent, speaks = meters > evidence, has(fact, Fact.SPEAKS)
    quiet = absent & ~is_missing & ((fact & np.uint16(Fact.DECLARED | Fact.COARSE)) == 0)
    bits = np.zeros(len(scope), np.uint32)
    for reason, where in (
        (Reason.NO_METER, meters == 0),
        (Reason.ZERO_UNPROVEN, has(fact, Fact.ZERO_UNPROVEN)),
        (Reason.MISSING, is_missing),
        (Reason.AWAITED, quiet | ~past[column]),
        (Reason.INCOMPLETE, absent & (evidence > 0) | speaks & (evidence == 0)),
        (Reason.OUTAGE, has(fact, Fact.DECLARED)),
        (Reason.RESOLUTION, has(fact, Fact.COARSE)),
        (Reason.OVER_CAPACITY, absent & has(fact, Fact.OVER_CAPACITY)),
        (Reason.NOT_EVIDENCE, absent & has(fact, Fact.NOT_EVIDENCE)),
        (Reason.NO_MULTIPLIER, absent & has(fact, Fact.NO_MULTIPLIER)),
    ):
        bits |= where * np.uint32(reason)
    return bits
