"""What all worlds of a run came to, class by class: a table for people, JSON for machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

from tests.faults.runner import Outcome

#: Seconds that a figure may reach at most, and how many times real time a backlog is read (RELIABILITY §6).
TARGETS = {"take_over_p95_s": 15.0, "hand_over_p95_s": 5.0, "resume_p95_s": 10.0, "other_meters_p95_s": 1.0}
CATCH_UP = 5.0


@dataclass(slots=True)
class Line:
    """One class. Times in seconds; None: not measured. restarts: processes that ended by themselves; per_s: orders
    of arrival or events a second, and after an outage messages that were waiting."""

    name: str
    worlds: int
    proven: int
    lost: int
    duplicate: int
    differing: int
    failed: int
    restarts: int
    take_over_p95_s: float | None
    hand_over_p95_s: float | None
    resume_p95_s: float | None
    catch_up_median: float | None
    other_meters_p95_s: float | None
    per_s: float | None
    seconds: float


def line_of(name: str, outcomes: Sequence[Outcome]) -> Line:
    """The line of one class, from the outcomes of its worlds."""
    figures: dict[str, list[float]] = {}
    proofs = [o.proofs[name] for o in outcomes if name in o.proofs]
    for proof in proofs:
        for figure, values in proof.figures.items():
            figures.setdefault(figure, []).extend(values)
    return Line(
        name=name,
        worlds=len(outcomes),
        proven=sum(p.proven for p in proofs),
        lost=sum(o.findings.lost for o in outcomes),
        duplicate=sum(o.findings.duplicate for o in outcomes),
        differing=sum(o.findings.differing for o in outcomes),
        failed=sum(bool(o.problems) for o in outcomes),
        restarts=sum(len(o.restarts) for o in outcomes),
        take_over_p95_s=p95(figures.get("take_over_s", [])),
        hand_over_p95_s=p95(figures.get("hand_over_s", [])),
        resume_p95_s=p95(figures.get("resume_s", [])),
        catch_up_median=median(figures["catch_up"]) if figures.get("catch_up") else None,
        other_meters_p95_s=p95(figures.get("other_meters_s", [])),
        per_s=median(figures["per_s"]) if figures.get("per_s") else None,
        seconds=sum(o.seconds for o in outcomes),
    )


def missed(line: Line) -> list[str]:
    """Targets of RELIABILITY §6 that the line does not meet, in words."""
    found = []
    for name, most in TARGETS.items():
        value = getattr(line, name)
        if value is not None and value > most:
            found.append(f"{line.name}: {name} is {value:.1f}, the target {most:g}\n")
    if line.catch_up_median is not None and line.catch_up_median < CATCH_UP and line.name.endswith("_away"):
        found.append(f"{line.name}: catch-up {line.catch_up_median:.1f} times real time, the target {CATCH_UP:g}\n")
    return found


def p95(values: Sequence[float]) -> float | None:
    """The 95th percentile; of few values the highest."""
    if not values:
        return None
    return max(values) if len(values) < 20 else quantiles(values, n=20)[-1]


def table(lines: Sequence[Line]) -> str:
    """Columns of text."""
    names = list(asdict(lines[0]))
    rows = [[_shown(v) for v in asdict(line).values()] for line in lines]
    widths = [max(len(r[i]) for r in [names, *rows]) for i in range(len(names))]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in [names, *rows])


def write(path: Path, lines: Sequence[Line], outcomes: Sequence[Outcome]) -> None:
    """All of it as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "classes": [asdict(line) for line in lines],
        "worlds": [
            {
                "seed": o.seed,
                "doses": {name: asdict(dose) for name, dose in o.doses.items()},
                "proofs": {n: {"proven": p.proven, "figures": dict(p.figures)} for n, p in o.proofs.items()},
                "restarts": o.restarts,
                "problems": o.problems,
                "seconds": o.seconds,
            }
            for o in outcomes
        ],
    }
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False))


def _shown(value: object) -> str:
    return "-" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
