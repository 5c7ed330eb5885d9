"""``make soak``: writes ``build/soak.html`` and ``build/soak.json``; ends with 1 when something grew or was lost."""

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import structlog

from service.embedded import ApacheKafka, EmbeddedBroker
from service.embedded.apache import missing_programs
from tests.soak.lines import Verdict, judge, median
from tests.soak.page import page
from tests.soak.run import Outcome, soak

#: The embedded broker looks through all batches that it holds with each request: at 2,000 readings/s latency had
#: doubled after as many, and at 7 million it, not the service, was what the lines showed.
MOST_EMBEDDED = 3_000_000


def main() -> int:
    """Run, write, tell."""
    options = _options()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="cuofeng-soak-") as folder:
        broker = ApacheKafka() if options.broker == "apache" else EmbeddedBroker()
        outcome = asyncio.run(soak(options.rate, options.duration_s, options.every_s, Path(folder), broker))
    verdicts = judge(outcome.watch.series, options.duration_s)
    write(outcome, verdicts, options.out)
    for name, line in sorted(outcome.watch.series.items()):
        told = next((v.text() for v in verdicts if v.line == name), "")
        print(f"{name:<34} {_shown(median(line, 0, options.duration_s / 3)):>12} {_shown(line[-1][1]):>12}  {told}")
    for problem in outcome.problems:
        print(f"PROBLEM: {problem}")
    is_good = not outcome.problems and all(v.is_flat is not False for v in verdicts)
    print(f"{'good' if is_good else 'NOT GOOD'}: {outcome.sent} readings; {options.out}.html")
    return 0 if is_good else 1


def write(outcome: Outcome, verdicts: list[Verdict], out: Path) -> None:
    """The page and the numbers behind it, as ``out``.html and ``out``.json."""
    watch, office = outcome.watch, outcome.office
    facts = [
        (f"{office.duration_s / 60:.1f} min", "run"),
        (f"{outcome.sent:,}", "readings sent"),
        (f"{office.plants:,}", "plants, ten meters each"),
        (f"{len(watch.latency.seqs):,}", "alert events"),
        (f"{sum('kill' in w or 'leave' in w for _, w in watch.events)}", "restarts"),
        (f"{sum(w == 'orders' for _, w in watch.events)}", "changes of orders"),
        (f"{os.cpu_count()}", "cores, with broker and database"),
    ]
    title = f"Cuofeng: a long run at {office.rate:,} readings/s"
    out.parent.mkdir(parents=True, exist_ok=True)
    html = page(title, facts, watch.series, watch.events, verdicts, outcome.problems)
    out.with_suffix(".html").write_text(html, encoding="utf-8")
    numbers = {
        "duration_s": office.duration_s,
        "rate": office.rate,
        "sent": outcome.sent,
        "problems": outcome.problems,
        "verdicts": [asdict(v) for v in verdicts],
        "happenings": watch.events,
        "series": watch.series,
    }
    out.with_suffix(".json").write_text(json.dumps(numbers) + "\n", encoding="utf-8")


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Run everything for long, and watch it.")
    parser.add_argument("--duration-s", type=float, default=600.0)
    parser.add_argument("--rate", type=int, default=2_000, help="readings a second")
    parser.add_argument("--every-s", type=float, default=5.0, help="between two samples")
    parser.add_argument("--out", type=Path, default=Path("build/soak"), help="without its .html and .json")
    parser.add_argument("--broker", choices=["embedded", "apache"], help="apache for more than 3 million readings")
    options = parser.parse_args()
    is_long = options.rate * options.duration_s > MOST_EMBEDDED
    options.broker = options.broker or ("apache" if is_long else "embedded")
    if is_long and options.broker == "embedded":
        parser.error("the embedded broker becomes slower with each batch that it keeps: --broker apache for so many")
    if options.broker == "apache" and (missing := missing_programs()):
        parser.error(f"so long a run needs Apache Kafka; missing here: {', '.join(missing)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
