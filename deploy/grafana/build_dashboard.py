"""Writes the dashboard: `python deploy/grafana/build_dashboard.py`. A test fails when the written file is another.

Classic schema (39), the data source by variable, a stable uid, zone Asia/Shanghai, Chinese and English titles.
"""

import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent / "dashboards" / "cuofeng.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PLANTS = "on (plant_id) group_left (name, county) cuofeng_plant_info"
MATCH = '{county=~"$county", plant_id=~"$plant"}'
RED, GREEN, AMBER = "red", "green", "orange"


def target(expr: str, legend: str = "", *, ref: str = "A", is_table: bool = False) -> dict[str, Any]:
    """One query. Tables ask for the present instant only."""
    made = {"refId": ref, "datasource": SOURCE, "expr": expr, "legendFormat": legend}
    return made | ({"instant": True, "range": False, "format": "table"} if is_table else {"range": True})


def panel(
    kind: str,
    title: str,
    place: tuple[int, int, int, int],
    targets: list[dict[str, Any]],
    *,
    unit: str = "short",
    steps: list[tuple[str, float | None]] | None = None,
    description: str = "",
    **more: Any,
) -> dict[str, Any]:
    """One panel; ``place`` is x, y, width, height in the grid of 24 columns."""
    x, y, w, h = place
    thresholds = {"mode": "absolute", "steps": [{"color": c, "value": v} for c, v in steps or [(GREEN, None)]]}
    defaults: dict[str, Any] = {"unit": unit, "thresholds": thresholds, "custom": more.pop("custom", {})}
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": w, "h": h},
        "fieldConfig": {"defaults": defaults, "overrides": more.pop("overrides", [])},
        "options": more.pop("options", {}),
        "targets": targets,
        **more,
    }


def stat(title: str, x: int, expr: str, *, width: int = 4, **more: Any) -> dict[str, Any]:
    """One number, the present one."""
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "background"}
    return panel("stat", title, (x, 1, width, 4), [target(expr)], options=options, **more)


def row(title: str, y: int) -> dict[str, Any]:
    """A heading."""
    return {
        "type": "row",
        "title": title,
        "collapsed": False,
        "panels": [],
        "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
    }


def variable(name: str, label: str, query: str) -> dict[str, Any]:
    """A choice made of a label's values, all by default."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "query": {"query": query, "refId": "values"},
        "definition": query,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "refresh": 2,
        "sort": 1,
        "current": {"text": "All", "value": "$__all"},
    }


def step_line(color: str) -> list[dict[str, Any]]:
    """Shown as steps in one colour."""
    return [
        {"id": "custom.lineInterpolation", "value": "stepAfter"},
        {"id": "color", "value": {"mode": "fixed", "fixedColor": color}},
    ]


def panels() -> list[dict[str, Any]]:
    """All panels, from top to bottom."""
    gaps = {"spanNulls": False, "lineWidth": 2}
    by_county = '{county=~"$county"}'
    violating = f"cuofeng_plant_violating * {PLANTS}{by_county}"
    stepped = {**gaps, "lineInterpolation": "stepAfter"}
    hidden = dict.fromkeys(("Time", "Value", "instance", "job"), True)
    answer_time = "rate(cuofeng_http_request_duration_seconds_bucket[$__rate_interval])"
    made = [
        row("研判 Judgement", 0),
        stat("违规企业 Plants violating", 0, f"sum({violating})", steps=[(GREEN, None), (RED, 1)]),
        stat(
            "无法判定 Plants unknown",
            4,
            f"count(cuofeng_plant_info{by_county}) - count({violating})",
            steps=[(GREEN, None), (AMBER, 1)],
        ),
        stat("未关闭告警 Open alerts", 8, "sum(cuofeng_alerts_open)", steps=[(GREEN, None), (AMBER, 1)]),
        stat(
            "数据可能不完整 Degraded",
            12,
            "max(cuofeng_degraded)",
            steps=[(GREEN, None), (RED, 1)],
            description="1: an empty feed may hide violations",
        ),
        stat(
            "数据截至 Data as of",
            16,
            "max(cuofeng_data_as_of_timestamp_seconds) * 1000",
            width=5,
            unit="dateTimeAsIso",
        ),
        stat(
            "延迟 Ingest lag",
            21,
            "max(cuofeng_ingest_lag_seconds)",
            width=3,
            unit="s",
            steps=[(GREEN, None), (RED, 60)],
        ),
        panel(
            "timeseries",
            "各县区违规企业 Plants violating by county",
            (0, 5, 12, 8),
            [target("county:cuofeng_plant_violating:sum" + by_county, "{{county}}")],
            custom=stepped,
        ),
        panel(
            "table",
            "违规企业名单 Violating now",
            (12, 5, 12, 8),
            [target(f"cuofeng_plant_violating * {PLANTS}{MATCH} == 1", is_table=True)],
            transformations=[{"id": "organize", "options": {"excludeByName": hidden}}],
        ),
        row("负荷 Load", 13),
        panel(
            "timeseries",
            "负荷与允许负荷 Load against cap",
            (0, 14, 16, 10),
            [
                target(f"cuofeng_plant_load_watts * {PLANTS}{MATCH}", "{{name}} 负荷 load"),
                target(f"cuofeng_plant_cap_watts * {PLANTS}{MATCH}", "{{name}} 允许 cap", ref="B"),
            ],
            unit="watt",
            custom=gaps,
            overrides=[{"matcher": {"id": "byRegexp", "options": ".*cap$"}, "properties": step_line(RED)}],
            description="A plant of which nothing was heard has no line: gaps are gaps",
        ),
        panel(
            "bargauge",
            "负荷 / 允许负荷 前10 Load per cap, top 10",
            (16, 14, 8, 10),
            [target(f"topk(10, plant_id:cuofeng_plant_load_per_cap:ratio * {PLANTS}{by_county})", "{{name}}")],
            unit="percentunit",
            steps=[(GREEN, None), (RED, 1)],
            options={"orientation": "horizontal", "displayMode": "basic"},
        ),
        panel(
            "timeseries",
            "完整率 Coverage",
            (0, 24, 12, 7),
            [target(f"cuofeng_plant_coverage_ratio * {PLANTS}{MATCH}", "{{name}}")],
            unit="percentunit",
            custom=gaps,
        ),
        panel(
            "timeseries",
            "各规则未关闭告警 Open alerts by rule",
            (12, 24, 12, 7),
            [target("sum by (rule, grade) (cuofeng_alerts_open)", "{{rule}} {{grade}}")],
            custom=gaps,
        ),
        row("数据链路 Feed health", 31),
        panel(
            "timeseries",
            "分区延迟 Lag by partition",
            (0, 32, 8, 7),
            [target("topic_partition:cuofeng_ingest_lag_seconds:max", "{{topic}}/{{partition}}")],
            unit="s",
        ),
        panel(
            "timeseries",
            "待读记录 Records waiting",
            (8, 32, 8, 7),
            [target("sum by (topic, partition) (cuofeng_ingest_lag_records)", "{{topic}}/{{partition}}")],
        ),
        panel(
            "timeseries",
            "读数去向 Readings by outcome",
            (16, 32, 8, 7),
            [target("sum by (outcome) (source_outcome:cuofeng_readings:rate5m)", "{{outcome}}")],
            unit="cps",
        ),
        panel(
            "timeseries",
            "拒收原因 Refused by code",
            (0, 39, 8, 7),
            [target("sum by (code) (rate(cuofeng_readings_refused_total[$__rate_interval]))", "{{code}}")],
            unit="cps",
        ),
        panel(
            "timeseries",
            "数据源有效率 Evidence by source",
            (8, 39, 8, 7),
            [target("cuofeng_source_evidence_ratio", "{{source}}")],
            unit="percentunit",
            custom=gaps,
        ),
        panel(
            "timeseries",
            "待研判与停止分区 Marks waiting, partitions stopped",
            (16, 39, 8, 7),
            [
                target("sum(cuofeng_dirty_marks)", "待研判 marks"),
                target("sum(cuofeng_ingest_partition_stopped)", "停止 stopped", ref="B"),
            ],
        ),
        panel(
            "timeseries",
            "接口请求 Requests",
            (0, 46, 12, 7),
            [target("route:cuofeng_http_requests:rate5m", "{{route}} {{status}}")],
            unit="reqps",
        ),
        panel(
            "timeseries",
            "接口耗时 p99 Answer time p99",
            (12, 46, 12, 7),
            [
                target(
                    f"histogram_quantile(0.99, sum by (le, route) ({answer_time}))",
                    "{{route}}",
                )
            ],
            unit="s",
        ),
    ]
    return [{"id": number, **one} for number, one in enumerate(made, start=1)]


def dashboard() -> dict[str, Any]:
    """The whole dashboard."""
    return {
        "uid": "cuofeng-overview",
        "title": "错峰生产监测 Cuofeng",
        "tags": ["cuofeng"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "timezone": "Asia/Shanghai",
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {
            "list": [
                {"type": "datasource", "name": "datasource", "label": "数据源", "query": "prometheus", "refresh": 1},
                variable("county", "县区 County", "label_values(cuofeng_plant_info, county)"),
                variable("plant", "企业 Plant", 'label_values(cuofeng_plant_info{county=~"$county"}, plant_id)'),
            ]
        },
        "annotations": {"list": []},
        "links": [],
        "panels": panels(),
    }


def text() -> str:
    """The file's content."""
    return json.dumps(dashboard(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
