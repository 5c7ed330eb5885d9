"""One pass over a local day of many scopes: readings, orders and baselines in; slot verdicts, day rows and alerts out.

The same function serves the stream and the back-test. A day's result depends on its readings, the registry,
``as_of`` and the ``Carry`` of the day before, and on nothing else; judging a day again and walking on while its carry
changes gives what judging everything in order would give.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from detectors import data_faults, day_verdict, episodes
from detectors.alerts import Alert, Carry
from detectors.caps import Caps, caps_on, day_caps_wh
from detectors.confidence import mark_low_confidence
from detectors.day_rows import DayRows
from detectors.days import SLOT
from detectors.heard import HEARD_FIELDS, hear
from detectors.known import Known, loads_with_known, spread_loads, spread_scopes
from detectors.learned_loads import LearnedLoads
from detectors.loads import Fact, Loads, scope_loads
from detectors.members import Members, members_on, thresholds_kw
from detectors.readings import ReadingColumns
from detectors.slots import Grid, LocalDay, local_date
from detectors.unit_counts import UNIT_FIELDS, count_units
from detectors.verdict import Evidence, Slots, evidence_of, has, set_where, slot_verdicts
from detectors.vocab import Rule
from detectors.world import World

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: Context on either side of a day: the longest m of any rule (limit_slot, offline: 2 h).
MARGIN_MIN = 120


@dataclass(frozen=True, slots=True)
class Pass:
    """Everything that was worked out for a day, before it is shown."""

    world: World
    grid: Grid
    scopes: I64  # [S] rows of world.scope_ids
    as_of: int
    past: Bool  # [T] the slot's end is not after as_of
    caps: Caps
    members: Members | None  # None: loads were known, not what each meter showed
    spread: Bool  # [S] a reading tells of more than one slot
    loads: Loads
    evidence: Evidence
    slots: Slots
    day_cap_wh: F64  # [O] NaN where unknown
    coverage: F64  # [S, T]
    suspects: data_faults.Suspects | None  # what is set aside of the loads; the evidence is without it
    n_judged: int  # slots of the day whose end is not after as_of


@dataclass(frozen=True, slots=True)
class DayResult:
    """What a pass shows. Lists run along the scopes given."""

    day: date
    first_slot: int
    slots: npt.NDArray[np.void]  # [S, judged slots] of ``SLOT``
    order_ids: list[tuple[str, ...]]
    baseline_versions: list[tuple[str, ...]]
    rows: DayRows
    alerts: list[list[Alert]]  # those that opened in the day or were open when it began
    carries: list[Carry]
    again: Bool  # [S] what was known does not suffice: judge these from all their readings

    def take(self, which: I64) -> "DayResult":
        """Some of the scopes."""
        if len(which) == len(self.again):
            return self
        return DayResult(
            self.day,
            self.first_slot,
            self.slots[which],
            [self.order_ids[s] for s in which.tolist()],
            [self.baseline_versions[s] for s in which.tolist()],
            self.rows.take(which),
            [self.alerts[s] for s in which.tolist()],
            [self.carries[s] for s in which.tolist()],
            self.again[which],
        )


def margin_slots(slot_s: int) -> int:
    """Slots of context on either side of a day."""
    return MARGIN_MIN * 60 // slot_s


def judged_on(world: World, rule: Rule, opened_slot: int) -> date:
    """The local day whose judging makes an alert and takes it back: a night's is that of its morning."""
    ahead_s = MARGIN_MIN * 60 if rule == Rule.NIGHT_RUN else 0
    return local_date(world.zone, opened_slot * world.slot_s + ahead_s)


def judge_day(
    world: World,
    scopes: I64,
    today: LocalDay,
    readings: ReadingColumns,
    as_of: int,
    carries: Sequence[Carry],
    source_down: Bool | None = None,
    begin_slot: int = 0,
    known: Known | None = None,
    with_slots: bool = True,
) -> DayResult:
    """Judge one local day.

    scopes: rows of ``world.scope_ids``, sorted. readings: winners, meter = rows of the registry, reaching at least
    ``MARGIN_MIN`` beyond the day on either side, and a day where registers are used. carries: one a scope, of the day
    before. source_down: [sources, grid columns] or None. begin_slot: nothing is missing before the first slot of the
    history. known: what an earlier judgement worked out of the scopes' loads; then the readings of the fresh slots, up
    to one slot behind each, suffice. with_slots: else the result has rows and alerts only.
    """
    grid = Grid(world.zone, world.slot_s, today, margin_slots(world.slot_s))
    work = work_out(world, scopes, grid, readings, as_of, source_down, begin_slot, known, carries)
    found = episodes.alerts_of_day(work, carries)
    rows = day_verdict.day_rows(work, found, carries)
    slots, order_ids, versions = _packed(work) if with_slots else (np.zeros((len(scopes), 0), SLOT), [], [])
    again = np.zeros(len(scopes), np.bool_)
    if known is not None:
        again = work.spread | found.unnamed
    return DayResult(today.day, today.first_slot, slots, order_ids, versions, rows, found.alerts, found.carries, again)


def work_out(
    world: World,
    scopes: I64,
    grid: Grid,
    readings: ReadingColumns,
    as_of: int,
    source_down: Bool | None,
    begin_slot: int = 0,
    known: Known | None = None,
    carries: Sequence[Carry] = (),
) -> Pass:
    """Caps, energies, evidence and slot verdicts of a day with its margins. carries: none where nothing is known of the
    day before."""
    caps = caps_on(world, scopes, grid)
    day_cap = day_caps_wh(world, caps, grid)
    members = None
    if known is None:
        members = members_on(world, scopes, grid, readings, thresholds_kw(caps))
        loads = scope_loads(world, members, len(scopes), grid, as_of, source_down, begin_slot)
        units, heard = count_units(world, scopes, grid, readings), hear(world, scopes, grid, readings)
        loads = replace(loads, units=units, heard=heard)
    else:
        loads = loads_with_known(world, scopes, grid, readings, as_of, known, source_down, begin_slot)
    spread = spread_scopes(world, scopes, readings, grid)
    loads.facts[spread] |= np.uint16(Fact.SPREAD)
    evidence = evidence_of(loads, caps)
    past = grid.ends_s <= as_of
    own_spread = spread_loads(world, scopes, readings, grid, spread)
    learned = LearnedLoads.of(
        world, scopes, grid, caps.baselines, caps.spans, loads, evidence, past, own_spread, carries
    )
    found = None if learned is None else data_faults.suspects(learned, grid, evidence, past)
    if found is not None:
        evidence = data_faults.set_aside(evidence, loads, found)
    slots = slot_verdicts(world, caps, loads, evidence, grid, day_cap, past)
    mark_low_confidence(world, scopes, caps, grid, slots.verdict, slots.reasons)
    coverage = np.divide(loads.evidence, np.maximum(loads.meters, 1), dtype=np.float64)
    set_where(coverage, has(evidence.facts, Fact.ZERO_UNPROVEN), 0)
    if found is not None:
        set_where(coverage, found.bits != 0, 0)
        np.bitwise_or(slots.reasons, found.bits, out=slots.reasons)
    n_judged = int(past[grid.day].sum())
    worked = caps, members, spread, loads, evidence, slots, day_cap, coverage, found
    return Pass(world, grid, scopes, as_of, past, *worked, n_judged)


def _packed(work: Pass) -> tuple[npt.NDArray[np.void], list[tuple[str, ...]], list[tuple[str, ...]]]:
    grid, caps, spans = work.grid, work.caps, work.caps.spans
    day = slice(grid.margin, grid.margin + work.n_judged)
    packed = np.zeros((len(work.scopes), work.n_judged), SLOT)
    packed["wh"] = work.loads.wh[:, day]
    packed["cap_kw"] = spans.wide(work.slots.cap_kw)[:, day]
    packed["reasons"] = work.slots.reasons[:, day]
    packed["evidence"] = work.loads.evidence[:, day]
    packed["meters"] = work.loads.meters[:, day]
    packed["missing"] = work.loads.missing[:, day]
    packed["facts"] = work.evidence.facts[:, day]
    packed["verdict"] = work.slots.verdict[:, day]
    if work.loads.units is not None:
        for name, stored in UNIT_FIELDS.items():
            packed[stored] = getattr(work.loads.units, name)[:, day]
    for name in HEARD_FIELDS if work.loads.heard is not None else ():
        packed[name] = getattr(work.loads.heard, name)[:, day]
    first_of = np.searchsorted(caps.scope, np.arange(len(work.scopes)))
    place = np.where(caps.shown >= 0, caps.shown - first_of[:, None], -1).astype(np.int8)
    packed["order"] = spans.wide(place)[:, day]
    counts = np.bincount(caps.scope, minlength=len(work.scopes))
    ids = [work.world.order_ids[r] for r in caps.order.tolist()]
    orders = [tuple(ids[f : f + c]) for f, c in zip(first_of.tolist(), counts.tolist(), strict=True)]
    versions, used = _baselines_used(work)
    packed["baseline"] = spans.wide(used)[:, day]
    return packed, orders, versions


def _baselines_used(work: Pass) -> tuple[list[tuple[str, ...]], npt.NDArray[np.int8]]:
    """Versions of the baselines that hold in the judged day, by scope, and the place of each span's, [S, K]."""
    margin, name = work.grid.margin, work.world.baseline.version
    seen = np.unique(work.caps.spans.of_slot[margin : margin + work.n_judged])
    used = np.full(work.caps.take.shape, -1, np.int8)
    rows = work.caps.baselines.row[:, seen]
    low = rows.min(axis=1, initial=len(name), where=rows >= 0)
    high = rows.max(axis=1, initial=-1)
    versions: list[tuple[str, ...]] = [(name[h],) if h >= 0 else () for h in high.tolist()]
    used[:, seen] = np.where(rows >= 0, 0, -1)
    for s in np.flatnonzero(low < high):
        found = np.unique(rows[s][rows[s] >= 0])
        versions[s] = tuple(name[r] for r in found)
        used[s, seen] = np.where(rows[s] >= 0, np.searchsorted(found, rows[s]), -1)
    return versions, used
