"""What was measured, as the lines of CONTRACTS §5: a table, a JSON file, a block in the documentation."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.bench.processes import ROOT

DOCS = ROOT / "docs" / "performance.md"
DECIMALS = {"s": 4, "readings/s": 0, "scope-slots/s": 0, "MiB": 0}


@dataclass(frozen=True, slots=True)
class Result:
    """One line. size: what really ran, nothing is scaled up; ratios: value over that of another line, the first one is
    the ``ratio`` of the contract."""

    name: str
    value: float
    unit: str
    size: str
    ratios: Mapping[str, float] = field(default_factory=dict)

    def behind(self, suffix: str) -> "Result":
        """The same with a suffix to its name and to those that it is compared with."""
        return replace(self, name=self.name + suffix, ratios={n + suffix: r for n, r in self.ratios.items()})

    @property
    def document(self) -> dict[str, object]:
        """As in ``build/bench.json``."""
        ratios = {name: round(ratio, 4) for name, ratio in self.ratios.items()}
        to = next(iter(ratios), None)
        return {
            "name": self.name,
            "value": round(self.value, DECIMALS.get(self.unit, 1)),
            "unit": self.unit,
            "ratio_to": to,
            "ratio": None if to is None else ratios[to],
            "ratios": ratios,
            "size": self.size,
        }

    @property
    def shown(self) -> tuple[str, str, str, str, str]:
        """Cells of the table."""
        ratios = ", ".join(f"{ratio:.3f} of {name}" for name, ratio in self.ratios.items())
        return self.name, f"{self.value:,.{DECIMALS.get(self.unit, 1)}f}", self.unit, ratios, self.size


def machine() -> dict[str, object]:
    """The machine, as far as it matters."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cpus": os.cpu_count(), "memory_gib": round(memory_gib), "python": platform.python_version()}


def write_json(path: Path, results: Sequence[Result]) -> None:
    """``{"machine": …, "results": […]}``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine(), "results": [result.document for result in results]}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def line(result: Result) -> str:
    """One line for a terminal."""
    name, value, unit, ratios, size = result.shown
    return f"{name:<28}{value:>14} {unit:<14} {size}{f' ({ratios})' if ratios else ''}"


def table(results: Sequence[Result]) -> list[str]:
    """Lines of a Markdown table."""
    cells = [(f"`{r.name}`", *r.shown[1:]) for r in results]
    return [
        "| name | value | unit | ratio | what ran |",
        "| --- | ---: | --- | --- | --- |",
        *(f"| {' | '.join(row)} |" for row in cells),
    ]


def write_block(block: str, made_by: str, lines: Sequence[str], path: Path = DOCS) -> None:
    """Put lines between the markers of a block of the page. Raises ValueError where the page has not one such block."""
    page = path.read_text(encoding="utf-8")
    begin, end = f"<!-- {block}: begin -->", f"<!-- {block}: end -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"{path.name} has not one {begin} and one {end}")
    about = machine()
    made = f"`{made_by}` on {about['cpus']} cores, {about['memory_gib']} GiB, Python {about['python']}:"
    before, after = page.split(begin)[0], page.split(end)[1]
    path.write_text("\n".join([before + begin, made, "", *lines, end + after]), encoding="utf-8")
