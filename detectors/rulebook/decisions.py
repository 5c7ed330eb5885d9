"""What a rulebook decides for a plant or one of its lines."""

from dataclasses import dataclass
from enum import StrEnum

from detectors.vocab import Control, Measure


class Outcome(StrEnum):
    """Decision on a plant or line."""

    ORDERED = "ordered"
    EXEMPT = "exempt"  # named by an item, and taken out by its brackets
    NOT_COVERED = "not_covered"
    CANNOT_DECIDE = "cannot_decide"  # an attribute is missing, or nothing measures what is ordered


class ControlKind(StrEnum):
    """The seven kinds of control (DOMAIN §2)."""

    STOP = "stop"  # whole plant
    STOP_PROCESS = "stop_process"
    LIMIT = "limit"  # share of capacity
    CELLS = "cells"
    LINES = "lines"
    COKING = "coking"
    CAP = "cap"  # approved maximum load


@dataclass(frozen=True, slots=True)
class Decision:
    """One plant (``line_id`` None) or line under one rulebook, and what follows where it is ordered.

    scope_id: what the order applies to, ``PLANT_ID``, ``LINE_ID`` or ``PLANT_ID-ITEM_ID`` (a process). Loads in kW,
    ``reduction`` is the share that is cut, 0..1. missing: attributes, or ``meters``, that would decide. is_listed: the
    office's list names the plant, or there is no list of this document.

    An ordered plant without ``scope_id`` is ordered line by line: its lines have decisions of their own. ``also``:
    further items order other scopes of the same plant or line. ``otherwise``: what is ordered outside the time of the
    approval that made this decision a cap.
    """

    plant_id: str
    line_id: str | None
    outcome: Outcome
    why_zh: str
    why_en: str
    item_id: str | None = None
    clause: str | None = None
    missing: tuple[str, ...] = ()
    is_listed: bool = True
    kind: ControlKind | None = None
    scope_id: str | None = None
    control: Control | None = None
    measure: Measure | None = None
    reduction: float | None = None
    units_allowed: int | None = None
    cap_kw: float | None = None
    residual_kw: float | None = None
    ramp_down_h: float | None = None
    units_total: int | None = None
    also: tuple["Decision", ...] = ()
    otherwise: "Decision | None" = None
