"""The stage on which the demo is set: meters with their curves, faults of their data, and the registry around them.

A ``Stage`` is filled by ``service.demo.setting`` (every plant as it would run) and changed by the scenes of
``service.demo.scenes_load``, ``scenes_plan`` and ``scenes_data``, each of which plants one thing.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.registry import (
    Approval,
    Baseline,
    Episode,
    Exemption,
    Line,
    Listing,
    Meter,
    Multiplier,
    Outage,
    Plant,
    PlantPlan,
    Registry,
    Rotation,
    Scope,
    ScopeMeter,
    Source,
)
from detectors.vocab import Kind, Quality, Scale
from service.demo.cast import BY_KEY, DOCUMENT
from service.demo.measured import Template
from service.demo.season import SLOTS, shift_work

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Record:
    """One reading as it goes out (CONTRACTS §2). ``ts`` epoch seconds, interval end; ``coll_ms`` epoch milliseconds."""

    meter_id: str
    ts: int
    value: float | None
    kind: Kind
    unit: str
    scale: Scale
    period_s: int
    q: Quality
    rev: int
    coll_ms: int


@dataclass(slots=True)
class Channel:
    """One meter and what it sends. Arrays have one element a slot of the demo."""

    meter: Meter
    load_kw: F64
    factor: F64  # multiplier of each slot, 1 for primary values
    digits: int  # decimals of a sent value
    sent: Bool = field(default_factory=lambda: np.ones(SLOTS, np.bool_))
    delay_s: I64 = field(default_factory=lambda: np.zeros(SLOTS, np.int64))  # besides the ordinary minutes
    q: npt.NDArray[np.int8] = field(default_factory=lambda: np.zeros(SLOTS, np.int8))
    voltage_v: F64 | None = None


@dataclass(slots=True)
class Stage:
    """Everything that is being set up. Channels by meter id, ``main`` the supply meter of each plant's key."""

    templates: dict[str, Template]  # by plant key
    scales: dict[str, float]
    channels: dict[str, Channel]
    main: dict[str, str]
    plants: list[Plant]
    meters: list[Meter]
    sources: list[Source]
    baselines: list[Baseline]
    multipliers: list[Multiplier]
    lines: list[Line] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    scope_meters: list[ScopeMeter] = field(default_factory=list)
    exemptions: list[Exemption] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    plant_plans: list[PlantPlan] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    rotations: list[Rotation] = field(default_factory=list)
    extra: list[Record] = field(default_factory=list)  # corrections, re-collections, duplicates
    duplicated: set[str] = field(default_factory=set)  # meters whose every reading is sent twice
    unknown_until: dict[str, int] = field(default_factory=dict)  # meters that the first registry does not hold

    def channel(self, key: str) -> Channel:
        """The supply meter of plant ``key``."""
        return self.channels[self.main[key]]

    def running_kw(self, key: str) -> float:
        """R of plant ``key``."""
        return self.templates[key].running_kw * self.scales[key]

    def works(self, key: str, first: int, last: int, share: float = 1.0) -> None:
        """Lay ``share`` of measured full work over the slots first..last-1."""
        curve = shift_work(self.templates[key], last - first) * self.scales[key] * share
        self.channel(key).load_kw[first:last] = curve

    def block(self, key: str, slots: I64 | slice, share: float) -> None:
        """Add a constant load of ``share`` x R on top of what the plant draws at ``slots``."""
        self.channel(key).load_kw[slots] += share * self.running_kw(key)

    def own_plan(self, key: str, measure: str, **values: Any) -> None:
        """Add a 一厂一策 of plant ``key``: the fields of ``PlantPlan`` that it sets, and its words."""
        self.plant_plans.append(PlantPlan(f"DEMO-{key}", DOCUMENT, measure=measure, **values))

    def order_id(self, key: str) -> str:
        """Id of the season's order of plant ``key``."""
        return BY_KEY[key].order_id

    def registry(self, *, is_complete: bool) -> Registry:
        """What the office holds before a plan is applied; not complete: without the meters it learns later."""
        hidden = set() if is_complete else set(self.unknown_until)
        return Registry(
            zone="Asia/Shanghai",
            sources=tuple(self.sources),
            plants=tuple(self.plants),
            lines=tuple(self.lines),
            meters=tuple(m for m in self.meters if m.meter_id not in hidden),
            multipliers=tuple(m for m in self.multipliers if m.meter_id not in hidden),
            scopes=tuple(self.scopes),
            scope_meters=tuple(m for m in self.scope_meters if m.meter_id not in hidden),
            baselines=tuple(self.baselines),
            exemptions=tuple(self.exemptions),
            outages=tuple(self.outages),
            listings=tuple(self.listings),
            plant_plans=tuple(self.plant_plans),
            approvals=tuple(self.approvals),
            episodes=tuple(self.episodes),
            rotations=tuple(self.rotations),
        )
