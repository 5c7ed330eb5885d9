"""Where things stand in a picture of evidence: slots to x, values to y, lines that break where nothing is known."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.pictures.markup import number
from service.pictures.scales import ValueAxis

WIDTH, LEFT, RIGHT = 960.0, 74.0, 18.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One panel: ``n_slots`` over the width, an axis between ``top`` and ``bottom`` (y grows downward)."""

    n_slots: int
    axis: ValueAxis
    top: float
    bottom: float

    def x(self, edge: float) -> float:
        """The edge before a slot."""
        return LEFT + (WIDTH - LEFT - RIGHT) * edge / max(1, self.n_slots)

    def y(self, value: float) -> float:
        """A value of the axis."""
        share = (value - self.axis.low) / (self.axis.high - self.axis.low)
        return self.bottom - (self.bottom - self.top) * share

    def steps(self, values: Sequence[float | None], begin: int = 0) -> str:
        """Path of a step line: each slot at its value over its whole width; nothing where there is none."""
        path, before = [], None
        for index, value in enumerate(values, begin):
            if value is not None:
                at = number(self.y(value))
                path.append(f"M{number(self.x(index))} {at}" if before is None else f"V{at}")
                path.append(f"H{number(self.x(index + 1))}")
            before = value
        return "".join(_without_repeats(path))


def _without_repeats(path: list[str]) -> list[str]:
    """A path without vertical moves to where it is, and with level stretches as one."""
    kept: list[str] = []
    level = ""
    for move in path:
        if move[0] == "H" and kept and kept[-1][0] == "H":
            kept[-1] = move
        elif move[0] != "V" or move[1:] != level:
            kept.append(move)
        if move[0] in "MV":
            level = move[1:].split(" ")[-1]
    return kept


def runs(values: Sequence[str | None]) -> list[tuple[int, int, str]]:
    """Half-open runs of equal values other than None."""
    found: list[tuple[int, int, str]] = []
    for index, value in enumerate(values):
        if value is None:
            continue
        if found and found[-1][1] == index and found[-1][2] == value:
            found[-1] = (found[-1][0], index + 1, value)
        else:
            found.append((index, index + 1, value))
    return found


def rows_for(widths: Sequence[tuple[float, float]], gap: float = 6.0) -> list[int]:
    """The row of each box (left, width), so that none overlaps another of its row; boxes come from left to right."""
    ends: list[float] = []
    rows = []
    for left, width in widths:
        row = next((r for r, end in enumerate(ends) if end + gap <= left), len(ends))
        ends[row:] = [left + width, *ends[row + 1 :]]
        rows.append(row)
    return rows


def flowed(items: Sequence[float], width: float, gap: float) -> list[tuple[float, int]]:
    """Left edge and row of items of these widths, one behind the other, a new row where one does not fit."""
    left, row = 0.0, 0
    placed = []
    for item in items:
        if left > 0 and left + item > width:
            left, row = 0.0, row + 1
        placed.append((left, row))
        left += item + gap
    return placed
