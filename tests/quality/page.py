"""The summary on a terminal, and the figures in ``docs/quality.md`` between their markers."""

from collections.abc import Iterator, Sequence

from tests.bench.report import write_block
from tests.quality import tables
from tests.quality.festival import Festival
from tests.quality.report import Target, line, rule_lines, sizes, targets, worst
from tests.quality.run import PRODUCT, Results
from tests.quality.sites import ROOT

DOCS = ROOT / "docs" / "quality.md"
MOST_WORST = 25


def summary(results: Results, festivals: Sequence[Festival]) -> Iterator[str]:
    """Lines for a terminal."""
    for title, head, rows in _parts(results, festivals):
        yield ""
        yield title
        yield from tables.plain(head, rows)
    yield ""
    yield f"not made: {len(results.not_made)} cases; no baseline fitted: {len(results.unfitted)}"


def write(results: Results, festivals: Sequence[Festival], made_by: str) -> None:
    """Put the figures into the page. Raises ValueError where it has not one pair of markers."""
    lines: list[str] = []
    for title, head, rows in _parts(results, festivals):
        lines += [f"### {title}", "", *tables.markdown(head, rows), ""]
    write_block("quality", made_by, lines, DOCS)


def _parts(
    results: Results, festivals: Sequence[Festival]
) -> Iterator[tuple[str, Sequence[str], list[tuple[str, ...]]]]:
    real, other = results.groups(real=True), results.groups(real=False)
    goals: list[Target] = targets(results, festivals)
    yield "Targets (real sites)", tables.TARGET_HEAD, [tables.target_cells(t) for t in goals]
    judges = dict.fromkeys(judge for judge, _, _ in results.scores)
    rows = [tables.line_cells(line(j, results.total(j, real))) for j in judges]
    yield "The same cases, judged by others (real sites)", tables.LINE_HEAD, rows
    rows = [tables.line_cells(line(g, results.total(PRODUCT, [g]))) for g in (*real, *other)]
    yield "By site", tables.LINE_HEAD, rows
    kinds = dict.fromkeys(kind for _, group, kind in results.scores if group in real)
    rows = [tables.line_cells(line(k, results.total(PRODUCT, real, [k]))) for k in kinds]
    yield "By kind of case (real sites)", tables.LINE_HEAD, rows
    rows = [tables.rule_cells(r) for g in real for r in rule_lines(results, g)]
    yield "By rule and site", tables.RULE_HEAD, rows
    rows = [tables.size_cells(s) for s in sizes(results, real)]
    yield "Breaks by their size (real sites)", tables.SIZE_HEAD, rows
    if festivals:
        head = (
            "春节",
            "enterprises",
            "labelled days",
            "agreeing",
            "stop called run",
            "run called stop",
            "unknown",
            "1s",
        )
        rows = [
            (
                str(f.year),
                str(f.enterprises),
                str(f.days),
                f"{f.agreement:.2%}",
                str(f.stop_violating),
                str(f.run_compliant),
                str(f.unknown),
                f"{f.missing}, {f.missing_compliant + f.zeros_compliant} called compliant",
            )
            for f in festivals
        ]
        yield "Stop or run at 春节", head, rows
    cases = list(worst(results, real))[:MOST_WORST]
    yield "What failed (make quality CASE=…)", ("case", "what", "about"), [*cases]
