"""``make bench``: prints a table and writes ``build/bench.json`` (CONTRACTS §5)."""

import argparse
import asyncio
import json
import logging
import os
import platform
import resource
import tempfile
from pathlib import Path
from typing import Any

import structlog

from service.embedded import EmbeddedBroker, EmbeddedPostgres
from tests.bench.kernel import kernel_rate
from tests.bench.season import DAY_SLOTS, season_s
from tests.bench.stream import Backlog, catch_up_rate, drain_rate, fill

MOST_MESSAGES = 3_000_000


def main() -> None:
    """Run every measurement with real parts on this machine."""
    options = _options()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    backlog = Backlog(options.meters, max(1, options.messages // options.meters))
    rates = asyncio.run(_stream(backlog))
    streamed = f"{backlog.readings} single readings, {backlog.meters} meters"
    results = [_result(name, value, "readings/s", streamed, rates["drain"]) for name, value in rates.items()]
    results.append(_result("kernel", kernel_rate(seconds=options.kernel_s), "scope-slots/s", "all slot rules"))
    with tempfile.TemporaryDirectory() as folder:
        took_s = season_s(options.scopes, options.days, Path(folder))
    season = f"{options.scopes} scopes x {options.days} days x {DAY_SLOTS} slots, Parquet to days and alerts"
    results.append(_result("backtest_season", took_s, "s", season))
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    results.append(_result("rss", peak_mib, "MiB", "peak of this process, which did all of the above"))
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "readings": backlog.readings}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n", encoding="utf-8")
    print("embedded broker and PostgreSQL (fsync on), all on this machine")
    for row in results:
        ratio = f"{row['ratio']:.3f} of {row['ratio_to']}" if row["ratio"] is not None else ""
        print(f"{row['name']:<16}{row['value']:>16,.1f} {row['unit']:<14} {ratio:<15} {row['size']}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure drain, ingest, ingest-and-judge, the kernel and a season."
    )
    parser.add_argument("--messages", type=int, default=300_000, help="single readings of backlog, up to 3 million")
    parser.add_argument("--meters", type=int, default=2_000, help="meters that send them, slot after slot")
    parser.add_argument("--scopes", type=int, default=200, help="scopes of the season")
    parser.add_argument("--days", type=int, default=30, help="days of the season")
    parser.add_argument("--kernel-s", type=float, default=3.0, help="seconds for the kernel")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    options = parser.parse_args()
    if not 0 < options.meters <= options.messages <= MOST_MESSAGES:
        parser.error(f"--messages: from --meters to {MOST_MESSAGES}")
    if options.scopes < 2 or options.days < 1:
        parser.error("--scopes from 2 on, --days from 1 on")
    return options


def _result(name: str, value: float, unit: str, size: str, drain: float | None = None) -> dict[str, Any]:
    """A row of ``results``. size: what was measured really; nothing here is scaled up to another size."""
    is_share = drain is not None and name != "drain"
    return {
        "name": name,
        "value": round(value, 3 if unit == "s" else 1),
        "unit": unit,
        "ratio_to": "drain" if is_share else None,
        "ratio": round(value / drain, 4) if drain is not None and is_share else None,
        "size": size,
    }


async def _stream(backlog: Backlog) -> dict[str, float]:
    with EmbeddedBroker() as broker:
        await fill(broker.bootstrap, "bench", backlog)
        rates = {"drain": await drain_rate(broker.bootstrap, "bench", backlog.readings)}
        for name, judge in (("ingest", False), ("ingest_judge", True)):
            with EmbeddedPostgres() as postgres:
                rates[name] = await catch_up_rate(postgres.url, broker.bootstrap, "bench", backlog, judge=judge)
        return rates


if __name__ == "__main__":
    main()
