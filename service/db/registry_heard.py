"""Meters outside a scope's sum that tell of it (``detectors.heard``), as a changed registry is compared by."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from detectors.enterprises import enterprises
from detectors.registry import Order, Registry
from detectors.treatment import treatment_pairs
from service.db.registry_spans import Span


@dataclass(slots=True)
class HeardBy:
    """What one scope hears: meters with the time they are valid; to be compared."""

    accounts: list[tuple[str, Span, int]] = field(default_factory=list)  # meter, validity, sign
    plants: tuple[str, ...] = ()  # default scopes of the enterprise
    pairs: list[tuple[int, str, Span, bool, float]] = field(default_factory=list)  # place, meter, …, treatment, rated


def heard_by_scope(registry: Registry, orders: Sequence[Order]) -> dict[str, HeardBy]:
    """Of each scope that hears any. registry: with default scopes; orders: those that stand."""
    scope_row = {s.scope_id: i for i, s in enumerate(registry.scopes)}
    meter_row = {m.meter_id: i for i, m in enumerate(registry.meters)}
    scope_ids, meters = [s.scope_id for s in registry.scopes], registry.meters
    found: dict[str, HeardBy] = defaultdict(HeardBy)
    of = enterprises(registry, orders, scope_row, meter_row)
    accounts: dict[int, list[tuple[str, Span, int]]] = defaultdict(list)
    for i, number in enumerate(of.meter_of.tolist()):
        valid = int(of.meter_from[i]), int(of.meter_to[i])
        accounts[number].append((meters[int(of.meter[i])].meter_id, valid, int(of.sign[i])))
    for row, number in enumerate(of.of_scope.tolist()):
        if number >= 0:
            found[scope_ids[row]].accounts = sorted(accounts[number])
            found[scope_ids[row]].plants = tuple(scope_ids[p] for p in of.plants[number])
    pairs = treatment_pairs(registry, scope_row, meter_row)
    for i, pair in enumerate(pairs.of_pair.tolist()):
        meter, valid = meters[int(pairs.meter[i])], (int(pairs.meter_from[i]), int(pairs.meter_to[i]))
        told = (int(pairs.place[pair]), meter.meter_id, valid, bool(pairs.is_treatment[i]), float(pairs.rated_kw[i]))
        found[scope_ids[int(pairs.scope[pair])]].pairs.append(told)
    return dict(found)
