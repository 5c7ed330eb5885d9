"""Which slots of a day have values that are not believed, and the `bad_data` alert that names them (SEMANTICS §2.6,
§2.12, DOMAIN §5)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert, Carry
from detectors.loads import Fact
from detectors.rules import runs
from detectors.vocab import Reason, Rule

if TYPE_CHECKING:
    from detectors.judge import Pass

Bool = npt.NDArray[np.bool_]

_FACTS = {"over_capacity": Fact.OVER_CAPACITY, "evidence_lost": Fact.EVIDENCE_LOST}
_REASONS = {
    "level": Reason.SUSPECT_LEVEL,
    "stuck": Reason.SUSPECT_STUCK,
    "spike": Reason.SUSPECT_SPIKE,
    "dropout": Reason.SUSPECT_DROPOUT,
}
#: What the alert's ``faults`` names, in this order. clock_hour: filled in for the hour that summer time leaves out.
FAULTS = (*_FACTS, *_REASONS, "clock_hour")


def bad_data(work: "Pass", carries: Sequence[Carry]) -> Iterator[tuple[int, list[Alert]]]:
    """(scope of the pass, alerts) of scopes with values above 1.5 x contract capacity, with evidence turned into none,
    or with loads that no plant can have made.

    facts of an alert: ``faults``, the names of all that were found while it was open; ``level_factor`` and
    ``level_since_slot`` of the last fault of level among them.
    """
    grid = work.grid
    bits = np.uint16(Fact.OVER_CAPACITY | Fact.EVIDENCE_LOST)
    flagged = np.asarray((work.evidence.facts & bits) > 0, np.bool_)
    if work.suspects is not None:
        flagged |= work.suspects.bits != 0
    flagged &= work.past
    touched = np.asarray(flagged[:, grid.day].any(axis=1), np.bool_)
    has_open = np.array([bool(c.open) for c in carries], np.bool_)
    for s in np.flatnonzero(touched | has_open).tolist():
        carried = carries[s].opened(Rule.BAD_DATA, None)
        if not (carried or touched[s]):
            continue
        blank = Alert(work.world.scope_ids[work.scopes[s]], Rule.BAD_DATA, None, 1, 0, 0, 0)
        track = runs.RunTrack(
            grid.first_slot,
            grid.margin,
            grid.margin + work.n_judged,
            flagged[s].tolist(),
            (work.evidence.covered[s] & ~flagged[s]).tolist(),
            [False] * grid.n,
            work.coverage[s].tolist(),
        )
        found = runs.walk(track, blank, carried, slot_s=grid.slot_s)
        for alert in found:
            alert.facts = {**alert.facts, **_facts(work, s, alert)}
        yield s, found


def _facts(work: "Pass", s: int, alert: Alert) -> dict[str, Any]:
    """What the day adds to an alert's facts."""
    grid = work.grid
    span = slice(
        max(grid.margin, alert.first_slot - grid.first_slot),
        max(grid.margin, alert.last_slot + 1 - grid.first_slot),
    )
    facts = work.evidence.facts[s, span]
    names = {name for name, fact in _FACTS.items() if (facts & np.uint16(fact)).any()}
    names.update(alert.facts.get("faults", ()))
    found: dict[str, Any] = {}
    if work.suspects is not None:
        bits, hour = work.suspects.bits[s, span], work.suspects.clock_hour[s, span]
        without_hour = np.where(hour, bits & ~np.uint32(Reason.SUSPECT_STUCK), bits)
        names |= {name for name, reason in _REASONS.items() if (without_hour & np.uint32(reason)).any()}
        names |= {"clock_hour"} if hour.any() else set()
        for level in work.suspects.levels.get(s, ()):
            if alert.first_slot <= level.since <= alert.last_slot or level.since < grid.today.first_slot:
                found = {"level_factor": round(level.factor, 4), "level_since_slot": level.since}
    return {"faults": [name for name in FAULTS if name in names], **found}
