"""The figures as lines of a table, for a terminal and for Markdown alike."""

from collections.abc import Sequence

from tests.quality.report import Line, RuleLine, SizeLine, Target

LINE_HEAD = (
    "cases of", "cases", "scope-days", "events", "recall", "slots (median)", "slots (95 %)", "precision",
    "false / 1,000 d", "warnings / 1,000 d", "unknown", "missing called compliant", "faulty called compliant",
)  # fmt: skip
RULE_HEAD = (
    "site", "rule", "due", "recall", "slots (median)", "slots (most)", "right", "false", "precision", "false / 1,000 d",
)  # fmt: skip
SIZE_HEAD = ("site", "what", "above the cap by", "breaks", "found")
TARGET_HEAD = ("on", "target", "wanted", "measured", "", "of")


def line_cells(line: Line) -> tuple[str, ...]:
    """Cells of a judge or a site."""
    return (
        line.name,
        str(line.cases),
        str(line.scope_days),
        str(line.events),
        _share(line.recall),
        _number(line.slots_median),
        _number(line.slots_p95),
        _share(line.precision),
        f"{line.false_per_1000:.2f}",
        f"{line.warnings_per_1000:.2f}",
        _share(line.unknown),
        str(line.missing_compliant),
        _share(line.faulty_compliant),
    )


def rule_cells(line: RuleLine) -> tuple[str, ...]:
    """Cells of a rule."""
    return (
        line.group,
        line.rule,
        str(line.due),
        _share(line.recall),
        _number(line.slots_median),
        _number(line.slots_most),
        str(line.right),
        str(line.wrong),
        _share(line.precision),
        f"{line.false_per_1000:.2f}",
    )


def size_cells(line: SizeLine) -> tuple[str, ...]:
    """Cells of a size of break."""
    return line.group, line.what, f"{line.low:.0%} to {line.high:.0%}", str(line.events), _share(line.recall)


def target_cells(target: Target) -> tuple[str, ...]:
    """Cells of a target."""
    return target.place, target.name, target.wanted, target.measured, "met" if target.met else "NOT MET", target.of


def plain(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)]


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
