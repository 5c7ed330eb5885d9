"""The rows of a registry that a rulebook looks at, grouped by plant, line and scope; nothing is decided here."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from detectors.registry import (
    Approval,
    Line,
    Listing,
    Meter,
    Plant,
    PlantPlan,
    Registry,
    Scope,
    ScopeMeter,
    with_default_scopes,
)

T = TypeVar("T")

_BRACKETS = str.maketrans(dict.fromkeys("〔[（【［", "(") | dict.fromkeys("〕]）】］", ")"))


def document_key(text: str) -> str:
    """A document number without spaces and kinds of brackets, in which offices write the same number differently.

    >>> document_key("郑政文 [2017] 210号") == document_key("郑政文〔2017〕210号")
    True
    """
    return "".join(text.split()).translate(_BRACKETS)


@dataclass(frozen=True, slots=True)
class Office:
    """Rows by what they belong to. Lists of this document only; None: there is no list of it."""

    plants: tuple[Plant, ...]  # by id
    lines: dict[str, list[Line]]  # of a plant, by id
    line_meters: dict[str, list[Meter]]  # of a line
    scopes: dict[str, Scope]  # the office's own
    members: dict[str, list[ScopeMeter]]  # of the office's own scopes, and of each plant as a whole
    pushes: dict[str, str]  # plant -> its scope of the pushing machine
    listings: dict[str, list[Listing]] | None  # of a plant
    plans: dict[str, list[PlantPlan]]  # of a plant, all documents
    approvals: dict[str, list[Approval]]  # of a scope, by time

    @staticmethod
    def of(registry: Registry, document: str) -> "Office":
        """The rows of a registry, with the list of one document."""
        listings = [row for row in registry.listings if document_key(row.document) == document_key(document)]
        pushes = {s.plant_id: s.scope_id for s in sorted(registry.scopes, key=_scope_id) if s.kind == "pushes"}
        return Office(
            plants=tuple(sorted(registry.plants, key=lambda p: p.plant_id)),
            lines=_grouped((line.plant_id, line) for line in sorted(registry.lines, key=lambda line: line.line_id)),
            line_meters=_grouped((m.line_id, m) for m in sorted(registry.meters, key=_meter_id) if m.line_id),
            scopes={s.scope_id: s for s in registry.scopes},
            members=_grouped((m.scope_id, m) for m in with_default_scopes(registry).scope_meters),
            pushes=pushes,
            listings=_grouped((row.plant_id, row) for row in listings) if listings else None,
            plans=_grouped((row.plant_id, row) for row in registry.plant_plans),
            approvals=_grouped((row.scope_id, row) for row in sorted(registry.approvals, key=_since)),
        )

    def is_listed(self, plant_id: str, line_id: str | None) -> bool:
        """Whether the list names a plant (one of its lines is enough), or a line (by itself or with its plant)."""
        if self.listings is None:
            return True
        rows = self.listings.get(plant_id, [])
        return any(line_id is None or row.line_id in (None, line_id) for row in rows)


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = defaultdict(list)
    for key, row in pairs:
        groups[key].append(row)
    return dict(groups)


def _scope_id(scope: Scope) -> str:
    return scope.scope_id


def _meter_id(meter: Meter) -> str:
    return meter.meter_id


def _since(approval: Approval) -> tuple[int, int, float]:
    return approval.valid_from, approval.valid_to, approval.max_kw
