"""The orders that a rulebook wants to exist: of its season, or of every episode of a warning level."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from detectors.registry import Episode, Exemption, Order, Registry, Rotation, Scope, ScopeMeter
from detectors.rulebook.decisions import Decision, Outcome
from detectors.rulebook.livelihood import clause_of, in_force
from detectors.rulebook.office import Office
from detectors.rulebook.plant_plans import own_plan
from detectors.rulebook.resolve import resolve
from detectors.rulebook.schema import Livelihood, Rulebook
from detectors.rulebook.wanted_scopes import wanted_scope
from detectors.vocab import Control, Measure

#: Why a turn of 轮产 lifts a season's order.
ROTATION_REASON = "轮产"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows that should exist, sorted by id. Scopes and members only where the office has made no scope of that id."""

    scopes: tuple[Scope, ...]
    scope_meters: tuple[ScopeMeter, ...]
    orders: tuple[Order, ...]
    exemptions: tuple[Exemption, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    """When decisions hold, and how their orders are named: ``prefix`` before the item and scope."""

    begin: int
    end: int
    prefix: str
    level: str | None = None


@dataclass(slots=True)
class _Rows:
    orders: dict[str, Order] = field(default_factory=dict)
    exemptions: list[Exemption] = field(default_factory=list)
    scopes: dict[str, tuple[Scope, tuple[ScopeMeter, ...]]] = field(default_factory=dict)


def wanted_orders(rulebook: Rulebook, registry: Registry, decisions: Sequence[Decision] | None = None) -> Wanted:
    """Scopes, members, orders and exemptions, all of revision 1. The same registry gives the same rows.

    ``decisions``: of the season, where they are at hand; else, and for warning levels always, they are resolved here.
    Only what is ordered and listed becomes an order.

    Raises:
        PlantPlanError: as ``resolve``.
    """
    office = Office.of(registry, rulebook.document)
    turns: dict[str, list[Rotation]] = defaultdict(list)
    for turn in registry.rotations:
        turns[turn.scope_id].append(turn)
    rows = _Rows()
    if rulebook.season is not None:
        for decision in resolve(rulebook, registry) if decisions is None else decisions:
            plan = own_plan(office, rulebook, decision.plant_id, None)
            span = _Span(*plan.span(decision.line_id, rulebook.span()), prefix=rulebook.document)
            _add(rows, rulebook, office, decision, span, turns)
    else:
        counties = {plant.plant_id: plant.county for plant in registry.plants}
        by_level: dict[str, tuple[Decision, ...]] = {}
        for episode in segments(registry.episodes):
            if episode.level not in by_level:
                by_level[episode.level] = resolve(rulebook, registry, episode.level)
            begin = _local(rulebook.zone, episode.valid_from)
            prefix = f"{rulebook.document}-{episode.episode_id}-{episode.level}-{begin}"
            span = _Span(episode.valid_from, episode.valid_to, prefix, episode.level)
            for decision in by_level[episode.level]:
                if episode.county in (None, counties[decision.plant_id]):
                    _add(rows, rulebook, office, decision, span, {})
    scopes = [rows.scopes[scope_id] for scope_id in sorted(rows.scopes)]
    return Wanted(
        scopes=tuple(scope for scope, _ in scopes),
        scope_meters=tuple(m for _, members in scopes for m in sorted(members, key=lambda m: m.meter_id)),
        orders=tuple(rows.orders[order_id] for order_id in sorted(rows.orders)),
        exemptions=tuple(sorted(rows.exemptions, key=lambda e: (e.scope_id, e.order_id or "", e.valid_from))),
    )


def segments(episodes: Iterable[Episode]) -> list[Episode]:
    """Episodes by time. A further row of an episode ends the one before it in the same county."""
    found: list[Episode] = []
    open_: dict[tuple[str, str | None], Episode] = {}
    for episode in sorted(episodes, key=lambda e: (e.valid_from, e.episode_id, e.county or "", e.level)):
        key = (episode.episode_id, episode.county)
        before = open_.get(key)
        if before is not None and before.valid_to > episode.valid_from:
            found.remove(before)
            if before.valid_from < episode.valid_from:
                found.append(_ending(before, episode.valid_from))
        open_[key] = episode
        found.append(episode)
    return sorted(found, key=lambda e: (e.valid_from, e.episode_id, e.county or "", e.level))


def _ending(episode: Episode, at: int) -> Episode:
    return replace(episode, valid_to=at)


def _add(
    rows: _Rows,
    rulebook: Rulebook,
    office: Office,
    decision: Decision,
    span: _Span,
    turns: Mapping[str, Sequence[Rotation]],
) -> None:
    """The orders of one decision, and of what stands beside it."""
    if not decision.is_listed:
        return
    for d in (decision, *decision.also):
        base, gaps = d, [(span.begin, span.end)]
        if d.otherwise is not None:
            base = d.otherwise
            caps = list(_caps(rulebook, office, base, span))
            gaps = list(_gaps([(order.valid_from, order.valid_to) for order in caps], span))
            for order in caps:
                rows.orders[order.order_id] = order
        if base.outcome is not Outcome.ORDERED or base.scope_id is None or base.control is None:
            continue
        made = [_order(rulebook, base, span, begin, end) for begin, end in gaps if begin < end]
        for order in made:
            rows.orders.setdefault(order.order_id, order)
            rows.exemptions += _turns(order, base, turns)
        scope = wanted_scope(rulebook, office, base) if made else None
        if scope is not None:
            rows.scopes[scope[0].scope_id] = scope


def _caps(rulebook: Rulebook, office: Office, base: Decision, span: _Span) -> Iterator[Order]:
    """Orders of the approvals that stand in place of a decision. A later approval ends an earlier one."""
    approvals = in_force(office, base, (span.begin, span.end))
    for approval, later in zip(approvals, [*approvals[1:], None], strict=True):
        begin, end = max(approval.valid_from, span.begin), min(approval.valid_to, span.end)
        if later is not None:
            end = min(end, later.valid_from)
        clause = clause_of(rulebook, base, approval)
        if clause is None or begin >= end:
            continue
        name = clause.item_id if isinstance(clause, Livelihood) else f"{clause.item_id}-cap"
        yield Order(
            order_id=_order_id(rulebook, span, name, approval.scope_id, begin),
            scope_id=approval.scope_id,
            control=Control.CAP,
            valid_from=begin,
            valid_to=end,
            cap_kw=approval.max_kw,
            measure=Measure.POWER,
            document=rulebook.document,
            clause=clause.clause,
            level=span.level,
        )


def _gaps(taken: Sequence[tuple[int, int]], span: _Span) -> Iterator[tuple[int, int]]:
    """What is left of a span beside spans that follow each other."""
    at = span.begin
    for begin, end in taken:
        yield at, begin
        at = end
    yield at, span.end


def _order(rulebook: Rulebook, base: Decision, span: _Span, begin: int, end: int) -> Order:
    scope_id = base.scope_id or base.plant_id
    return Order(
        order_id=_order_id(rulebook, span, base.item_id or "plan", scope_id, begin),
        scope_id=scope_id,
        control=base.control or Control.STOP,
        valid_from=begin,
        valid_to=end,
        reduction=base.reduction,
        cap_kw=base.cap_kw,
        units_allowed=base.units_allowed,
        residual_kw=base.residual_kw,
        ramp_down_h=base.ramp_down_h,
        measure=base.measure or Measure.POWER,
        document=rulebook.document,
        clause=base.clause,
        level=span.level,
    )


def _order_id(rulebook: Rulebook, span: _Span, item_id: str, scope_id: str, begin: int) -> str:
    """``<document>-<item>-<scope>``; what begins later than its span has its local begin behind it."""
    late = "" if begin == span.begin else f"-{_local(rulebook.zone, begin)}"
    return f"{span.prefix}-{item_id}-{scope_id}{late}" if span.level is None else f"{span.prefix}-{scope_id}{late}"


def _turns(order: Order, base: Decision, turns: Mapping[str, Sequence[Rotation]]) -> Iterator[Exemption]:
    """A turn of the order's scope, or of its whole plant, lifts the order. turns: by scope."""
    scope_ids = dict.fromkeys((order.scope_id, base.plant_id))
    for turn in (turn for scope_id in scope_ids for turn in turns.get(scope_id, ())):
        if turn.valid_from < order.valid_to and turn.valid_to > order.valid_from:
            yield Exemption(
                scope_id=order.scope_id,
                valid_from=turn.valid_from,
                valid_to=turn.valid_to,
                reason=ROTATION_REASON,
                approved_by=turn.approved_by,
                order_id=order.order_id,
                document=turn.document,
            )


def _local(zone: str, epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, ZoneInfo(zone)).strftime("%Y%m%dT%H%M")
