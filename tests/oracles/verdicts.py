"""The verdict of each slot (SEMANTICS §3.17, §4.21)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from detectors.vocab import Control, Reason, Rule, Verdict
from tests.oracles.caps import OrderSlot, Rules, has_day_energy, is_energy_limit, tie_rank
from tests.oracles.scope_slots import ScopeSlot
from tests.oracles.timeline import Measured, Timeline, Track


@dataclass(frozen=True)
class SlotVerdict:
    """One slot judged. ``taker``: the order that takes the slot (§3.17), None where none is judged there."""

    verdict: Verdict
    reasons: frozenset[Reason]
    shown: OrderSlot | None
    taker: OrderSlot | None

    def is_over(self, order_id: str) -> bool:
        """§3.17, §5.24: an over slot of an order is a violating one that the order takes."""
        return self.verdict == Verdict.VIOLATING and self.taker is not None and self.taker.order.order_id == order_id


Verdicts = Mapping[int, SlotVerdict]


def taker_of(active: Sequence[OrderSlot]) -> OrderSlot:
    """§3.17: of the orders neither exempt nor in grace, the lowest known power cap, ties by control, then order_id.

    An energy limit takes the slot only where no power cap does; where nothing is known, the first by tie order.
    """

    def by_cap(at: OrderSlot) -> tuple[float, tuple[int, str]]:
        return (at.cap_kw if at.cap_kw is not None else float("inf"), tie_rank(at.order))

    known = [at for at in active if at.cap_kw is not None]
    power = [at for at in known if not at.is_energy]
    if power or known:
        return min(power or known, key=by_cap)
    return min(active, key=lambda at: tie_rank(at.order))


def error_share(timeline: Timeline, track: Track, day: date) -> float:
    """DOMAIN §4: of the worst fitted baseline behind the day's judged slots, as many errors as make a break certain;
    0 where its confidence is not low."""
    slots = timeline.local.slots_of(day)
    errors = [at.baseline.rrmse for _, at in track.judged(slots) if at.baseline is not None]
    worst = max((e for e in errors if e is not None), default=0.0)
    is_poor = worst > timeline.asks("baseline", "low_confidence", slots.start)
    return worst * timeline.asks("baseline", "errors", slots.start) if is_poor else 0.0


def crossing_slot(
    timeline: Timeline, measured: Measured, track: Track, day: date, until: int, error: float = 0.0
) -> int | None:
    """§5.27, §3.13: the first judged slot where day energy > day cap x 1.03; None while it is not broken.

    error: beyond the tolerance, as a share of the cap (``error_share``).
    """
    cap_kwh = timeline.energy_cap_kwh(track, day)
    if cap_kwh is None:
        return None
    tolerance = timeline.asks(Rule.LIMIT_DAY, "tolerance", timeline.local.slots_of(day).start)
    judged = [s for s, _ in track.judged(timeline.local.slots_of(day))]
    for i, slot in enumerate(judged):
        if slot < until and timeline.energy_kwh(measured, judged[: i + 1]) > cap_kwh * (1 + tolerance + error):
            return slot
    return None


def _by_power(
    rules: Rules, start: int, at: OrderSlot, load_kw: float | None, coverage: float
) -> tuple[Verdict, Reason | None]:
    """§3.13, §3.14, §2.10: against a power cap; the load is a lower bound where coverage is below 1."""
    assert at.cap_kw is not None
    assert at.over_kw is not None
    if load_kw is not None and load_kw > at.over_kw:
        return Verdict.VIOLATING, None
    if coverage < 1 or load_kw is None:
        return Verdict.UNKNOWN, None
    if at.is_three_valued and at.baseline is not None:
        is_approved = at.max_kw is not None and load_kw <= at.max_kw
        low = rules.stop_share("unknown_low", at.order.scope_id, start)
        if load_kw < low * at.baseline.running_kw or is_approved:
            return Verdict.COMPLIANT, None
        return Verdict.UNKNOWN, Reason.IDLE_UNKNOWN
    return Verdict.COMPLIANT, Reason.WITHIN_TOLERANCE if load_kw > at.cap_kw else None


def _by_estimate(at: OrderSlot, load_kw: float | None, coverage: float) -> tuple[Verdict, Reason | None]:
    """Lines and cells without meters of their own: what the load of all proves."""
    assert at.over_kw is not None
    assert at.low_kw is not None
    if load_kw is not None and load_kw > at.over_kw:
        return Verdict.VIOLATING, None
    if coverage < 1 or load_kw is None:
        return Verdict.UNKNOWN, None
    return (Verdict.COMPLIANT, None) if load_kw <= at.low_kw else (Verdict.UNKNOWN, Reason.ESTIMATED)


def count_of(at: OrderSlot, now: ScopeSlot) -> tuple[int, int, int]:
    """Units of an order that surely run, that surely do not, and the others."""
    if now.units is None:
        return 0, 0, at.total
    idle = now.units.idle if now.coverage == 1 else now.units.idle - now.units.needs_proof
    return now.units.running, idle, at.total - now.units.running - idle


def by_units(at: OrderSlot, now: ScopeSlot, hours: float) -> Verdict:
    """Counted lines and cells: more surely run than allowed; surely no more do; or neither is known.

    §3.18: an exemption with a cap allows a load up to it as well.
    """
    if at.allowed is None:
        return Verdict.UNKNOWN
    running, idle, unknown = count_of(at, now)
    load_kw = now.load_kw(hours)
    is_beyond = at.max_kw is None or (load_kw is not None and load_kw > at.max_kw)
    is_within = at.max_kw is not None and load_kw is not None and now.coverage == 1 and load_kw <= at.max_kw
    if running > at.allowed and is_beyond:
        return Verdict.VIOLATING
    if (running + unknown <= at.allowed and running + idle > 0) or is_within:
        return Verdict.COMPLIANT
    return Verdict.UNKNOWN


def _by_energy(
    rules: Rules,
    start: int,
    at: OrderSlot,
    load_kw: float | None,
    coverage: float,
    is_broken: bool,
    is_sure: bool,
    is_used_up: bool,
) -> tuple[Verdict, Reason | None]:
    """§4.21: compliant until the slot that crosses the day cap, from there violating while load > idle + 5 % of R.

    DOMAIN §4: unknown while a baseline of low confidence may be so far off.
    """
    assert at.baseline is not None
    running_kw, idle_kw = at.baseline.running_kw, at.baseline.idle_kw
    low, margin = (rules.stop_share(name, at.order.scope_id, start) for name in ("unknown_low", "margin"))
    runs_above_kw = (idle_kw if idle_kw is not None else low * running_kw) + margin * running_kw
    if is_broken and load_kw is not None and load_kw > runs_above_kw:
        return (Verdict.VIOLATING, Reason.DAY_CAP_USED) if is_sure else (Verdict.UNKNOWN, Reason.LOW_CONFIDENCE)
    if coverage < 1 or load_kw is None:
        return Verdict.UNKNOWN, None
    return Verdict.COMPLIANT, Reason.WITHIN_TOLERANCE if is_used_up else None  # §3.13


def _used_kwh(timeline: Timeline, measured: Measured, slot: int, taker: OrderSlot) -> float:
    """Energy of the judged slots of the order's day up to and with this slot."""
    track = next(t for t in timeline.tracks if t.order.order_id == taker.order.order_id)
    day = timeline.local.slots_of(timeline.local.day_of_slot(slot))
    return timeline.energy_kwh(measured, [s for s, _ in track.judged(day) if s <= slot])


def judge_slots(timeline: Timeline, measured: Measured) -> dict[int, SlotVerdict]:
    """§4.21: the first that holds of no_order, exempt, outage, grace, violating, unknown, compliant."""
    caps: dict[tuple[str, date], float | None] = {}
    broken: dict[tuple[str, date], int | None] = {}
    sure: dict[tuple[str, date], int | None] = {}
    for track in timeline.tracks:
        if is_energy_limit(timeline.rules.registry, track.order):
            for day in timeline.days:
                key = (track.order.order_id, day)
                caps[key] = timeline.energy_cap_kwh(track, day)
                broken[key] = crossing_slot(timeline, measured, track, day, timeline.horizon.stop)
                error = error_share(timeline, track, day)
                sure[key] = crossing_slot(timeline, measured, track, day, timeline.horizon.stop, error)
    found = {}
    for slot in timeline.horizon:
        here = [t.slots[slot] for t in timeline.tracks if slot in t.slots]
        now = measured[slot]
        if not here:
            is_partial = slot in timeline.touched  # §1.1
            why = frozenset({Reason.PARTIAL_SLOT} if is_partial else set())
            found[slot] = SlotVerdict(Verdict.NO_ORDER, why, None, None)
            continue
        active = [at for at in here if at.is_judged]
        first = min(here, key=lambda at: tie_rank(at.order))
        taker = taker_of(active) if active else None
        if not active and any(at.is_exempt for at in here):
            found[slot] = SlotVerdict(Verdict.EXEMPT, frozenset(), first, None)
        elif now.is_outage:
            found[slot] = SlotVerdict(Verdict.OUTAGE, frozenset({Reason.OUTAGE}), taker or first, taker)
        elif taker is None:
            found[slot] = SlotVerdict(Verdict.GRACE, frozenset(), first, None)
        else:
            key = (taker.order.order_id, timeline.local.day_of_slot(slot))
            found[slot] = _judge(timeline, measured, slot, taker, caps.get(key), broken.get(key), sure.get(key))
    return found


def _judge(
    timeline: Timeline,
    measured: Measured,
    slot: int,
    taker: OrderSlot,
    cap_kwh: float | None,
    broken: int | None,
    sure: int | None,
) -> SlotVerdict:
    """A slot under at least one order neither exempt nor in grace."""
    now, start = measured[slot], slot * timeline.local.slot_s
    load_kw = timeline.load_kw(measured, slot)
    if taker.unknown_cap is not None:  # §3.16
        return SlotVerdict(Verdict.UNKNOWN, now.reasons | {taker.unknown_cap}, taker, taker)
    if taker.is_counted:
        verdict = by_units(taker, now, timeline.local.hours())
        reason = Reason.UNITS_UNKNOWN if verdict == Verdict.UNKNOWN else None
    elif taker.is_energy:
        if cap_kwh is None:  # §3.15
            return SlotVerdict(Verdict.UNKNOWN, now.reasons | {Reason.NO_DAY_ENERGY}, taker, taker)
        is_broken, is_sure = (at is not None and slot >= at for at in (broken, sure))
        is_used_up = _used_kwh(timeline, measured, slot, taker) > cap_kwh
        verdict, reason = _by_energy(
            timeline.rules, start, taker, load_kw, now.coverage, is_broken, is_sure, is_used_up
        )
    elif taker.low_kw is not None:
        verdict, reason = _by_estimate(taker, load_kw, now.coverage)
    else:
        verdict, reason = _by_power(timeline.rules, start, taker, load_kw, now.coverage)
    reasons: set[Reason] = {reason} if reason is not None else set()
    if verdict == Verdict.UNKNOWN:
        reasons |= now.reasons
    elif now.coverage < 1:
        reasons.add(Reason.INCOMPLETE)
    if verdict in (Verdict.COMPLIANT, Verdict.VIOLATING) and _rests_on_poor_baseline(timeline, taker, slot):
        reasons.add(Reason.LOW_CONFIDENCE)
    return SlotVerdict(verdict, frozenset(reasons), taker, taker)


def _rests_on_poor_baseline(timeline: Timeline, at: OrderSlot, slot: int) -> bool:
    """DOMAIN §4: the cap is a share of R, or follows from the idle level, of a baseline with an RRMSE above 25 %."""
    rests = has_day_energy(timeline.rules.registry, at.order) or (
        at.order.control == Control.STOP and at.order.residual_kw is None
    )
    rrmse = at.baseline.rrmse if at.baseline is not None else None
    return rests and rrmse is not None and rrmse > timeline.asks("baseline", "low_confidence", slot)
