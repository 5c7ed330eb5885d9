"""What applying a rulebook changes of the stored registry. Pure: the same registry and rulebook give the same rows.

Rows that a rulebook made carry its id, and only these are revised or withdrawn by it. An order that the office gave a
revision of its own is the office's from then on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from detectors.registry import Exemption, Order, Registry
from detectors.rulebook.decisions import Decision
from detectors.rulebook.orders import ROTATION_REASON, Wanted, wanted_orders
from detectors.rulebook.resolve import resolve
from detectors.rulebook.schema import Rulebook


@dataclass(frozen=True, slots=True)
class OrderChange:
    """One order that is not as it was. ``before`` None: it is new."""

    before: Order | None
    after: Order

    @property
    def what(self) -> str:
        """``new``, ``revised`` or ``withdrawn``."""
        if self.before is None:
            return "new"
        return "withdrawn" if is_withdrawn(self.after) else "revised"


@dataclass(frozen=True, slots=True)
class PlanChanges:
    """What a rulebook decides, by warning level (None: the season), and the rows to import for it.

    kept: orders that are as the rulebook wants them. taken_over: orders that the office changed by hand; they stay.
    """

    decisions: Mapping[str | None, tuple[Decision, ...]]
    orders: tuple[OrderChange, ...]
    kept: int
    taken_over: tuple[Order, ...]
    rows: Registry


def is_withdrawn(order: Order) -> bool:
    """An order that is never in force."""
    return order.valid_to <= order.valid_from


def standing(orders: Iterable[Order]) -> dict[str, Order]:
    """The highest revision of each order, by id."""
    found: dict[str, Order] = {}
    for order in orders:
        if order.order_id not in found or found[order.order_id].revision < order.revision:
            found[order.order_id] = order
    return found


def plan_changes(rulebook: Rulebook, stored: Registry) -> PlanChanges:
    """Decide for every plant, and compare the orders that follow with those that stand.

    stored: the rows as imported, without members that default scopes have by themselves.

    Raises:
        PlantPlanError: a plant's own plan asks for less than its clause.
    """
    office = office_rows(rulebook, stored)
    levels: list[str | None] = [level.level for level in rulebook.levels] or [None]
    decisions = {level: resolve(rulebook, office, level) for level in levels}
    wanted = wanted_orders(rulebook, office, decisions.get(None))
    changes, kept, taken_over = order_changes(rulebook, wanted, stored)
    made = {change.after.order_id for change in changes} | {order.order_id for order in wanted.orders}
    scopes = {scope.scope_id: scope for scope in stored.scopes}
    members = {(member.scope_id, member.meter_id) for member in stored.scope_meters}
    own_scopes = [replace(scope, rulebook=rulebook.rulebook_id) for scope in wanted.scopes]
    rows = Registry(
        zone=stored.zone,
        scopes=tuple(scope for scope in own_scopes if scopes.get(scope.scope_id) != scope),
        scope_meters=tuple(m for m in wanted.scope_meters if (m.scope_id, m.meter_id) not in members),
        orders=tuple(change.after for change in changes),
        exemptions=tuple(_exemption_changes(made, wanted, stored)),
    )
    return PlanChanges(decisions, tuple(changes), kept, tuple(taken_over), rows)


def office_rows(rulebook: Rulebook, stored: Registry) -> Registry:
    """The registry as the office made it: what this rulebook adds to it is found anew."""
    own = {scope.scope_id for scope in stored.scopes if scope.rulebook == rulebook.rulebook_id}
    return replace(
        stored,
        scopes=tuple(scope for scope in stored.scopes if scope.scope_id not in own),
        scope_meters=tuple(member for member in stored.scope_meters if member.scope_id not in own),
    )


def order_changes(rulebook: Rulebook, wanted: Wanted, stored: Registry) -> tuple[list[OrderChange], int, list[Order]]:
    """Orders that are not as they are wanted, how many are, and those that the office took over."""
    before = standing(stored.orders)
    changes: list[OrderChange] = []
    taken_over: list[Order] = []
    kept = 0
    for order in (replace(order, rulebook=rulebook.rulebook_id) for order in wanted.orders):
        old = before.get(order.order_id)
        if old is None:
            changes.append(OrderChange(None, order))
        elif old.rulebook != rulebook.rulebook_id:
            taken_over.append(old)
        elif replace(old, revision=order.revision) == order:
            kept += 1
        else:
            changes.append(OrderChange(old, replace(order, revision=old.revision + 1)))
    ids = {order.order_id for order in wanted.orders}
    for old in before.values():
        if old.rulebook == rulebook.rulebook_id and old.order_id not in ids and not is_withdrawn(old):
            gone = replace(old, valid_to=old.valid_from, revision=old.revision + 1)
            changes.append(OrderChange(old, gone))
    return sorted(changes, key=lambda change: change.after.order_id), kept, taken_over


def _exemption_changes(order_ids: set[str], wanted: Wanted, stored: Registry) -> list[Exemption]:
    """Turns of 轮产 that are new or changed, and those that are no more: nothing is allowed beyond the cap then."""
    before = {_key(e): e for e in stored.exemptions if e.reason == ROTATION_REASON and e.order_id in order_ids}
    after = {_key(e): e for e in wanted.exemptions}
    found = [exemption for key, exemption in after.items() if before.get(key) != exemption]
    found += [replace(e, max_kw=0.0) for key, e in before.items() if key not in after and e.max_kw != 0.0]
    return sorted(found, key=lambda e: (e.scope_id, e.order_id or "", e.valid_from))


def _key(exemption: Exemption) -> tuple[str, str | None, int]:
    return exemption.scope_id, exemption.order_id, exemption.valid_from


def counts(decisions: Sequence[Decision]) -> dict[str, int]:
    """Plants and lines of each outcome."""
    found: dict[str, int] = {}
    for decision in decisions:
        found[decision.outcome.value] = found.get(decision.outcome.value, 0) + 1
    return found
