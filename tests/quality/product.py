"""The product judges cases: each is a plant of its own in one registry, with one meter and a source of its own, so
that silence of the others is no ``feed_down``. The back-test's own code does the rest (``detectors.history``)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt

from detectors.history import History
from detectors.reading_days import ReadingDays
from detectors.readings import ReadingColumns
from detectors.registry import Meter, Plant, Registry, Source
from detectors.slots import local_date, local_day
from detectors.vocab import Kind, Rule, Scale, Verdict
from detectors.world import World, compile_world
from service.calendar import office_day_type
from tests.quality.case import Case
from tests.quality.fit import Fitted
from tests.quality.judging import Outcome, Raised
from tests.quality.natural import Span
from tests.quality.sites import SLOT_S

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

#: Cases in one registry: enough to spread the cost of a day, few enough that the days of all lie close together.
TOGETHER = 64


def judged(cases: Sequence[Case], baselines: Sequence[Fitted]) -> Iterator[Outcome]:
    """Judge cases with everything that came in; baselines: those of each case."""
    order = sorted(range(len(cases)), key=lambda i: (cases[i].zone, cases[i].first_slot))
    at = 0
    while at < len(order):
        zone = cases[order[at]].zone
        block = [i for i in order[at : at + TOGETHER] if cases[i].zone == zone]
        at += len(block)
        yield from _judged([cases[i] for i in block], [baselines[i] for i in block])


def registry_of(cases: Sequence[Case], baselines: Sequence[Fitted]) -> Registry:
    """One plant, meter, source, order and baseline for each case, all named by its place."""
    ids = [f"case-{i:04d}" for i in range(len(cases))]
    return Registry(
        zone=cases[0].zone,
        sources=tuple(Source(i) for i in ids),
        plants=tuple(Plant(i, i, "county") for i in ids),
        meters=tuple(_meter(i, c.period_s) for i, c in zip(ids, cases, strict=True)),
        orders=tuple(
            replace(c.order, order_id=f"{i}-order", scope_id=i)
            for i, c in zip(ids, cases, strict=True)
            if c.order is not None
        ),
        baselines=tuple(replace(b, scope_id=i) for i, bs in zip(ids, baselines, strict=True) for b in bs),
    )


def _meter(plant_id: str, period_s: int) -> Meter:
    if period_s == SLOT_S:
        return Meter(f"{plant_id}-m", plant_id, source=plant_id, kind=Kind.POWER_AVG)
    return Meter(f"{plant_id}-m", plant_id, source=plant_id, kind=Kind.ENERGY_INT, unit="kWh", period_s=period_s)


def readings_of(cases: Sequence[Case]) -> ReadingColumns:
    """What the meters sent."""
    parts = []
    for i, case in enumerate(cases):
        ts = (case.first_slot + 1 + np.arange(len(case.sent_kw), dtype=np.int64)) * SLOT_S
        sent = columns_of(i, Kind.POWER_AVG, ts, case.sent_kw, case.quality, case.late_s, SLOT_S)
        if case.period_s != SLOT_S:
            sent = _daily(i, case)
        parts.append(sent)
    return ReadingColumns.concat(parts)


def columns_of(
    meter: int, kind: Kind, ts: I64, values: F64, quality: npt.NDArray[np.int8], late_s: I64, period_s: int
) -> ReadingColumns:
    """Readings of one meter, [N]."""
    n = len(ts)
    return ReadingColumns(
        np.full(n, meter, np.int32),
        np.full(n, kind, np.int8),
        ts,
        values,
        quality,
        np.zeros(n, np.int32),
        (ts + late_s) * 1000,
        np.full(n, Scale.PRIMARY, np.int8),
        np.full(n, period_s, np.int32),
        np.zeros(n, np.bool_),
    )


def _daily(meter: int, case: Case) -> ReadingColumns:
    """One energy a local day, in whole kWh as the source has them; none where a slot of the day has no evidence."""
    first, last = (local_date(case.zone, s * SLOT_S) for s in (case.first_slot, case.end_slot - 1))
    days = [local_day(case.zone, date.fromordinal(d), SLOT_S) for d in range(first.toordinal(), last.toordinal() + 1)]
    days = [d for d in days if d.first_slot >= case.first_slot and d.end_slot <= case.end_slot]
    spans = [case.columns(Span(d.first_slot, d.end_slot)) for d in days]
    values = np.array([np.round(case.sent_kw[s].sum() * SLOT_S / 3600) for s in spans], np.float64)
    quality = np.array([case.quality[s].max() for s in spans], np.int8)
    ts = np.array([d.end_slot * SLOT_S for d in days], np.int64)
    late_s = np.array([case.late_s[s].max() for s in spans], np.int64)
    return columns_of(meter, Kind.ENERGY_INT, ts, values, quality, late_s, case.period_s)


def _judged(cases: Sequence[Case], baselines: Sequence[Fitted]) -> Iterator[Outcome]:
    registry = registry_of(cases, baselines)
    world = compile_world(registry, SLOT_S, office_day_type(registry))
    as_of = max(c.end_slot for c in cases) * SLOT_S
    history = History(world, ReadingDays.of(world, readings_of(cases)), as_of)
    verdicts = [np.zeros(len(c.true_kw), np.uint8) for c in cases]
    days: list[dict[int, int]] = [{} for _ in cases]
    rows = np.array([world.scope_row[f"case-{i:04d}"] for i in range(len(cases))])
    for result in history.judge(np.arange(len(world.scope_ids), dtype=np.int64)):
        n = result.slots.shape[1]
        for i, case in enumerate(cases):
            low, high = max(result.first_slot, case.first_slot), min(result.first_slot + n, case.end_slot)
            if low >= high:
                continue
            said = result.slots[rows[i]]["verdict"][low - result.first_slot : high - result.first_slot]
            verdicts[i][low - case.first_slot : high - case.first_slot] = said
            if result.rows.verdict[rows[i]] != Verdict.NO_ORDER:
                days[i][result.first_slot] = int(result.rows.verdict[rows[i]])
    raised = _raised(world, history, len(cases))
    for i, case in enumerate(cases):
        yield Outcome(case, raised[i], verdicts[i], days[i])


def _raised(world: World, history: History, n: int) -> list[list[Raised]]:
    raised: list[list[Raised]] = [[] for _ in range(n)]
    for alert in history.alerts.values():
        if alert.rule == Rule.FEED_DOWN:
            continue
        place = int(alert.scope_id.removeprefix("case-"))
        raised[place].append(
            Raised(alert.rule.value, alert.grade, alert.first_slot, alert.opened_slot, alert.last_slot)
        )
    for mine in raised:
        mine.sort(key=lambda a: (a.opened_slot, a.rule))
    return raised
