"""``make bench``: prints a table and writes ``build/bench.json`` (CONTRACTS §5)."""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import structlog

from service.embedded.apache import missing_programs
from tests.bench import burst, catchup, feed_pollers, growth, kernel, latency, report, scrape, season
from tests.bench.report import Result

MOST_READINGS = 3_000_000
PARTS: Mapping[str, Callable[[argparse.Namespace], Iterator[Result]]] = {
    **dict.fromkeys((*catchup.STREAMS, catchup.JOB), catchup.lines),
    "latency": latency.lines,
    "burst": burst.lines,
    "feed_pollers": feed_pollers.lines,
    "metrics": scrape.lines,
    "kernel": kernel.lines,
    "season": season.lines,
}
#: What runs on a broker, and so on Apache Kafka too.
ON_A_BROKER = (*catchup.STREAMS, catchup.JOB, "latency", "burst")


def main() -> None:
    """Run the measurements with real parts on this machine; ``growth`` as the first word: those of growth."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if sys.argv[1:2] == ["growth"]:
        growth.main(sys.argv[2:])
        return
    options = _options()
    results: list[Result] = []
    for result in _measure(options):
        print(report.line(result), flush=True)
        results.append(result)
    report.write_json(options.out, results)
    if options.write_docs:
        report.write_block("bench", " ".join(["python -m tests.bench", *sys.argv[1:]]), report.table(results))


def _measure(options: argparse.Namespace) -> Iterator[Result]:
    wanted = [name for name in PARTS if name in options.only]
    for broker in options.brokers:
        options.broker = broker
        is_first = broker == options.brokers[0]
        names = [name for name in wanted if is_first or name in ON_A_BROKER]
        for lines in dict.fromkeys(PARTS[name] for name in names):
            on_broker = broker == "apache" and any(PARTS[name] is lines for name in ON_A_BROKER)
            yield from (result.behind(".apache") if on_broker else result for result in lines(options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure every path of the service.")
    parser.add_argument("--only", default=",".join(PARTS), help="some of these lines, separated by commas: %(default)s")
    parser.add_argument("--broker", default="all", choices=("all", "embedded", "apache"), help="all: what is here")
    parser.add_argument("--readings", type=int, default=MOST_READINGS, help="readings of backlog, up to 3 million")
    parser.add_argument("--meters", type=int, default=2_000, help="meters that send them, slot after slot")
    parser.add_argument("--rate", type=int, default=2_000, help="readings a second while latency is measured")
    parser.add_argument("--latency-s", type=int, default=30, help="seconds of each latency measurement")
    parser.add_argument("--late-days", type=int, default=30, help="days of late data that are judged beside it")
    parser.add_argument("--burst-meters", type=int, default=100_000, help="meters of the burst")
    parser.add_argument("--burst-day", action="store_true", help="the burst also behind a day of history")
    parser.add_argument("--feed-s", type=float, default=10.0, help="seconds of publishing to 50 readers")
    parser.add_argument("--metrics-plants", type=int, default=10_000, help="plants of a scrape")
    parser.add_argument("--scopes", type=int, default=2_000, help="scopes of the season")
    parser.add_argument("--days", type=int, default=120, help="days of the season")
    parser.add_argument("--kernel-s", type=float, default=4.0, help="CPU seconds for the kernel")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(PARTS):
        parser.error(f"--only: there is no {', '.join(unknown)}")
    if not 0 < options.meters <= options.readings <= MOST_READINGS:
        parser.error(f"--readings: from --meters to {MOST_READINGS}")
    if options.scopes < 2 or options.days < 1:
        parser.error("--scopes from 2 on, --days from 1 on")
    if options.rate < 2 or options.latency_s < 10 or options.late_days < 1:
        parser.error("--rate from 2 on, --latency-s from 10 on, --late-days from 1 on")
    options.brokers = ["embedded", "apache"] if options.broker == "all" else [options.broker]
    if missing := missing_programs():
        if options.broker == "apache":
            parser.error(f"Apache Kafka is not possible here, this is missing: {', '.join(missing)}")
        options.brokers = ["embedded"]
    return options


if __name__ == "__main__":
    main()
