"""Who could take over what an ordered scope no longer makes: all accounts of its enterprise (转移生产).

An enterprise is all plants with one 统一社会信用代码; a plant without one stands alone. Its energy is summed as in the
default scope of a plant (SEMANTICS §2.9). Only scopes that an order can judge, with an account of the enterprise that
is no member and a day_kwh of everybody, are looked at (DOMAIN §5 `shift`): for all others nothing is heard.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.registry import Meter, Order, Registry, Scope
from detectors.vocab import Control, Role

I64 = npt.NDArray[np.int64]

#: Orders under which a shift is looked for; coking time says nothing of a whole plant's load.
CONTROLS = (Control.STOP, Control.LIMIT, Control.CAP, Control.UNITS)
#: What is counted of an enterprise, and how.
ACCOUNT_SIGNS = {Role.SUPPLY: 1, Role.GENERATION: 1, Role.REVERSE: -1}


@dataclass(frozen=True, slots=True)
class Enterprises:
    """E enterprises with a scope to look at; H rows of their accounts, sorted by enterprise; S scopes."""

    of_scope: I64  # [S] enterprise; -1 = no shift is looked for
    meter_of: I64  # [H]
    meter: I64  # [H] row of the registry's meters
    sign: I64  # [H]
    meter_from: I64  # [H]
    meter_to: I64  # [H]
    plants: tuple[tuple[int, ...], ...]  # [E] rows of the default scopes of its plants that have an account


def enterprises(
    registry: Registry, orders: Sequence[Order], scope_row: Mapping[str, int], meter_row: Mapping[str, int]
) -> Enterprises:
    """Compile the enterprises. registry: with default scopes; orders: those that stand."""
    with_day = {b.scope_id for b in registry.baselines if b.day_kwh is not None}
    asked = _asked(orders) & with_day
    of_scope = np.full(len(registry.scopes), -1, np.int64)
    rows: list[tuple[int, int, int, int, int]] = []
    plants: list[tuple[int, ...]] = []
    number: dict[str, int] = {}
    for scope, key, counted in _with_others(registry, asked):
        of_plants = _plants(counted)
        if not with_day.issuperset(of_plants):
            continue
        if key not in number:
            number[key] = len(plants)
            plants.append(tuple(scope_row[p] for p in of_plants))
            rows += [
                (number[key], meter_row[m.meter_id], ACCOUNT_SIGNS[m.role], m.valid_from, m.valid_to) for m in counted
            ]
        of_scope[scope_row[scope.scope_id]] = number[key]
    table = np.array(sorted(rows), np.int64).reshape(-1, 5)
    return Enterprises(
        of_scope=of_scope,
        meter_of=table[:, 0].copy(),
        meter=table[:, 1].copy(),
        sign=table[:, 2].copy(),
        meter_from=table[:, 3].copy(),
        meter_to=table[:, 4].copy(),
        plants=tuple(plants),
    )


def compared_plants(registry: Registry, orders: Sequence[Order]) -> set[str]:
    """Plants whose default scopes must have a baseline, that a shift can be looked for under these orders: those with
    an account of an ordered scope's enterprise, where an account is no member of it. registry: with default scopes."""
    found = _with_others(registry, _asked(orders))
    return {plant_id for _, _, counted in found for plant_id in _plants(counted)}


def _asked(orders: Sequence[Order]) -> set[str]:
    return {o.scope_id for o in orders if o.control in CONTROLS}


def _plants(accounts: Sequence[Meter]) -> list[str]:
    return sorted({m.plant_id for m in accounts})


def _with_others(registry: Registry, asked: set[str]) -> Iterator[tuple[Scope, str, list[Meter]]]:
    """Of the scopes asked for those of whose enterprise an account is no member: scope, enterprise, its accounts."""
    key_of = {p.plant_id: p.uscc or f"plant {p.plant_id}" for p in registry.plants} if asked else {}
    scopes = [s for s in registry.scopes if s.scope_id in asked and s.plant_id in key_of]
    accounts = _accounts(registry, {key_of[s.plant_id] for s in scopes}, key_of)
    inside: dict[str, set[str]] = defaultdict(set)
    for member in registry.scope_meters if scopes else ():
        if member.scope_id in asked:
            inside[member.scope_id].add(member.meter_id)
    for scope in scopes:
        key = key_of[scope.plant_id]
        counted = accounts.get(key, [])
        if any(m.meter_id not in inside[scope.scope_id] for m in counted):
            yield scope, key, counted


def _accounts(registry: Registry, wanted: set[str], key_of: Mapping[str, str]) -> dict[str, list[Meter]]:
    """The accounts of each enterprise."""
    found: dict[str, list[Meter]] = defaultdict(list)
    for meter in registry.meters if wanted else ():
        key = key_of.get(meter.plant_id)
        if meter.role in ACCOUNT_SIGNS and key in wanted:
            found[key].append(meter)
    return found
