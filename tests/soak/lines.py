"""What the lines of a run say: flat, or grows, with the number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Series = Sequence[tuple[float, float]]
#: Samples before this share of the run are warming up; fewer than this many, or seconds, tell nothing.
WARM_SHARE = 1 / 3
LEAST_SAMPLES, LEAST_S = 8, 60.0
#: A line is flat when its trend over the measured part is at most the larger of a share of its median and an amount.
SHARE = 0.08
AMOUNT = {"rss_mib": 16.0, "descriptors": 4.0, "sessions": 2.0}
#: These are started anew in the run: their lines are shown and not judged.
RESTARTED = ("-b",)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one line. change: along its trend over ``span_s``; is_flat: None where the run was too short to tell."""

    line: str
    change: float
    bound: float
    span_s: float
    is_flat: bool | None

    def text(self) -> str:
        """In words."""
        if self.is_flat is None:
            return "too short to tell"
        word = "flat" if self.is_flat else "grows"
        return f"{word}: {self.change:+.1f} in {self.span_s:.0f} s (bound {self.bound:.1f})"


def judge(series: Mapping[str, Series], duration_s: float) -> list[Verdict]:
    """Memory, descriptors and sessions of what ran throughout."""
    found = []
    for name, line in sorted(series.items()):
        kind, _, subject = name.partition(" ")
        if kind in AMOUNT and not subject.endswith(RESTARTED):
            found.append(_verdict(name, line, AMOUNT[kind], duration_s))
    return found


def _verdict(name: str, line: Series, amount: float, duration_s: float) -> Verdict:
    measured = np.array([p for p in line if duration_s * WARM_SHARE <= p[0] <= duration_s]).reshape(-1, 2)
    span_s = float(np.ptp(measured[:, 0])) if len(measured) else 0.0
    if len(measured) < LEAST_SAMPLES or span_s < LEAST_S:
        return Verdict(name, 0.0, amount, span_s, None)
    slope = float(np.polyfit(measured[:, 0], measured[:, 1], 1)[0])
    bound = max(amount, SHARE * float(np.median(measured[:, 1])))
    change = slope * span_s
    return Verdict(name, change, bound, span_s, change <= bound)


def median(line: Series, begin_s: float, end_s: float) -> float | None:
    """Of the values in [begin_s, end_s]; None where there is none."""
    values = [v for at, v in line if begin_s <= at <= end_s]
    return float(np.median(values)) if values else None
