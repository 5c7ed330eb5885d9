"""``make faults``: every class of fault in full, or a slice; prints one table and writes build/faults.json."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from service.observability.logs import configure_logs
from tests.faults.catalogue import BY_NAME, CLASSES
from tests.faults.dose import Dose, FaultClass
from tests.faults.runner import Outcome, run, said
from tests.faults.servers import Stage, lacking
from tests.faults.table import line_of, missed, table, write

BUILD = Path("build")
Plan = tuple[list[FaultClass], list[Dose]]


def worlds_of(fault: FaultClass, count: int | None, seeds: int | None, outage_s: float) -> Iterator[Plan]:
    """The worlds of a class: so many faults in all, at most a block of them in each world. seeds: so many worlds."""
    total = count or max(fault.full, seeds or 0)
    worlds = seeds or -(-total // fault.block)
    for i in range(worlds):
        yield [fault], [Dose(max(1, total // worlds + (i < total % worlds)), outage_s)]


def plan(told: argparse.Namespace) -> Iterator[tuple[int, Plan]]:
    """Seed, classes and doses of every world."""
    chosen = [BY_NAME[name] for name in told.names.split(",") if name] or list(CLASSES)
    for fault in chosen:
        if lack := lacking(fault.servers):
            print(f"{fault.name}: left out, lacks {lack}", flush=True)
    chosen = [fault for fault in chosen if not lacking(fault.servers)]
    if told.together:
        doses = [Dose(fault.sample, told.outage_s) for fault in chosen]
        yield from ((told.first_seed + i, (chosen, doses)) for i in range(told.seeds or 1))
        return
    for fault in chosen:
        for i, world in enumerate(worlds_of(fault, told.count, told.seeds, told.outage_s)):
            yield told.first_seed + i, world


def main() -> int:
    """0 where everything held and every target was met."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--class", dest="names", default="", help=f"of {', '.join(BY_NAME)}; default: all")
    parser.add_argument("--count", type=int, help="faults of each class; default: those of RELIABILITY §6")
    parser.add_argument("--seeds", type=int, help="worlds of each class; default: as many as the faults need")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--outage-s", type=float, default=600.0, help="how long what is away stays away")
    parser.add_argument("--together", action="store_true", help="all classes named in one world, as CI's sample does")
    parser.add_argument("--broker", choices=["embedded", "apache"], default="embedded")
    parser.add_argument("--limit-s", type=float, default=6 * 3600, help="begin no world after so many seconds")
    told = parser.parse_args()
    configure_logs("critical")
    began, outcomes = monotonic(), list[Outcome]()
    with Stage(broker=told.broker) as stage:
        for seed, (faults, doses) in plan(told):
            if monotonic() - began > told.limit_s:
                print("no time left for more", flush=True)
                break
            outcome = asyncio.run(run(stage, faults, seed, doses, BUILD / "faults"))
            outcomes.append(outcome)
            proven = sum(p.proven for p in outcome.proofs.values())
            state = "ok" if not outcome.problems else "FAILED"
            print(f"{outcome.name} seed {seed}: {proven} in {outcome.seconds:.0f} s, {state}", flush=True)
            if outcome.problems:
                print(said(outcome), flush=True)
    names = [c.name for c in CLASSES if any(c.name in o.doses for o in outcomes)]
    if not names:
        return 1
    lines = [line_of(name, [o for o in outcomes if name in o.doses]) for name in names]
    print(table(lines))
    write(BUILD / "faults.json", lines, outcomes)
    for line in lines:
        print("".join(missed(line)), end="")
    return int(any(o.problems for o in outcomes) or any(missed(line) for line in lines))


if __name__ == "__main__":
    sys.exit(main())
