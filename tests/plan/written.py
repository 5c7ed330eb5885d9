"""The rows written by hand, and what a rulebook makes of a registry in the same form: every cell as text.

``*`` in a written row takes whatever stands there; ``24..72`` takes a number of that range. ``{item}`` in a scope id
stands for the id of the rulebook's item.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from detectors.registry import Exemption, Order, Registry, ScopeMeter
from detectors.rulebook.decisions import Decision
from detectors.rulebook.orders import Wanted, wanted_orders
from detectors.rulebook.parse import parse_rulebook
from detectors.rulebook.resolve import resolve
from detectors.rulebook.schema import Rulebook
from detectors.vocab import Control

#: One row: column -> cell.
Row = Mapping[str, str]

PLAN = Path(__file__).parent
RULEBOOKS = PLAN.parents[1] / "detectors" / "rulebook"
SHANGHAI = ZoneInfo("Asia/Shanghai")
#: SEMANTICS §3.19: hours of grace where an order names none.
GRACE_H = {Control.STOP: 4.0}


class Applied(NamedTuple):
    """What a rulebook decides, and the rows that follow."""

    decisions: tuple[Decision, ...]
    wanted: Wanted


def rulebook(name: str) -> Rulebook:
    """The rulebook of that file."""
    return parse_rulebook((RULEBOOKS / name).read_text(encoding="utf-8"), name)


def apply(book: Rulebook, registry: Registry) -> Applied:
    """The season's decisions and every row that follows from them."""
    decisions = resolve(book, registry)
    return Applied(decisions, wanted_orders(book, registry, decisions))


def written(path: Path) -> list[Row]:
    """The rows of a file, without their comments."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "comment"} for row in csv.DictReader(file)]


def decision_row(decision: Decision, book: Rulebook) -> Row:
    """A decision in the columns of ``expected.csv``."""
    return {
        "plant_id": decision.plant_id,
        "line_id": decision.line_id or "",
        "outcome": decision.outcome,
        "clause": decision.clause or "",
        "kind": decision.kind or "",
        "reduction": shown(decision.reduction),
        "units_allowed": shown(decision.units_allowed),
        "cap_kw": shown(decision.cap_kw),
        "scope_id": plain_scope(decision.scope_id, book),
        "missing": ";".join(sorted(decision.missing)),
        "is_listed": "yes" if decision.is_listed else "no",
    }


def order_row(order: Order, book: Rulebook, plant_of: Mapping[str, str]) -> Row:
    """An order in the columns of ``expected_orders.csv``. plant_of: scope -> plant."""
    grace_h = GRACE_H.get(order.control, 0.0) if order.ramp_down_h is None else order.ramp_down_h
    return {
        "plant_id": plant_of[order.scope_id],
        "scope_id": plain_scope(order.scope_id, book),
        "clause": order.clause or "",
        "control": order.control,
        "from": local(order.valid_from),
        "to": local(order.valid_to),
        "reduction": shown(order.reduction),
        "units_allowed": shown(order.units_allowed),
        "cap_kw": shown(order.cap_kw),
        "residual_kw": shown(order.residual_kw),
        "ramp_down_h": shown(grace_h),
    }


def member_row(member: ScopeMeter, book: Rulebook, clause_of: Mapping[str, str]) -> Row:
    """A member of a scope in the columns of ``expected_scope_meters.csv``. clause_of: scope -> clause of its order."""
    return {
        "scope_id": plain_scope(member.scope_id, book),
        "clause": clause_of[member.scope_id],
        "meter_id": member.meter_id,
        "sign": str(member.sign),
    }


def exemption_row(exemption: Exemption, clause_of: Mapping[str | None, str]) -> Row:
    """A turn in the columns of ``expected_exemptions.csv``. clause_of: order -> clause."""
    return {
        "scope_id": exemption.scope_id,
        "clause": clause_of[exemption.order_id],
        "from": local(exemption.valid_from),
        "to": local(exemption.valid_to),
        "max_kw": shown(exemption.max_kw),
        "reason": exemption.reason,
        "approved_by": exemption.approved_by,
        "document": exemption.document or "",
    }


def plant_of_scopes(registry: Registry, wanted: Wanted) -> dict[str, str]:
    """Plant of each scope: of the registry, of the rulebook, and each plant's own."""
    scopes = (*registry.scopes, *wanted.scopes)
    return {p.plant_id: p.plant_id for p in registry.plants} | {s.scope_id: s.plant_id for s in scopes}


def local(instant: int) -> str:
    """``2017-11-15 00:00`` in Shanghai."""
    return datetime.fromtimestamp(instant, SHANGHAI).strftime("%Y-%m-%d %H:%M")


def shown(value: float | None) -> str:
    """A number with six figures, nothing where there is none."""
    return "" if value is None else f"{value:.6g}"


def plain_scope(scope_id: str | None, book: Rulebook) -> str:
    """``C04-<id of an item>`` -> ``C04-{item}``."""
    for item in book.items:
        if scope_id is not None and scope_id.endswith(f"-{item.item_id}"):
            return scope_id.removesuffix(item.item_id) + "{item}"
    return scope_id or ""


def differences(hand: Iterable[Row], rulebook_rows: Iterable[Row], key: Sequence[str]) -> list[str]:
    """One line for every row that only one side has, and for every cell that differs. key: columns that name a row."""
    left, right = _keyed(hand, key), _keyed(rulebook_rows, key)
    told = [f"{' '.join(name)}: written by hand, not decided: {dict(left[name])}" for name in left.keys() - right]
    told += [f"{' '.join(name)}: decided, not written by hand: {dict(right[name])}" for name in right.keys() - left]
    for name in left.keys() & right.keys():
        for column, cell in left[name].items():
            if not _agrees(cell, right[name][column]):
                told.append(f"{' '.join(name)}: {column} by hand {cell!r}, decided {right[name][column]!r}")
    return sorted(told)


def _keyed(rows: Iterable[Row], key: Sequence[str]) -> dict[tuple[str, ...], Row]:
    keyed: dict[tuple[str, ...], Row] = {}
    for row in rows:
        name = tuple(row[column] for column in key)
        if name in keyed:
            raise ValueError(f"two rows are named {name}: {dict(keyed[name])} and {dict(row)}")
        keyed[name] = row
    return keyed


def _agrees(hand: str, decided: str) -> bool:
    if hand == "*":
        return True
    low, is_range, high = hand.partition("..")
    if is_range:
        return decided != "" and float(low) <= float(decided) <= float(high)
    return hand == decided
