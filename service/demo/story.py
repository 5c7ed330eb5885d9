"""The demo's story: registry, readings in the order of collection, and what is planted. Pure and seeded."""

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from detectors.registry import Registry
from detectors.vocab import Kind, Quality, Scale, code
from service.demo import scenes_data, scenes_heard, scenes_load, scenes_night, scenes_plan
from service.demo.expected import Planted
from service.demo.plan import planned
from service.demo.registry_files import write_registry
from service.demo.season import END_S, SLOT_S, SLOTS, START_S, ZONE
from service.demo.setting import set_stage
from service.demo.stage import Channel, Record, Stage

#: The demo ends here: what is collected later is not played.
LAST_COLL_S = END_S + 300
READINGS_FILE = "readings.csv"
REGISTRY_DIR = "registry"
OFFICE_DIR = "office"
COLUMNS = ("meter_id", "ts", "value", "kind", "unit", "scale", "period_s", "q", "rev", "coll")


@dataclass(frozen=True, slots=True)
class Story:
    """What the demo plays.

    office: what the office holds before a plan is applied, ``later_office`` from ``later_at_s`` on (epoch seconds).
    registry, later_registry: the same with what the plan makes of it, orders first of all.
    """

    office: Registry
    later_office: Registry
    registry: Registry
    later_registry: Registry
    later_at_s: int
    records: tuple[Record, ...]  # by coll_ms
    planted: tuple[Planted, ...]
    pauses_s: tuple[int, ...]  # where a player lets the judgement catch up, epoch seconds

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write what ``cuofeng backtest`` reads: the complete registry as CSV files, and the readings. Beside it what
        ``cuofeng plan`` makes the orders from: the office's rows.

        Returns the registry's folder and the readings' file.
        """
        registry, readings = folder / REGISTRY_DIR, folder / READINGS_FILE
        write_registry(self.later_registry, registry)
        write_registry(self.later_office, folder / OFFICE_DIR)
        with readings.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(csv_row(r) for r in self.records)
        return registry, readings


def csv_row(record: Record) -> tuple[str | float | int, ...]:
    """A record as a row of a readings file (``COLUMNS``)."""
    return (
        record.meter_id,
        local_time(record.ts),
        "" if record.value is None else record.value,
        code(record.kind),
        record.unit,
        code(record.scale),
        record.period_s,
        record.q.name,
        record.rev,
        local_time(record.coll_ms / 1000),
    )


def local_time(epoch_s: float) -> str:
    """RFC 3339 with the offset of the demo's zone."""
    return datetime.fromtimestamp(epoch_s, ZONE).isoformat()


def build(seed: int = 210) -> Story:
    """The whole story. ``seed`` only moves the minutes after which readings arrive."""
    stage = set_stage()
    scenes = (*scenes_load.SCENES, *scenes_plan.SCENES, *scenes_heard.SCENES, *scenes_night.SCENES, *scenes_data.SCENES)
    planted = tuple(scene(stage) for scene in scenes)
    office, later_office = stage.registry(is_complete=False), stage.registry(is_complete=True)
    clock = random.Random(seed)
    records = [*stage.extra]
    for channel in stage.channels.values():
        sent = list(_sent(channel, clock))
        records += sent
        if channel.meter.meter_id in stage.duplicated:
            records += sent
    records = [r for r in records if r.coll_ms <= LAST_COLL_S * 1000]
    records.sort(key=lambda r: (r.coll_ms, r.meter_id, r.kind, r.ts))
    return Story(
        office=office,
        later_office=later_office,
        registry=planned(office),
        later_registry=planned(later_office),
        later_at_s=max(stage.unknown_until.values()),
        records=tuple(records),
        planted=planted,
        pauses_s=_pauses(stage),
    )


def _pauses(stage: Stage) -> tuple[int, ...]:
    """Ends of slots before readings that take something back come in, and before the registry learns something:
    what was believed until then must have been judged by then."""
    events = {r.coll_ms // 1000 for r in stage.extra} | set(stage.unknown_until.values())
    return tuple(sorted({(event - 1) // SLOT_S * SLOT_S for event in events}))


def _sent(channel: Channel, clock: random.Random) -> Iterator[Record]:
    """Every reading of a channel, collected one to four minutes after its interval unless the scene says later."""
    meter = channel.meter
    if meter.kind is Kind.ENERGY_REG:
        primary = 4000.0 * channel.factor[0] + np.cumsum(channel.load_kw) * SLOT_S / 3600
    else:
        primary = channel.load_kw
    values = np.round(primary / channel.factor, channel.digits)
    for slot in range(SLOTS):
        ts = START_S + SLOT_S * (slot + 1)
        coll_ms = (ts + int(channel.delay_s[slot])) * 1000 + clock.randrange(60_000, 240_000)
        if not channel.sent[slot]:
            continue
        yield Record(
            meter.meter_id,
            ts,
            float(values[slot]),
            meter.kind,
            meter.unit,
            meter.scale,
            SLOT_S,
            Quality(int(channel.q[slot])),
            0,
            coll_ms,
        )
        if channel.voltage_v is not None:
            volts = round(float(channel.voltage_v[slot]), 1)
            yield Record(meter.meter_id, ts, volts, Kind.VOLTAGE, "V", Scale.PRIMARY, SLOT_S, Quality.M, 0, coll_ms)
