"""``make bench-growth``: what a reading costs as meters, history and processes grow, each against the first line."""

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from service.clock import SystemClock
from service.embedded import EmbeddedBroker
from tests.bench.catchup import REST_S, TOPIC
from tests.bench.history import lay_days
from tests.bench.messages import fill
from tests.bench.report import machine, write_block
from tests.bench.stream import Caught, catch_up
from tests.bench.world import World


@dataclass(frozen=True, slots=True)
class Case:
    """One line. processes: of each role."""

    meters: int
    days: int
    processes: int


def cases(meters: Sequence[int], days: Sequence[int], processes: Sequence[int], *, whole: bool) -> list[Case]:
    """Every size with every history by one process, then more processes on the second size; whole: all by all."""
    if whole:
        return [Case(m, d, p) for p in processes for d in days for m in meters]
    grown = [Case(m, d, processes[0]) for d in days for m in meters]
    return grown + [Case(meters[min(1, len(meters) - 1)], days[0], p) for p in processes[1:]]


def main(arguments: Sequence[str]) -> None:
    """Measure, print a line a case, and write ``build/bench-growth.json``."""
    options = _options(arguments)
    names = ("meters", "days before", "processes of each role", "readings", "readings/s", "CPU us a reading", "x", "of")
    lines = [f"| {' | '.join(names)} |", f"|{' ---: |' * (len(names) - 1)} --- |"]
    print(" | ".join(names))
    rows: list[dict[str, object]] = []
    first_us = 0.0
    for case, caught in _measure(options):
        us = sum(caught.spent_us.values())
        first_us = first_us or us
        rows.append(_row(case, caught, us / first_us))
        spent = ", ".join(f"{role} {each:.2f}" for role, each in caught.spent_us.items())
        sizes = [str(n) for n in (case.meters, case.days, case.processes, caught.readings)]
        cells = [*sizes, f"{caught.rate:,.0f}", f"{us:.2f}", f"{us / first_us:.2f}", spent]
        print(" | ".join(cells), flush=True)
        lines.append(f"| {' | '.join(cells)} |")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine(), "growth": rows}, indent=1) + "\n", encoding="utf-8")
    if options.write_docs:
        write_block("growth", " ".join(["python -m tests.bench growth", *arguments]), lines)


def _row(case: Case, caught: Caught, cpu_ratio: float) -> dict[str, object]:
    return {
        **asdict(case),
        "readings": caught.readings,
        "readings_per_s": round(caught.rate),
        "wall_us": round(1e6 / caught.rate, 3),
        "cpu_us": {role: round(each, 3) for role, each in caught.spent_us.items()},
        "cpu_ratio": round(cpu_ratio, 3),
        "peak_mib": {role: round(peak) for role, peak in caught.peak_mib.items()},
    }


def _measure(options: argparse.Namespace) -> Iterator[tuple[Case, Caught]]:
    for case in cases(options.meters, options.days, options.processes, whole=options.whole):
        end_s = SystemClock().now() - REST_S
        world = World.ending_at(end_s, case.meters, options.slots, days_before=case.days)
        with EmbeddedBroker() as broker:
            asyncio.run(fill(broker.bootstrap, TOPIC, world))
            yield (
                case,
                asyncio.run(
                    catch_up(broker.bootstrap, TOPIC, world, judge=True, consumers=case.processes, prepare=lay_days)
                ),
            )


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    def numbers(given: str) -> list[int]:
        found = [int(part) for part in given.split(",")]
        if min(found) < 1:
            raise ValueError(given)
        return found

    parser = argparse.ArgumentParser(prog="python -m tests.bench growth", description=__doc__)
    parser.add_argument("--meters", type=numbers, default=[1_000, 10_000, 100_000])
    parser.add_argument("--days", type=numbers, default=[1, 120], help="days of history in the database")
    parser.add_argument("--processes", type=numbers, default=[1, 2, 4], help="processes of each role")
    parser.add_argument(
        "--slots", type=int, default=96, help="readings of each meter; a scope-day is judged for all of them"
    )
    parser.add_argument("--whole", action="store_true", help="every size with every history and number of processes")
    parser.add_argument("--out", type=Path, default=Path("build/bench-growth.json"))
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args(arguments)
