"""An alert as the feed shows it (CONTRACTS §4), with its sentences in Chinese and English."""

import zlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from math import isnan
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from consumers.alert_case import AlertCase
from consumers.alert_words import summary
from detectors.alert_thresholds import thresholds_of
from detectors.alerts import Alert
from detectors.confidence import THRESHOLD as LOW_CONFIDENCE
from detectors.registry import Baseline, Order, Plant
from detectors.slots import instant, local_date
from detectors.threshold_table import NO_SCOPE
from detectors.vocab import Evidence, Kind, Rule, Scale
from detectors.world import World, baseline_at

#: Rendered alerts kept: those of a day are judged again with each of its slots, and few change. One takes 0.2 kB by its
#: differences from the first of its rule. As JSON it takes 1.2, and lies in the heap between what passes free.
MOST_KEPT = 10_000


class AlertViews:
    """Renders alerts of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: dict[str, tuple[Alert, Evidence, bytes]] = {}
        self._first: dict[Rule, bytes] = {}
        plants = {p.plant_id: p for p in world.registry.plants}
        self._plant_of: dict[str, Plant] = {s.scope_id: plants[s.plant_id] for s in world.registry.scopes}
        self._order: dict[str, Order] = {o.order_id: o for o in world.orders}
        self._zone = ZoneInfo(world.zone)
        self._baselines: dict[str, list[Baseline]] = defaultdict(list)
        for baseline in world.baselines:
            self._baselines[baseline.scope_id].append(baseline)

    def render(self, alert: Alert, as_of: int) -> dict[str, Any]:
        """The alert of CONTRACTS §4; work and publication are added by whoever publishes."""
        name, evidence = alert.alert_id(self._world.slot_s), alert.evidence(self._world.zone, self._world.slot_s, as_of)
        kept = self._kept.get(name)
        if kept is None or kept[0] != alert or kept[1] != evidence:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            text = msgspec.json.encode(self._rendered(alert, name, evidence))
            packer = zlib.compressobj(1, zdict=self._first.setdefault(alert.rule, text))
            self._kept[name] = replace(alert), evidence, packer.compress(text) + packer.flush()
        else:
            text = zlib.decompressobj(zdict=self._first[alert.rule]).decompress(kept[2])
        view: dict[str, Any] = msgspec.json.decode(text)
        return view

    def _rendered(self, alert: Alert, name: str, evidence: Evidence) -> dict[str, Any]:
        slot_s = self._world.slot_s
        plant = self._plant_of.get(alert.scope_id)
        order = self._order.get(alert.order_id or "")
        peak_kw = None if alert.peak_wh is None else round(alert.peak_wh * 3.6 / slot_s, 3)
        over_kwh = None if alert.over_wh is None else round(alert.over_wh / 1000, 3)
        view: dict[str, Any] = {
            "id": name,
            "scope_id": alert.scope_id,
            "plant_id": plant.plant_id if plant else None,
            "county": plant.county if plant else None,
            "rule": alert.rule.value,
            "grade": alert.grade,
            "order_id": alert.order_id,
            "order_revision": alert.order_revision,
            "baseline_version": alert.baseline_version,
            "condition": alert.condition.value,
            "evidence": evidence.value,
            "work": "new",
            "first_slot_end": self._end(alert.first_slot),
            "opened_at_slot_end": self._end(alert.opened_slot),
            "last_slot_end": self._end(alert.last_slot),
            "closed_slot_end": self._end(alert.closed_slot),
            "close_reason": alert.close_reason.value if alert.close_reason else None,
            "peak_kw": peak_kw,
            "cap_kw": None if alert.peak_cap_kw is None else round(alert.peak_cap_kw, 3),
            "energy_over_kwh": over_kwh,
            "coverage": round(alert.coverage, 3),
            "thresholds": thresholds_of(self._world, alert, order),
            "replaced_by": None,
        }
        if alert.meters:
            view["meters"] = list(alert.meters)
        view["summary"] = summary(self._case(alert, plant, view["thresholds"]))
        return view

    def _end(self, slot: int | None) -> str | None:
        if slot is None:
            return None
        return datetime.fromtimestamp((slot + 1) * self._world.slot_s, self._zone).isoformat()

    def _case(self, alert: Alert, plant: Plant | None, thresholds: Mapping[str, Any]) -> AlertCase:
        zone, scope = self._world.zone, self._world.scope_row.get(alert.scope_id, NO_SCOPE)
        midnight = instant(zone, local_date(zone, alert.last_slot * self._world.slot_s), 0)

        def holds(rule: str, name: str) -> float:
            return self._world.thresholds.of_scope(rule, name, scope, midnight)[0]

        return AlertCase(
            alert=alert,
            subject=plant.name if plant else alert.scope_id.removeprefix("source:"),
            order=self._order.get(alert.order_id or ""),
            baseline=self._baseline(alert),
            thresholds=thresholds,
            below_min=holds("closing", "below_min"),
            below_share=holds("closing", "below_share"),
            low_confidence=holds(*LOW_CONFIDENCE),
            steps_kw=self._steps_kw(alert),
            slot_s=self._world.slot_s,
            zone=self._zone,
        )

    def _baseline(self, alert: Alert) -> Baseline | None:
        """The baseline that an alert names: of its day types the one that its first day takes."""
        start_s = alert.first_slot * self._world.slot_s
        named = [b for b in self._baselines.get(alert.scope_id, ()) if b.version == alert.baseline_version]
        kind = self._world.day_type(local_date(self._world.zone, start_s))
        return baseline_at(named, start_s, kind) or next(iter(named), None)

    def _steps_kw(self, alert: Alert) -> dict[str, float]:
        """What one register step is worth a slot, of the scope's register meters whose multiplier is known."""
        world, row = self._world, self._world.scope_row.get(alert.scope_id)
        if row is None:
            return {}
        first, last = np.searchsorted(world.member_scope, [row, row + 1])
        counted = world.member_meter[first:last][world.member_sign[first:last] != 0]
        steps = {}
        for meter in counted.tolist():
            of = world.registry.meters[meter]
            if of.kind != Kind.ENERGY_REG:
                continue
            at = np.array([alert.first_slot * world.slot_s], np.int64)
            factor = 1.0 if of.scale == Scale.PRIMARY else float(world.factors(np.array([meter], np.int64), at)[0])
            if not isnan(factor):
                steps[of.meter_id] = of.resolution_kwh * factor * 3600 / world.slot_s
        return steps
