"""``make bench``: prints a table and writes ``build/bench.json`` (CONTRACTS §5)."""

import argparse
import asyncio
import json
import logging
import os
import platform
import resource
from pathlib import Path

import structlog

from service.embedded import EmbeddedBroker, EmbeddedPostgres
from tests.bench.kernel import kernel_rate
from tests.bench.stream import Backlog, catch_up_rate, drain_rate, fill


def main() -> None:
    """Run every measurement with real parts on this machine."""
    parser = argparse.ArgumentParser(description="Measure drain, ingest, ingest-and-judge and the kernel.")
    parser.add_argument("--meters", type=int, default=2_000, help="meters, one single reading each a slot")
    parser.add_argument("--slots", type=int, default=150, help="slots of backlog")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    backlog = Backlog(options.meters, options.slots)
    rates = asyncio.run(_stream(backlog))
    rates["kernel"] = kernel_rate()
    units = {"kernel": "scope-slots/s"}
    results = [
        {
            "name": name,
            "value": round(value, 1),
            "unit": units.get(name, "readings/s"),
            "ratio_to": "drain" if name in ("ingest", "ingest_judge") else None,
            "ratio": round(value / rates["drain"], 4) if name in ("ingest", "ingest_judge") else None,
        }
        for name, value in rates.items()
    ]
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    results.append({"name": "rss", "value": round(peak_mib, 1), "unit": "MiB", "ratio_to": None, "ratio": None})
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "readings": backlog.readings}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n", encoding="utf-8")
    print(f"{backlog.readings} single readings of {backlog.meters} meters, embedded broker and PostgreSQL (fsync on)")
    for row in results:
        ratio = f"{row['ratio']:.3f} of {row['ratio_to']}" if row["ratio"] is not None else ""
        print(f"{row['name']:<14}{row['value']:>16,.0f} {row['unit']:<14} {ratio}")


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
