"""An alert as the feed shows it (CONTRACTS §4), with its sentence in Chinese and English."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from detectors.alerts import Alert
from detectors.episodes import thresholds_of
from detectors.registry import Order, Plant
from detectors.vocab import Rule
from detectors.world import World

_NAMES = {
    Rule.STOP_RUN: ("停产期间运行", "ran under a stop order"),
    Rule.STOP_DAY: ("停产日电量超限", "used more energy than a stopped plant may in a day"),
    Rule.LIMIT_SLOT: ("超限产负荷", "drew more than its limited load"),
    Rule.LIMIT_DAY: ("日电量超限产上限", "broke its energy cap of the day"),
    Rule.LIMIT_PACE: ("按当前速度将超日电量上限", "will break its energy cap of the day at the present pace"),
    Rule.HOURS_OVER: ("当日累计超限4小时", "was over its cap for 4 h of the day"),
    Rule.CAP_ABS: ("超过核定最大负荷", "drew more than its approved load"),
    Rule.UNITS_OVER: ("运行生产线(台)数超过允许数", "ran more lines or cells than allowed"),
    Rule.OFFLINE: ("计量点无数据", "has a silent meter"),
    Rule.FEED_DOWN: ("数据源中断", "is down: no plant is accused"),
    Rule.OUTAGE: ("停电", "has no power"),
    Rule.BAD_DATA: ("数据可疑", "has readings that were set aside"),
}


class AlertViews:
    """Renders alerts of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        plants = {p.plant_id: p for p in world.registry.plants}
        self._plant_of: dict[str, Plant] = {s.scope_id: plants[s.plant_id] for s in world.registry.scopes}
        self._order: dict[str, Order] = {o.order_id: o for o in world.orders}
        self._zone = ZoneInfo(world.zone)

    def render(self, alert: Alert, as_of: int) -> dict[str, Any]:
        """The alert of CONTRACTS §4; work and publication are added by whoever publishes."""
        slot_s = self._world.slot_s
        plant = self._plant_of.get(alert.scope_id)
        order = self._order.get(alert.order_id or "")
        peak_kw = None if alert.peak_wh is None else round(alert.peak_wh * 3.6 / slot_s, 3)
        over_kwh = None if alert.over_wh is None else round(alert.over_wh / 1000, 3)
        view: dict[str, Any] = {
            "id": alert.alert_id(slot_s),
            "scope_id": alert.scope_id,
            "plant_id": plant.plant_id if plant else None,
            "county": plant.county if plant else None,
            "rule": alert.rule.value,
            "grade": alert.grade,
            "order_id": alert.order_id,
            "order_revision": alert.order_revision,
            "baseline_version": alert.baseline_version,
            "condition": alert.condition.value,
            "evidence": alert.evidence(self._world.zone, slot_s, as_of).value,
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
            "thresholds": thresholds_of(alert, order),
            "replaced_by": None,
        }
        if alert.meters:
            view["meters"] = list(alert.meters)
        view["summary"] = self._summary(alert, plant, view)
        return view

    def _end(self, slot: int | None) -> str | None:
        if slot is None:
            return None
        return datetime.fromtimestamp((slot + 1) * self._world.slot_s, self._zone).isoformat()

    def _summary(self, alert: Alert, plant: Plant | None, view: dict[str, Any]) -> dict[str, str]:
        zh_what, en_what = _NAMES[alert.rule]
        subject = plant.name if plant else alert.scope_id.removeprefix("source:")
        begin = datetime.fromtimestamp(alert.first_slot * self._world.slot_s, self._zone)
        end = datetime.fromtimestamp((alert.last_slot + 1) * self._world.slot_s, self._zone)
        when = f"{begin:%m-%d %H:%M}–{end:%m-%d %H:%M}"
        zh, en = f"{subject}:{zh_what},{when}", f"{subject} {en_what}, {when}"
        if view["peak_kw"] is not None:
            zh, en = f"{zh},最高 {view['peak_kw']:.1f} kW", f"{en}, peak {view['peak_kw']:.1f} kW"
            if view["cap_kw"] is not None:
                zh, en = f"{zh}(允许 {view['cap_kw']:.1f} kW)", f"{en} (cap {view['cap_kw']:.1f} kW)"
        if (view["energy_over_kwh"] or 0) > 0:
            zh, en = f"{zh},超出 {view['energy_over_kwh']:.1f} kWh", f"{en}, {view['energy_over_kwh']:.1f} kWh over"
        if alert.meters:
            names = ", ".join(alert.meters[:3])
            zh, en = f"{zh},计量点 {names}", f"{en}, meters {names}"
        return {"zh": f"{zh}。", "en": f"{en}."}
