"""``make faults``: every class of fault in full, or a slice; prints one table and writes build/faults.json."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from service.observability.logs import configure_logs
from tests.faults.catalogue import BY_NAME, CLASSES, TRIALS
from tests.faults.dose import Dose, FaultClass
from tests.faults.runner import Outcome, run, run_trial, said
from tests.faults.servers import Stage, lacking
from tests.faults.table import line_of, missed, table, write
from tests.faults.trial import Trial

BUILD = Path("build")
REPORTS = BUILD / "faults"
#: Starts a world, or a go without one, and tells what came of it.
Work = Callable[[Stage], Coroutine[Any, Any, Outcome]]


def worlds_of(fault: FaultClass, told: argparse.Namespace) -> Iterator[Work]:
    """The worlds of a class: so many faults in all, at most a block of them in each world, or so many worlds."""
    total = told.count or max(fault.full, told.seeds or 0)
    worlds = told.seeds or -(-total // fault.block)
    for i in range(worlds):
        dose = Dose(max(1, total // worlds + (i < total % worlds)), told.outage_s)
        yield partial(run, faults=[fault], seed=told.first_seed + i, doses=[dose], reports=REPORTS)


def goes_of(trial: Trial, told: argparse.Namespace) -> Iterator[Work]:
    """All of a trial, a block of its seeds in each go."""
    total = told.count or trial.full
    for done in range(0, total, trial.block):
        count = min(trial.block, total - done)
        yield partial(run_trial, trial=trial, seed=told.first_seed + done, count=count, reports=REPORTS)


def plan(told: argparse.Namespace) -> Iterator[Work]:
    """All that is asked for, one after the other."""
    names = [name for name in told.names.split(",") if name] or list(BY_NAME)
    faults = [c for c in CLASSES if c.name in names]
    for fault in faults:
        if lack := lacking(fault.servers):
            print(f"{fault.name}: left out, lacks {lack}", flush=True)
    faults = [fault for fault in faults if not lacking(fault.servers)]
    if told.together:
        doses = [Dose(fault.sample, told.outage_s) for fault in faults]
        for i in range(told.seeds or 1):
            yield partial(run, faults=faults, seed=told.first_seed + i, doses=doses, reports=REPORTS)
        return
    for fault in faults:
        yield from worlds_of(fault, told)
    for trial in TRIALS:
        if trial.name in names:
            yield from goes_of(trial, told)


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
        for work in plan(told):
            if monotonic() - began > told.limit_s:
                print("no time left for more", flush=True)
                break
            outcome = asyncio.run(work(stage))
            outcomes.append(outcome)
            proven = sum(p.proven for p in outcome.proofs.values())
            state = "ok" if not outcome.problems else "FAILED"
            print(f"{outcome.name} seed {outcome.seed}: {proven} in {outcome.seconds:.0f} s, {state}", flush=True)
            if outcome.problems:
                print(said(outcome), flush=True)
    names = [name for name in BY_NAME if any(name in o.doses for o in outcomes)]
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
