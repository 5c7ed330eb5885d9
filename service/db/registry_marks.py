"""Which seconds of which scopes a changed registry touches, and so which slots are judged again.

Pure. Every kind of row is a history of a value, and what counts is where the histories before and after differ.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from detectors.lines import ScopeLines, lines_by_scope
from detectors.registry import ALWAYS, BEFORE_ORDER_S, FOREVER, Baseline, Order, Registry, with_default_scopes
from detectors.registry_columns import daily_window
from detectors.slots import instant, local_date
from detectors.vocab import Control, Rule
from service.db.registry_diff import TableChanges
from service.db.registry_heard import HeardBy, heard_by_scope
from service.db.registry_spans import Piece, Span, common, differing, merged
from service.db.registry_threshold_marks import (
    CONTROLS,
    NIGHT_BEGINS_S,
    OF_GRACE,
    OF_LINES,
    Difference,
    grace_hours,
    threshold_differences,
)

_DAY_S = 86400

Touched = dict[str, list[Span]]


@dataclass(frozen=True, slots=True)
class Mark:
    """Slots [first_slot, last_slot] of a scope, both included, must be judged again."""

    scope_id: str
    first_slot: int
    last_slot: int


def effective_orders(registry: Registry) -> dict[str, Order]:
    """The order of each order_id that counts: its highest revision (SEMANTICS §3.20)."""
    best: dict[str, Order] = {}
    for order in registry.orders:
        if order.order_id not in best or order.revision > best[order.order_id].revision:
            best[order.order_id] = order
    return best


def touched_spans(
    changes: Mapping[str, TableChanges], before: Registry, after: Registry, now_s: int, slot_s: int = 900
) -> Touched:
    """Seconds of each scope that ``changes`` touch, not yet clipped. before, after: the registry without default
    members; now_s: epoch seconds."""
    work = _Touch(changes, before, after, now_s, slot_s)
    for part in (
        work.members,
        work.meters,
        work.multipliers,
        work.outages,
        work.orders,
        work.baselines,
        work.exemptions,
        work.sources,
        work.calendar,
        work.lines,
        work.heard,
        work.thresholds,
    ):
        part()
    return {scope: merged(spans) for scope, spans in work.spans.items()}


def marks_of(touched: Touched, earliest: Mapping[str, int], now_s: int, slot_s: int) -> list[Mark]:
    """The slots of the spans, clipped to [earliest, now]; a scope without an earliest has nothing to judge.

    A slot that is still running is left to its own tick.
    """
    marks = []
    for scope_id in sorted(touched):
        if scope_id not in earliest:
            continue
        slots = merged(
            (begin // slot_s, -(-end // slot_s))
            for begin, end in common(touched[scope_id], [(earliest[scope_id], max(now_s, 0))])
        )
        for first, end in slots:
            last = min(end, now_s // slot_s) - 1
            if first <= last:
                marks.append(Mark(scope_id, first, last))
    return marks


class _Touch:
    def __init__(
        self, changes: Mapping[str, TableChanges], before: Registry, after: Registry, now_s: int, slot_s: int
    ) -> None:
        self.changes, self.before, self.after, self.now_s, self.slot_s = changes, before, after, now_s, slot_s
        self.spans: Touched = defaultdict(list)
        self.was, self.now = _memberships(before), _memberships(after)
        self.lines_was, self.lines_now = _lines(before), _lines(after)
        self.of_meter: dict[str, Touched] = defaultdict(lambda: defaultdict(list))
        for history in (self.was, self.now):
            for (scope_id, meter_id), pieces in history.items():
                self.of_meter[meter_id][scope_id] += [piece[:2] for piece in pieces]
        self.orders_was, self.orders_now = effective_orders(before), effective_orders(after)
        self.by_units: Touched = defaultdict(list)  # where a scope's lines are counted
        for order in (*self.orders_was.values(), *self.orders_now.values()):
            if order.control is Control.UNITS and order.valid_from < order.valid_to:
                self.by_units[order.scope_id].append((max(ALWAYS, order.valid_from - BEFORE_ORDER_S), order.valid_to))
        self.scopes_of_line: dict[str, set[str]] = defaultdict(set)
        for counted in (self.lines_was, self.lines_now):
            for scope_id, of_scope in counted.items():
                for line_id, _, _ in of_scope.lines:
                    self.scopes_of_line[line_id].add(scope_id)
                for meter_id, begin, end in of_scope.meters:
                    self.of_meter[meter_id][scope_id] += common([(begin, end)], merged(self.by_units[scope_id]))
        self.ordered: Touched = defaultdict(list)
        for order in (*self.orders_was.values(), *self.orders_now.values()):
            self.ordered[order.scope_id].append((order.valid_from, order.valid_to))
        self.graces = grace_hours(before), grace_hours(after)
        self.heard_was, self.heard_now = _heard(before), _heard(after)
        self.compared_with: dict[str, set[str]] = defaultdict(set)  # scopes judged by a plant's usual day too
        for heard in (self.heard_was, self.heard_now):
            for scope_id, told in heard.items():
                for plant_id in told.plants:
                    self.compared_with[plant_id].add(scope_id)
                for meter_id, valid, _ in told.accounts:
                    self.of_meter[meter_id][scope_id] += common([valid], merged(self.ordered[scope_id]))
                for _, meter_id, valid, _, _ in told.pairs:
                    self.of_meter[meter_id][scope_id].append(valid)

    def touch_meter(self, meter_id: str, spans: Iterable[Span]) -> None:
        """Touch every scope of a meter, while the meter is in it."""
        seconds = list(spans)
        for scope_id, member in self.of_meter.get(meter_id, {}).items():
            self.spans[scope_id] += common(seconds, member)

    def members(self) -> None:
        """A scope whose sum has other meters or signs."""
        if not (self.changes["meters"].pairs() or self.changes["scope_meters"].pairs()):
            return
        for key in self.was.keys() | self.now.keys():
            before, after = self.was.get(key, []), self.now.get(key, [])
            if before != after:
                self.spans[key[0]] += differing(before, after)

    def meters(self) -> None:
        """What is believed of a meter: capacity, step of its register, who delivers it."""
        for old, new in self.changes["meters"].changed:
            if (old.contract_kw, old.resolution_kwh, old.source) != (new.contract_kw, new.resolution_kwh, new.source):
                self.touch_meter(new.meter_id, [(ALWAYS, FOREVER)])
        resized = {new.plant_id for old, new in self.changes["plants"].changed if old.contract_kw != new.contract_kw}
        for meter in self.after.meters:
            if meter.plant_id in resized and meter.contract_kw is None:
                self.touch_meter(meter.meter_id, [(ALWAYS, FOREVER)])

    def multipliers(self) -> None:
        for (meter_id,), spans in self._histories("multipliers", ("meter_id",), lambda row: row.factor):
            self.touch_meter(meter_id, spans)

    def outages(self) -> None:
        of_plant: dict[str, list[str]] = defaultdict(list)
        for meter in self.after.meters:
            of_plant[meter.plant_id].append(meter.meter_id)
        for (plant_id, meter_id, _), spans in self._histories(
            "outages", ("plant_id", "meter_id", "valid_from"), lambda row: True
        ):
            for touched in of_plant[plant_id] if meter_id is None else [meter_id]:
                self.touch_meter(touched, spans)

    def exemptions(self) -> None:
        keys = ("scope_id", "order_id", "valid_from")
        for (scope_id, _, _), spans in self._histories("exemptions", keys, lambda row: (True, row.max_kw)):
            self.spans[scope_id] += self._by_start(spans)

    def baselines(self) -> None:
        """Levels count where something is ordered; a highest load, and what readings are believed by, anywhere."""
        changed = self.changes["baselines"].pairs()
        unbound = {new.scope_id for pair in changed for new in pair if new is not None and _counts_unordered(new)}
        for (scope_id, _), spans in self._histories("baselines", ("scope_id", "day_type"), lambda row: row.version):
            self.spans[scope_id] += spans if scope_id in unbound else common(spans, self.ordered[scope_id])
            for other in self.compared_with[scope_id]:
                self.spans[other] += common(spans, merged(self.ordered[other]))
            for counting in self.scopes_of_line.get(scope_id, ()):  # it tells the load of a line
                self.spans[counting] += common(spans, merged(self.by_units[counting]))

    def orders(self) -> None:
        """The windows of an order, six hours before its start, the grace of orders that follow it without a gap."""
        by_scope = self._orders_by_scope()
        for order_id in {new.order_id for _, new in self.changes["orders"].pairs()}:
            old, new = self.orders_was.get(order_id), self.orders_now[order_id]
            if old == new:
                continue
            for order in (new,) if old is None else (old, new):
                self._touch_order(order, by_scope[order.scope_id])

    def lines(self) -> None:
        """Orders by units whose lines, their loads or the meters that tell of them differ."""
        by_scope = self._orders_by_scope()
        for scope_id in self.lines_was.keys() | self.lines_now.keys():
            if self.lines_was.get(scope_id) != self.lines_now.get(scope_id):
                for order in by_scope[scope_id]:
                    if order.control is Control.UNITS:
                        self._touch_order(order, by_scope[scope_id])

    def heard(self) -> None:
        """Scopes that hear other meters than before: orders of a shift, all the time of treatment."""
        by_scope = self._orders_by_scope()
        for scope_id in self.heard_was.keys() | self.heard_now.keys():
            was, now = (heard.get(scope_id, HeardBy()) for heard in (self.heard_was, self.heard_now))
            if was.pairs != now.pairs:
                self.spans[scope_id].append((ALWAYS, FOREVER))
            if (was.accounts, was.plants) != (now.accounts, now.plants):
                for order in by_scope[scope_id]:
                    self._touch_order(order, by_scope[scope_id])

    def thresholds(self) -> None:
        """Slots of the days on which a rule asks another value, of the orders that it looks at."""
        by_scope: dict[str, list[Order]] = {}
        for found in threshold_differences(self.changes, self.before, self.after):
            by_scope = by_scope or self._orders_by_scope()
            if found.scope_id is None:
                self._of_meters(found)
            else:
                self._of_scope(found.scope_id, found, by_scope[found.scope_id])

    def _of_meters(self, found: Difference) -> None:
        """Values above a multiple of the contract capacity; sources whose silence accuses nobody."""
        sized = {plant.plant_id for plant in self.after.plants if plant.contract_kw is not None}
        for meter in self.after.meters:
            is_sized = meter.contract_kw is not None or meter.plant_id in sized
            if is_sized or found.kind[0] == Rule.FEED_DOWN:
                self.touch_meter(meter.meter_id, found.spans)

    def _of_scope(self, scope_id: str, found: Difference, orders: Iterable[Order]) -> None:
        rule, spans = found.kind[0], found.spans
        if scope_id in self.unordered.get(rule, ()):
            self.spans[scope_id] += spans
            return
        if rule == Rule.NIGHT_RUN:
            spans = [(max(ALWAYS, begin - NIGHT_BEGINS_S), end) for begin, end in spans]
        for order in orders:
            if order.control in CONTROLS.get(rule, ()) and order.valid_from < order.valid_to:
                windows = _windows(order, self.after.zone, self.now_s)
                if rule == Rule.OFFLINE:
                    windows.append((max(ALWAYS, order.valid_from - BEFORE_ORDER_S), order.valid_from))
                self.spans[scope_id] += common(spans, windows)
            begins = any(begin <= order.valid_from < end for begin, end in spans)
            if found.kind in OF_GRACE and begins:
                self.spans[scope_id] += self._by_start([self._grace(order)])
        if found.kind in OF_LINES:  # the scope of a line
            for counting in self.scopes_of_line.get(scope_id, ()):
                self.spans[counting] += common(spans, merged(self.by_units[counting]))

    @cached_property
    def unordered(self) -> Mapping[str, set[str]]:
        """Scopes of which a rule looks at slots without an order too."""
        baselines = [b for registry in (self.before, self.after) for b in registry.baselines]
        grown = {b.scope_id for b in baselines if b.max_kw is not None}
        treated = {s for heard in (self.heard_was, self.heard_now) for s, told in heard.items() if told.pairs}
        return {
            Rule.OVER_CAPACITY: grown,
            "closing": grown,
            Rule.TREATMENT_OFF: treated,
            Rule.BAD_DATA: {b.scope_id for b in baselines},
        }

    def _grace(self, order: Order) -> Span:
        """The longest grace of an order, before and after."""
        return order.valid_from, order.valid_from + int(max(of(order) for of in self.graces) * 3600)

    def _orders_by_scope(self) -> dict[str, list[Order]]:
        by_scope: dict[str, list[Order]] = defaultdict(list)
        for order in self.orders_now.values():
            by_scope[order.scope_id].append(order)
        return by_scope

    def _touch_order(self, order: Order, of_scope: Iterable[Order]) -> None:
        if order.valid_from >= order.valid_to:  # withdrawn: never in force
            return
        before = (max(ALWAYS, order.valid_from - BEFORE_ORDER_S), order.valid_from)
        graces = [
            self._grace(other)
            for other in of_scope
            if other.order_id != order.order_id and order.valid_from <= other.valid_from <= order.valid_to
        ]
        self.spans[order.scope_id] += self._by_start([before, *graces])
        self.spans[order.scope_id] += _windows(order, self.after.zone, self.now_s)

    def _by_start(self, spans: Iterable[Span]) -> list[Span]:
        """Spans that hold of the slots which begin in them: not of the one that they begin in."""
        return [(-(-begin // self.slot_s) * self.slot_s, end) for begin, end in spans]

    def sources(self) -> None:
        """A source that is awaited longer or less long: what is missing now, not what was judged long ago."""
        changed = {
            new.source: max(_DAY_S, old.delay_min * 60, new.delay_min * 60)
            for old, new in self.changes["sources"].changed
            if (old.delay_min, old.cadence) != (new.delay_min, new.cadence)
        }
        for meter in self.after.meters:
            if meter.source in changed:
                self.touch_meter(meter.meter_id, [(self.now_s - changed[meter.source], self.now_s)])

    def calendar(self) -> None:
        days = [new.day for old, new in self.changes["calendar"].pairs() if old is None or old.kind != new.kind]
        zone = ZoneInfo(self.after.zone)
        spans = []
        for day in days:
            midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
            spans.append((int(midnight.timestamp()), int((midnight + timedelta(days=1)).timestamp())))
        for scope_id in {b.scope_id for b in self.after.baselines if b.day_type != "all"} if spans else ():
            self.spans[scope_id] += spans
            for other in self.compared_with[scope_id]:
                self.spans[other] += common(spans, merged(self.ordered[other]))
            for counting in self.scopes_of_line.get(scope_id, ()):
                self.spans[counting] += common(spans, merged(self.by_units[counting]))

    def _histories(
        self, table: str, group: tuple[str, ...], value_of: Callable[[Any], Any]
    ) -> Iterable[tuple[tuple[Any, ...], list[Span]]]:
        """(group, seconds at which its value differs) of every group that a change of the table falls into."""
        touched = {tuple(getattr(new, name) for name in group) for _, new in self.changes[table].pairs()}
        was: dict[tuple[Any, ...], list[Piece]] = defaultdict(list)
        now: dict[tuple[Any, ...], list[Piece]] = defaultdict(list)
        for registry, history in ((self.before, was), (self.after, now)):
            for row in getattr(registry, table):
                key = tuple(getattr(row, name) for name in group)
                if key in touched:
                    history[key].append((row.valid_from, row.valid_to, value_of(row)))
        return [(key, differing(was[key], now[key])) for key in touched]


def _counts_unordered(row: Baseline) -> bool:
    """Whether a baseline tells something of slots without an order: a capacity that is passed, a reading that is not
    believed."""
    return any(value is not None for value in (row.max_kw, row.floor_kw, row.equal_h, row.idle_equal_h))


def _memberships(registry: Registry) -> dict[tuple[str, str], list[Piece]]:
    """(from, to, sign) of each meter in each scope, while the meter itself is valid; default members included."""
    meters = {meter.meter_id: meter for meter in registry.meters}
    result: dict[tuple[str, str], list[Piece]] = defaultdict(list)
    for member in with_default_scopes(registry).scope_meters:
        meter = meters[member.meter_id]
        begin, end = max(member.valid_from, meter.valid_from), min(member.valid_to, meter.valid_to)
        if begin < end:
            result[member.scope_id, member.meter_id].append((begin, end, member.sign))
    return result


def _lines(registry: Registry) -> dict[str, ScopeLines]:
    """What orders by units are judged by."""
    orders = [o for o in effective_orders(registry).values() if o.valid_from < o.valid_to]
    return lines_by_scope(with_default_scopes(registry), orders)


def _heard(registry: Registry) -> dict[str, HeardBy]:
    """What scopes hear of meters outside their sum."""
    orders = [o for o in effective_orders(registry).values() if o.valid_from < o.valid_to]
    return heard_by_scope(with_default_scopes(registry), orders)


def _windows(order: Order, zone: str, now_s: int) -> list[Span]:
    """When an order is in force: its daily windows up to now, or all its time. Line meters are heard all the time."""
    if (order.daily_from_s is None and order.daily_to_s is None) or order.control is Control.UNITS:
        return [(order.valid_from, order.valid_to)]
    opens_s, closes_s = daily_window(order)
    closes_s += _DAY_S if closes_s <= opens_s else 0
    last = min(order.valid_to, max(now_s, order.valid_from) + _DAY_S)
    day, spans = local_date(zone, order.valid_from) - timedelta(days=1), []
    while (opens := _instant(zone, day, opens_s)) < last:
        spans.append((max(opens, order.valid_from), min(_instant(zone, day, closes_s), order.valid_to)))
        day += timedelta(days=1)
    return merged(spans)


@lru_cache(maxsize=4096)
def _instant(zone: str, day: date, second_of_day: int) -> int:
    return instant(zone, day, second_of_day)
