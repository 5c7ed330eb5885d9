"""Writes a registry as the folder of CSV files that `cuofeng import` and `cuofeng backtest` read (CONTRACTS §1)."""

import csv
from collections.abc import Mapping
from datetime import date, datetime
from enum import IntEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from detectors.registry import ALWAYS, FOREVER, Registry
from detectors.vocab import code

#: Where a table demands a `from` and the registry has an open beginning.
EARLIEST = "2000-01-01T00:00:00+08:00"

#: Columns of each table, as CONTRACTS §1 names them.
COLUMNS = {
    "sources": "source delay_min cadence profile",
    "plants": "plant_id name county uscc industry industry_edition contract_kw address lon lat contact_phone"
    " attributes",
    "lines": "line_id plant_id name kind units unit_kw attributes",
    "meters": "meter_id plant_id line_id account source role kind unit scale period_s contract_kw from to",
    "multipliers": "meter_id from to factor asset_no",
    "scopes": "scope_id plant_id name kind",
    "scope_meters": "scope_id meter_id sign from to",
    "orders": "order_id scope_id control from to daily_from daily_to reduction cap_kw units_allowed residual_kw"
    " ramp_down_h measure document clause level revision",
    "baselines": "scope_id version from to running_kw max_kw idle_kw day_kwh day_type profile_kw method origin"
    " approved_by night_kwh night_sd_kwh floor_kw equal_h idle_equal_h rrmse bias",
    "exemptions": "scope_id order_id from to max_kw reason approved_by document",
    "thresholds": "scope_id rule name value from to origin approved_by",
    "outages": "plant_id meter_id from to kind origin",
    "calendar": "date kind name",
    "listings": "document plant_id line_id clause measure office office_phone office_person",
    "plant_plans": "plant_id document line_id level lines_stopped control reduction units_allowed cap_kw residual_kw"
    " ramp_down_h from to measure office office_phone office_person",
    "approvals": "scope_id from to task max_kw approved_by document filed_with",
    "episodes": "episode_id from to level document county",
    "rotations": "scope_id from to group document approved_by",
}
_ATTRIBUTE = {
    "from": "valid_from",
    "to": "valid_to",
    "daily_from": "daily_from_s",
    "daily_to": "daily_to_s",
    "date": "day",
}


def write_registry(registry: Registry, folder: Path) -> None:
    """One CSV a table, UTF-8, English headers, times with the zone's offset; an empty table is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    zone = ZoneInfo(registry.zone)
    for table, names in COLUMNS.items():
        rows = getattr(registry, table)
        if not rows:
            continue
        header = names.split()
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            for row in rows:
                cells = [_cell(name, getattr(row, _ATTRIBUTE.get(name, name)), zone) for name in header]
                if table == "multipliers":
                    cells[1] = cells[1] or EARLIEST
                writer.writerow(cells)


def _cell(name: str, value: object, zone: ZoneInfo) -> str:
    if value is None or (name in ("from", "to") and value in (ALWAYS, FOREVER)):
        text = ""
    elif name in ("from", "to") and isinstance(value, int):
        text = datetime.fromtimestamp(value, zone).isoformat()
    elif name in ("daily_from", "daily_to") and isinstance(value, int):
        text = f"{value // 3600:02d}:{value % 3600 // 60:02d}"
    elif isinstance(value, IntEnum):
        text = code(value)
    elif isinstance(value, Mapping):
        text = ";".join(f"{k}={v}" for k, v in sorted(value.items()))
    elif isinstance(value, tuple):
        text = ";".join(str(v) for v in value)
    elif isinstance(value, date):
        text = value.isoformat()
    else:
        text = str(value)
    return text
