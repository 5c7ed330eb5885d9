"""What rows of lists, plans of plants, approvals, warning levels and turns must be to the rows they name.

Pure: nothing here asks the database.
"""

from collections.abc import Callable, Mapping
from typing import Any

from detectors.registry import FOREVER, Registry

#: Says what is wrong at a row: table, index of the row, column, value, reason in English, in Chinese.
Tell = Callable[[str, int, str | None, object, str, str], None]
Merged = Mapping[str, Mapping[tuple[Any, ...], Any]]

#: A warning level that is meant to hold longer than this was probably left open.
LONG_EPISODE_S = 30 * 86400


def check_lists(
    new: Registry, merged: Merged, lines: set[str], plant_of_scope: Mapping[str, str], refuse: Tell, warn: Tell
) -> None:
    """merged: rows by key of every table, new ones over stored ones. lines: every line that is named, refused ones
    included. Overlaps and plain references are checked with those of the other tables."""
    _stopped_lines(new, merged, lines, refuse)
    _approvals(new, merged, plant_of_scope, warn)
    _episodes(new, merged, warn)
    _rotations(new, merged, plant_of_scope, warn)


def _stopped_lines(new: Registry, merged: Merged, lines: set[str], refuse: Tell) -> None:
    for index, plan in enumerate(new.plant_plans):
        for line_id in plan.lines_stopped:
            line = merged["lines"].get((line_id,))
            if line_id not in lines:
                refuse("plant_plans", index, "lines_stopped", line_id, "is not known", "不存在")
            elif line is not None and line.plant_id != plan.plant_id:
                en, zh = f"is a line of plant {line.plant_id}", f"该生产线属于企业{line.plant_id}"
                refuse("plant_plans", index, "lines_stopped", line_id, en, zh)


def _approvals(new: Registry, merged: Merged, plant_of_scope: Mapping[str, str], warn: Tell) -> None:
    for index, approval in enumerate(new.approvals):
        plant = merged["plants"].get((plant_of_scope.get(approval.scope_id),))
        contract_kw = None if plant is None else plant.contract_kw
        if contract_kw is not None and approval.max_kw > contract_kw:
            en, zh = f"is above the contract capacity of {contract_kw:g} kW", f"高于合同容量{contract_kw:g}kW"
            warn("approvals", index, "max_kw", approval.max_kw, en, zh)
        if approval.filed_with is None:
            en, zh = "says not where the approval was filed", "未填备案机关"
            warn("approvals", index, "filed_with", None, en, zh)


def _episodes(new: Registry, merged: Merged, warn: Tell) -> None:
    counties = {plant.county for plant in merged["plants"].values()}
    for index, episode in enumerate(new.episodes):
        if episode.county is not None and episode.county not in counties:
            warn("episodes", index, "county", episode.county, "no plant is in this county", "该县区没有企业")
        if episode.valid_to < FOREVER and episode.valid_to - episode.valid_from > LONG_EPISODE_S:
            warn("episodes", index, "to", None, "holds longer than 30 days", "预警持续超过30天")


def _rotations(new: Registry, merged: Merged, plant_of_scope: Mapping[str, str], warn: Tell) -> None:
    """A turn that names a group of one has nobody to take turns with."""
    members: dict[tuple[str, str], set[str]] = {}
    for turn in merged["rotations"].values():
        members.setdefault((turn.document, turn.group), set()).add(plant_of_scope.get(turn.scope_id, turn.scope_id))
    for index, turn in enumerate(new.rotations):
        if len(members[turn.document, turn.group]) == 1:
            en, zh = "no other plant is in this group", "该轮产组仅有一家企业"
            warn("rotations", index, "group", turn.group, en, zh)
