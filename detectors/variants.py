"""A registry with one setting changed, to be judged beside it: a threshold, a baseline version, an order revision."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from detectors.errors import InputError
from detectors.registry import ALWAYS, FOREVER, Baseline, Registry, Threshold, with_default_scopes
from detectors.thresholds import kind_of

#: Origin of a value that is only tried out.
PROPOSED = "proposed"


def with_threshold(registry: Registry, scope_id: str | None, rule: str, name: str, value: float) -> Registry:
    """A value in place of the default and of rows for the same scope, at all times; None: for every scope that has no
    row of its own. Raises InputError for an unknown scope or threshold, or a value out of its bounds."""
    kind = kind_of(rule, name)
    if kind is None:
        raise InputError(f"no threshold {rule}.{name}")
    if not kind.low <= value <= kind.high:
        raise InputError(f"{rule}.{name} = {value:g}: from {kind.low:g} to {kind.high:g} {kind.unit}")
    if scope_id is not None:
        _refuse_unknown_scope(registry, scope_id)
        if not kind.per_scope:
            raise InputError(f"{rule}.{name} is set for all, not for a scope: write * in place of {scope_id}")
    kept = tuple(t for t in registry.thresholds if (t.rule, t.name, t.scope_id) != (rule, name, scope_id))
    return replace(registry, thresholds=(*kept, Threshold(rule, name, value, PROPOSED, scope_id)))


def with_baseline_version(registry: Registry, scope_id: str | None, version: str) -> Registry:
    """One version of a scope's baselines in place of all others, at all times; None: of every scope that has it.
    Raises InputError where there is no such version."""
    if scope_id is not None:
        _refuse_unknown_scope(registry, scope_id)
    wanted = [b for b in registry.baselines if b.version == version and scope_id in (None, b.scope_id)]
    if not wanted:
        raise InputError(f"no baseline of version {version}" + ("" if scope_id is None else f" for {scope_id}"))
    scopes = {b.scope_id for b in wanted}
    rows: dict[tuple[str, str], int] = {}
    for baseline in wanted:
        key = baseline.scope_id, baseline.day_type
        rows[key] = rows.get(key, 0) + 1
        if rows[key] > 1:
            raise InputError(f"version {version} of {baseline.scope_id} has several spans: it cannot stand for all")
    kept = tuple(b for b in registry.baselines if b.scope_id not in scopes)
    everywhere = tuple(replace(b, valid_from=ALWAYS, valid_to=FOREVER) for b in wanted)
    return replace(registry, baselines=kept + everywhere)


def with_order_revision(registry: Registry, order_id: str, revision: int) -> Registry:
    """An order as a revision says it, later ones left out. Raises InputError where there is no such revision."""
    if not any(o.order_id == order_id and o.revision == revision for o in registry.orders):
        raise InputError(f"no revision {revision} of the order {order_id}")
    kept = tuple(o for o in registry.orders if o.order_id != order_id or o.revision <= revision)
    return replace(registry, orders=kept)


def with_baselines(registry: Registry, rows: Sequence[Baseline]) -> Registry:
    """These baselines in place of all others of their scopes, at all times. Raises InputError for an unknown scope, a
    running load that is not above 0, or two rows of one scope and day type."""
    seen: set[tuple[str, str]] = set()
    for row in rows:
        _refuse_unknown_scope(registry, row.scope_id)
        if (row.scope_id, row.day_type) in seen:
            raise InputError(f"two baselines of {row.scope_id} for the day type {row.day_type}")
        if not row.running_kw > 0:
            raise InputError(f"baseline of {row.scope_id}: running_kw must be above 0")
        seen.add((row.scope_id, row.day_type))
    scopes = {row.scope_id for row in rows}
    kept = tuple(b for b in registry.baselines if b.scope_id not in scopes)
    return replace(registry, baselines=kept + tuple(replace(b, valid_from=ALWAYS, valid_to=FOREVER) for b in rows))


def with_order_changed(registry: Registry, order_id: str, changes: Mapping[str, Any]) -> Registry:
    """A further revision of an order that differs in these fields of ``Order``. Raises InputError for an unknown order
    or an end before its beginning."""
    revisions = [o for o in registry.orders if o.order_id == order_id]
    if not revisions:
        raise InputError(f"no order {order_id}")
    last = max(revisions, key=lambda o: o.revision)
    changed = replace(last, **{**changes, "revision": last.revision + 1})
    if changed.valid_to < changed.valid_from:
        raise InputError(f"order {order_id}: it would end before it begins")
    return replace(registry, orders=(*registry.orders, changed))


def _refuse_unknown_scope(registry: Registry, scope_id: str) -> None:
    if not any(s.scope_id == scope_id for s in with_default_scopes(registry).scopes):
        raise InputError(f"no scope {scope_id}")
