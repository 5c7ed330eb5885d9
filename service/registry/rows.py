"""Cells, read -> typed rows of the registry: what one row must hold by itself."""

from collections.abc import Callable
from datetime import date

from detectors.registry import (
    Baseline,
    CalendarDay,
    Exemption,
    Line,
    Meter,
    Multiplier,
    Order,
    Outage,
    Plant,
    Scope,
    ScopeMeter,
    Source,
)
from detectors.vocab import Control, Kind, Measure
from service.registry import rows_plans, rows_thresholds
from service.registry.codes import industry_fault
from service.registry.row_parts import Built, Refuse, Values, same, scope_of, span

_UNITS = {
    Kind.ENERGY_INT: ("kWh", "Wh", "MWh"),
    Kind.ENERGY_REG: ("kWh", "Wh", "MWh"),
    Kind.ENERGY_REG_REV: ("kWh", "Wh", "MWh"),
    Kind.POWER_AVG: ("kW", "W", "MW"),
    Kind.POWER_INST: ("kW", "W", "MW"),
    Kind.DEMAND_MAX: ("kW", "W", "MW"),
    Kind.VOLTAGE: ("V",),
    Kind.CURRENT: ("A",),
}


def build(table: str, values: Values, refuse: Refuse) -> Built:
    """The typed row of ``table``. values: every column of the description, None where empty. Whatever is wrong goes to
    ``refuse``; the row is then worth nothing."""
    return _BUILDERS[table](values, refuse)


def _plant(v: Values, refuse: Refuse) -> Built:
    fault = industry_fault(v["industry"], v["industry_edition"]) if v["industry"] is not None else None
    if fault is not None:
        refuse("industry", *fault)
    columns = same(
        v,
        "plant_id",
        "name",
        "county",
        "uscc",
        "industry",
        "industry_edition",
        "contract_kw",
        "address",
        "lon",
        "lat",
        "contact_phone",
    )
    return Built(Plant(**columns, attributes=v["attributes"] or {}))


def _line(v: Values, refuse: Refuse) -> Built:
    columns = same(v, "line_id", "plant_id", "name", "kind", "units", "unit_kw")
    return Built(Line(**columns, attributes=v["attributes"] or {}))


def _meter(v: Values, refuse: Refuse) -> Built:
    begin, end = span(v, refuse)
    if 86400 % v["period_s"]:
        refuse("period_s", "must divide a day (86400 s)", "应能整除一天（86400秒）")
    units = _UNITS[v["kind"]]
    unit = v["unit"] or units[0]
    if unit not in units:
        allowed = ", ".join(units)
        refuse("unit", f"does not fit the kind: {allowed}", f"单位与量类不符，应为{allowed}")
    columns = same(
        v,
        "meter_id",
        "plant_id",
        "line_id",
        "account",
        "role",
        "kind",
        "scale",
        "period_s",
        "contract_kw",
        "resolution_kwh",
    )
    meter = Meter(**columns, source=v["source"] or "default", unit=unit, valid_from=begin, valid_to=end)
    if v["factor"] is None:
        return Built(meter)
    multiplier = Multiplier(meter.meter_id, begin, end, v["factor"], v["asset_no"])
    return Built(meter, more=(("multipliers", multiplier),))


def _multiplier(v: Values, refuse: Refuse) -> Built:
    begin, end = span(v, refuse)
    return Built(Multiplier(v["meter_id"], begin, end, v["factor"], v["asset_no"]))


def _scope(v: Values, refuse: Refuse) -> Built:
    return Built(Scope(v["scope_id"], v["plant_id"], v["name"] or v["scope_id"], v["kind"]))


def _scope_meter(v: Values, refuse: Refuse) -> Built:
    begin, end = span(v, refuse)
    return Built(ScopeMeter(v["scope_id"], v["meter_id"], v["sign"], begin, end))


def _order(v: Values, refuse: Refuse) -> Built:
    begin, end = span(v, refuse, may_be_empty=v["revision"] > 1)  # withdrawn: never in force
    control: Control = v["control"]
    if v["scope_id"] is None and v["plant_id"] is None:
        refuse("scope_id", "names neither a scope nor a plant", "监测范围与企业编号均为空")
    if control is Control.LIMIT and v["reduction"] is None:
        refuse("reduction", "a limit needs its reduction", "限产须填限产比例")
    if control is Control.CAP and v["cap_kw"] is None:
        refuse("cap_kw", "a cap needs its cap_kw", "限负荷须填允许负荷")
    if control is Control.UNITS and v["units_allowed"] is None and v["reduction"] is None:
        refuse("units_allowed", "needs units_allowed or reduction", "限台数须填允许台数或限产比例")
    measure = v["measure"] or (Measure.ENERGY if control is Control.LIMIT else Measure.POWER)
    if measure is Measure.ENERGY and control is not Control.LIMIT:
        refuse("measure", "only a limit is measured by energy", "仅限产可按电量考核")
    daily_from_s, daily_to_s = _daily_window(v["daily_from"], v["daily_to"], refuse)
    columns = same(
        v,
        "order_id",
        "reduction",
        "cap_kw",
        "units_allowed",
        "residual_kw",
        "ramp_down_h",
        "document",
        "clause",
        "level",
        "revision",
    )
    row = Order(
        **columns,
        scope_id=v["scope_id"] or v["plant_id"] or "",
        control=control,
        valid_from=begin,
        valid_to=end,
        daily_from_s=daily_from_s,
        daily_to_s=daily_to_s,
        measure=measure,
    )
    return Built(row, v["plant_id"])


def _daily_window(begin: int | None, end: int | None, refuse: Refuse) -> tuple[int | None, int | None]:
    """24:00 is the midnight that ends the day; 00:00 to 24:00 is no window."""
    if (begin is None) != (end is None):
        missing = "daily_from" if begin is None else "daily_to"
        refuse(missing, "a daily window needs both its ends", "每日时段的起止须同时填写")
    if begin is None or end is None:
        return None, None
    if begin == end or begin == 86400:
        refuse(
            "daily_to", "the daily window is empty; leave both empty for the whole day", "每日时段为空，全天请都留空"
        )
    if end == 86400:
        return (None, None) if begin == 0 else (begin, 0)
    return begin, end


def _baseline(v: Values, refuse: Refuse) -> Built:
    begin, end = span(v, refuse)
    columns = same(
        v,
        "scope_id",
        "version",
        "running_kw",
        "max_kw",
        "idle_kw",
        "day_kwh",
        "day_type",
        "method",
        "origin",
        "approved_by",
        "night_kwh",
        "night_sd_kwh",
        "floor_kw",
        "equal_h",
        "idle_equal_h",
        "rrmse",
        "bias",
    )
    return Built(Baseline(**columns, valid_from=begin, valid_to=end, profile_kw=v["profile_kw"] or ()))


def _exemption(v: Values, refuse: Refuse) -> Built:
    begin, end = span(v, refuse)
    columns = same(v, "order_id", "max_kw", "reason", "approved_by", "document")
    return Built(Exemption(**columns, scope_id=scope_of(v, refuse), valid_from=begin, valid_to=end))


def _outage(v: Values, refuse: Refuse) -> Built:
    begin, end = span(v, refuse)
    if (v["plant_id"] is None) == (v["meter_id"] is None):
        refuse("plant_id", "name either a plant or a meter", "企业编号与计量点编号须且只能填一项")
    return Built(Outage(begin, end, v["origin"], v["plant_id"], v["meter_id"], v["kind"]))


def _source(v: Values, refuse: Refuse) -> Built:
    return Built(Source(v["source"], v["delay_min"], v["cadence"], v["profile"]))


def _calendar_day(v: Values, refuse: Refuse) -> Built:
    day: date = v["date"]
    return Built(CalendarDay(day, v["kind"], v["name"]))


_BUILDERS: dict[str, Callable[[Values, Refuse], Built]] = {
    "plants": _plant,
    "lines": _line,
    "meters": _meter,
    "multipliers": _multiplier,
    "scopes": _scope,
    "scope_meters": _scope_meter,
    "orders": _order,
    "baselines": _baseline,
    "exemptions": _exemption,
    "thresholds": rows_thresholds.threshold,
    "outages": _outage,
    "sources": _source,
    "listings": rows_plans.listing,
    "plant_plans": rows_plans.plant_plan,
    "approvals": rows_plans.approval,
    "episodes": rows_plans.episode,
    "rotations": rows_plans.rotation,
    "calendar": _calendar_day,
}
