"""Runs faults in one world from one seed, and everything that is looked at afterwards."""

import asyncio
import random
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.faults.checks import Findings, check
from tests.faults.dose import Dose, FaultClass, Proof
from tests.faults.servers import Stage
from tests.faults.story import make_story
from tests.faults.trial import Trial
from tests.faults.world import World, running_world


@dataclass(slots=True)
class Outcome:
    """Of one world. proofs: by class; problems of the findings: empty where all is well. restarts: processes that ended
    by themselves, and how."""

    seed: int
    doses: dict[str, Dose]
    proofs: dict[str, Proof] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    restarts: list[tuple[str, int]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def problems(self) -> list[str]:
        """What is wrong, in words."""
        return self.findings.problems

    @property
    def name(self) -> str:
        """The classes."""
        return ",".join(self.doses)


def said(outcome: Outcome) -> str:
    """What is wrong, and the command that does the same again."""
    first = next(iter(outcome.doses.values()))
    again = f"make faults CLASS={outcome.name} SEEDS=1 FIRST_SEED={outcome.seed}"
    if first.outage_s:
        again += f" OUTAGE_S={first.outage_s:g}"
    again += f" COUNT={first.count}" if len(outcome.doses) == 1 else " TOGETHER=1"
    return "\n".join([again, *outcome.problems])


async def run(stage: Stage, faults: Sequence[FaultClass], seed: int, doses: Sequence[Dose], reports: Path) -> Outcome:
    """One world from its first process to its last check: one fault after the other, then every check. Whatever goes
    wrong becomes a problem of the outcome, and the state of the world a file among the reports."""
    outcome = Outcome(seed, {fault.name: dose for fault, dose in zip(faults, doses, strict=True)})
    began = monotonic()
    chance = random.Random(f"{outcome.name} {seed}")
    story = make_story(seed, late_days=max(fault.late_days for fault in faults))
    try:
        with stage.ground(faults[0].servers) as ground:
            async with running_world(ground, story, chance, ingesters=max(f.ingesters for f in faults)) as world:
                try:
                    await _go_through(world, faults, doses, outcome)
                except Exception:
                    outcome.problems.append(traceback.format_exc())
                if outcome.problems:
                    await asyncio.to_thread(_report, reports, outcome, await world.describe())
    except Exception:
        outcome.problems.append(traceback.format_exc())
    outcome.seconds = monotonic() - began
    return outcome


async def run_trial(stage: Stage, trial: Trial, seed: int, count: int, reports: Path) -> Outcome:
    """One go of what needs no world."""
    outcome = Outcome(seed, {trial.name: Dose(count, 0.0)})
    began = monotonic()
    try:
        outcome.proofs[trial.name], outcome.findings = await trial.go(stage.database_server, seed, count)
    except Exception:
        outcome.problems.append(traceback.format_exc())
    if outcome.problems:
        await asyncio.to_thread(_report, reports, outcome, "")
    outcome.seconds = monotonic() - began
    return outcome


async def _go_through(world: World, faults: Sequence[FaultClass], doses: Sequence[Dose], outcome: Outcome) -> None:
    story = world.story
    await world.play(story.begin_s + (story.end_s - story.begin_s) / 10)
    await world.settle()
    world.before = {name: member.use() for name, member in world.members.items()}
    begin_s = world.now_s
    for i, (fault, dose) in enumerate(zip(faults, doses, strict=True)):
        world.until_s = begin_s + (story.end_s - begin_s) * (i + 1) / len(faults)
        outcome.proofs[fault.name] = await fault.inflict(world, dose)
    await world.play(max(story.as_of, world.last_s))
    outcome.findings = await check(world)
    outcome.restarts = world.restarts


def _report(reports: Path, outcome: Outcome, state: str) -> None:
    reports.mkdir(parents=True, exist_ok=True)
    (reports / f"{outcome.name[:80]}-{outcome.seed}.txt").write_text(f"{said(outcome)}\n{state}")
