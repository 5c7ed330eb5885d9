"""What each order allows at a slot: baseline, cap, exemption, grace (SEMANTICS §3)."""

from dataclasses import dataclass

from detectors.registry import Baseline, Exemption, Order, Registry
from detectors.vocab import Control, Measure, Reason, Rule
from tests.oracles.lines import allowed_of, is_counted, lines_of, unit_caps_kw, units_in
from tests.oracles.local_time import LocalTime, day_type
from tests.oracles.rows import DayTypes
from tests.oracles.thresholds import value_on

#: §3.17: ties, the first wins.
TIE_ORDER = (Control.STOP, Control.CAP, Control.UNITS, Control.LIMIT, Control.COKING)


def tie_rank(order: Order) -> tuple[int, str]:
    """§3.17: ties stop > cap > units > limit, then order_id."""
    return (TIE_ORDER.index(order.control), order.order_id)


def is_energy_limit(registry: Registry, order: Order) -> bool:
    """A limit whose measure is energy; coking time on a scope whose energy counts pushes."""
    if order.control == Control.COKING:
        return any(s.scope_id == order.scope_id and s.kind == "pushes" for s in registry.scopes)
    return order.control == Control.LIMIT and order.measure == Measure.ENERGY


def has_day_energy(registry: Registry, order: Order) -> bool:
    """§3.15: its day cap is energy, whatever it measures."""
    return order.control == Control.LIMIT or is_energy_limit(registry, order)


def is_power_limit(order: Order) -> bool:
    """A limit whose measure is power."""
    return order.control == Control.LIMIT and order.measure == Measure.POWER


@dataclass(frozen=True)
class Rules:
    """The registry as sentences 14 to 19 ask it."""

    registry: Registry
    local: LocalTime
    day_types: DayTypes | None

    def baseline_at(self, scope_id: str, at: int) -> Baseline | None:
        """§3.15, §3.16: the baseline of the day's type, else `all`, else `workday`; R <= 0 is no baseline."""
        valid = [
            b
            for b in self.registry.baselines
            if b.scope_id == scope_id and b.valid_from <= at < b.valid_to and b.running_kw > 0
        ]
        wanted = day_type(self.local.wall(at).date(), self.day_types, self.registry.calendar)
        for kind in (wanted, "all", "workday"):
            for baseline in valid:
                if baseline.day_type == kind:
                    return baseline
        return None

    def threshold(self, rule: str, name: str, scope_id: str | None, at: int) -> float:
        """What a rule asks of a scope on the local day of an instant."""
        return value_on(self.registry.thresholds, self.local, rule, name, scope_id, self.local.wall(at).date())

    def tolerance_at(self, order: Order, at: int) -> float:
        """§3.13: stop 0 (its cap holds a margin), limit 5 %, cap 2 %."""
        rule = {Control.LIMIT: Rule.LIMIT_SLOT, Control.CAP: Rule.CAP_ABS}.get(order.control)
        return 0.0 if rule is None else self.threshold(rule, "tolerance", order.scope_id, at)

    def stop_share(self, name: str, scope_id: str | None, at: int) -> float:
        """§3.14: the margin of a stop above its residual, the two levels where nothing is known of idle; x R."""
        return self.threshold(Rule.STOP_RUN, name, scope_id, at)

    def exemptions_at(self, order: Order, at: int) -> list[Exemption]:
        """§3.18: those that name the order, or name none where the order has no `level`."""
        return [
            e
            for e in self.registry.exemptions
            if e.scope_id == order.scope_id
            and e.valid_from <= at < e.valid_to
            and (e.order_id == order.order_id or (e.order_id is None and not order.level))
        ]

    def nominal_cap_kw(self, order: Order, at: int) -> float | None:
        """Cap of an order by §3.14 to §3.16, before any exemption; None = unknown. Energy limits: (1 - reduction) R."""
        baseline = self.baseline_at(order.scope_id, at)
        if order.control == Control.CAP:
            return order.cap_kw
        if order.control == Control.STOP:
            residual_kw = order.residual_kw
            if residual_kw is None and baseline is not None:
                residual_kw = baseline.idle_kw
            if residual_kw is not None:
                margin = self.stop_share("margin", order.scope_id, at)
                return residual_kw + (margin * baseline.running_kw if baseline is not None else 0.0)
            low = self.stop_share("unknown_low", order.scope_id, at)
            return low * baseline.running_kw if baseline is not None else None
        if order.control == Control.UNITS:
            return unit_caps_kw(self.registry, self.baseline_at, order, at)[0]
        is_limit = has_day_energy(self.registry, order)
        if is_limit and baseline is not None and order.reduction is not None:
            return (1 - order.reduction) * baseline.running_kw
        return None

    def grace_end(self, order: Order, orders: list[Order]) -> int:
        """§3.19: from + ramp_down_h, counted from the `from` of the highest revision; `from` itself = no grace.

        None for an order that begins no later than an earlier one of the scope ends and whose cap is no lower; where
        a cap is not known, grace is given.
        """
        hours = order.ramp_down_h
        if hours is None:
            grace_h = self.threshold(Rule.STOP_RUN, "grace_h", order.scope_id, order.valid_from)
            hours = grace_h if order.control == Control.STOP else 0.0
        own_cap_kw = self.nominal_cap_kw(order, order.valid_from)
        for earlier in orders:
            if earlier.scope_id != order.scope_id or earlier.order_id == order.order_id:
                continue
            if not earlier.valid_from < order.valid_from <= earlier.valid_to:
                continue
            cap_kw = self.nominal_cap_kw(earlier, order.valid_from)
            if own_cap_kw is not None and cap_kw is not None and own_cap_kw >= cap_kw:
                return order.valid_from
        return order.valid_from + round(hours * 3600)


@dataclass(frozen=True)
class OrderSlot:
    """An order at one of its ordered slots."""

    order: Order
    is_exempt: bool
    is_in_grace: bool
    cap_kw: float | None
    over_kw: float | None  # load above it is over (§3.13, §3.14); None: nothing is over
    max_kw: float | None  # of an exemption with a cap
    is_three_valued: bool  # §3.14: neither residual nor idle is known
    baseline: Baseline | None
    unknown_cap: Reason | None  # why no cap is known
    is_energy: bool = False
    allowed: int | None = None  # units that may run, of an order by units
    total: int = 0  # units of its scope
    is_counted: bool = False  # by the meters of its lines, whatever the load
    low_kw: float | None = None  # estimated units: up to this load surely no more run

    @property
    def is_judged(self) -> bool:
        """§4.22: neither exempt nor in grace."""
        return not self.is_exempt and not self.is_in_grace


def order_slot(rules: Rules, order: Order, grace_end: int, slot: int) -> OrderSlot:
    """What the order says at an ordered slot."""
    start = slot * rules.local.slot_s
    baseline = rules.baseline_at(order.scope_id, start)
    exemptions = rules.exemptions_at(order, start)
    is_exempt = any(e.max_kw is None for e in exemptions)  # §3.18: empty max_kw beats any
    max_kw = max((e.max_kw for e in exemptions if e.max_kw is not None), default=None)
    cap_kw = rules.nominal_cap_kw(order, start)
    unknown_cap: Reason | None = None
    is_energy = is_energy_limit(rules.registry, order)
    allowed: int | None = None
    total, is_by_count, low_kw = 0, False, None
    if order.control == Control.UNITS:
        scope = next(s for s in rules.registry.scopes if s.scope_id == order.scope_id)
        allowed = allowed_of(rules.registry, order)
        total = sum(units_in(line) for line in lines_of(rules.registry, scope))
        is_by_count = is_counted(rules.registry, scope)
        if allowed is None or (not is_by_count and cap_kw is None):
            unknown_cap = Reason.UNDECIDABLE
    elif order.control == Control.COKING and not is_energy:
        unknown_cap = Reason.UNDECIDABLE
    elif cap_kw is None:
        unknown_cap = Reason.NO_BASELINE if baseline is None else Reason.UNDECIDABLE
    is_three_valued = (
        order.control == Control.STOP
        and order.residual_kw is None
        and baseline is not None
        and baseline.idle_kw is None
    )
    over_kw: float | None = None
    if cap_kw is not None:
        cap_kw = max(cap_kw, max_kw or 0.0)  # §3.18
        if is_three_valued and baseline is not None:
            over_kw = max(rules.stop_share("unknown_high", order.scope_id, start) * baseline.running_kw, max_kw or 0.0)
        elif order.control == Control.UNITS:
            _, over_kw, low_kw = unit_caps_kw(rules.registry, rules.baseline_at, order, start)
            over_kw = None if over_kw is None else max(over_kw, max_kw or 0.0)
            low_kw = None if low_kw is None else max(low_kw, max_kw or 0.0)
        else:
            over_kw = cap_kw * (1 + rules.tolerance_at(order, start))
    is_in_grace = start < grace_end  # §3.19
    return OrderSlot(
        order=order,
        is_exempt=is_exempt,
        is_in_grace=is_in_grace,
        cap_kw=cap_kw,
        over_kw=over_kw,
        max_kw=max_kw,
        is_three_valued=is_three_valued,
        baseline=baseline,
        unknown_cap=unknown_cap,
        is_energy=is_energy,
        allowed=allowed,
        total=total,
        is_counted=is_by_count,
        low_kw=low_kw,
    )


def profile_kw(rules: Rules, baseline: Baseline, slot: int) -> float:
    """The value of a profile at the wall clock of a slot's start."""
    wall = rules.local.wall(slot * rules.local.slot_s)
    seconds = wall.hour * 3600 + wall.minute * 60 + wall.second
    return baseline.profile_kw[seconds * len(baseline.profile_kw) // 86400]


def day_cap_shares(rules: Rules, judged: list[tuple[int, OrderSlot]]) -> dict[int, float] | None:
    """§3.15: what each judged slot of a local day adds to the energy cap of a limit, kWh; None = not known.

    (1 - reduction) x the profile's value, else (1 - reduction) x min(day_kwh, R x judged hours), spread evenly;
    §3.18: at least max_kw x h under an exemption with a cap.
    """
    h = rules.local.hours()
    shares = {}
    for slot, at in judged:
        baseline, reduction = at.baseline, at.order.reduction
        if baseline is None or reduction is None:
            return None
        if baseline.profile_kw:
            share = profile_kw(rules, baseline, slot) * h
        elif baseline.day_kwh is not None:
            share = min(baseline.day_kwh, baseline.running_kw * h * len(judged)) / len(judged)
        else:
            return None
        share *= 1 - reduction
        shares[slot] = max(share, (at.max_kw or 0.0) * h)
    return shares
