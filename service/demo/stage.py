"""The stage on which the demo is set: meters with their curves, faults of their data, and the registry around them.

A ``Stage`` is filled by ``service.demo.setting`` (every plant as it would run) and changed by the scenes of
``service.demo.scenes_load`` and ``scenes_data``, each of which plants one thing.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from detectors.registry import (
    Baseline,
    Exemption,
    Line,
    Meter,
    Multiplier,
    Order,
    Outage,
    Plant,
    Registry,
    Scope,
    ScopeMeter,
    Source,
)
from detectors.vocab import Kind, Quality, Scale
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
    orders: list[Order]
    baselines: list[Baseline]
    multipliers: list[Multiplier]
    lines: list[Line] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    scope_meters: list[ScopeMeter] = field(default_factory=list)
    exemptions: list[Exemption] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
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

    def change_order(self, key: str, **changes: object) -> None:
        """Replace fields of the order of plant ``key``."""
        i = next(i for i, o in enumerate(self.orders) if o.scope_id == f"DEMO-{key}")
        self.orders[i] = replace(self.orders[i], **changes)  # type: ignore[arg-type]

    def order_id(self, key: str) -> str:
        """Id of the (first) order of plant ``key``."""
        return next(o.order_id for o in self.orders if o.scope_id == f"DEMO-{key}")

    def registry(self, *, is_complete: bool) -> Registry:
        """The office's registry; not complete: without the meters it learns later."""
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
            orders=tuple(self.orders),
            baselines=tuple(self.baselines),
            exemptions=tuple(self.exemptions),
            outages=tuple(self.outages),
        )
