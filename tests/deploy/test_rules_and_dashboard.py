"""Rules, runbooks and dashboard as text: conventions that need no Prometheus to be checked."""

import itertools
import re
from typing import Any

import promql_parser
import pytest

from service.observability.metrics import METRICS, MetricKind
from tests.deploy.sources import DEPLOY, dashboard, dashboard_builder, dashboard_queries, rules, without_bar

ALERTS = [rule for rule in rules() if "alert" in rule]
RECORDED = [rule for rule in rules() if "record" in rule]
NAME = re.compile(r"[a-z_]+:cuofeng_[a-z0-9_]+:[a-z0-9_]+|\bcuofeng_[a-z0-9_]+")


def known_names() -> set[str]:
    """Everything an expression may name."""
    names = {m.name for m in METRICS} | {rule["record"] for rule in RECORDED}
    for metric in METRICS:
        if metric.kind is MetricKind.HISTOGRAM:
            names |= {f"{metric.name}_{suffix}" for suffix in ("bucket", "sum", "count")}
    return names


def test_recording_rules_are_named_level_metric_operation() -> None:
    """And the middle part is a metric of ours."""
    bases = {re.sub(r"_total$", "", m.name) for m in METRICS} | {"cuofeng_plant_load_per_cap", "cuofeng_http_errors"}
    for rule in RECORDED:
        level, metric, operation = rule["record"].split(":")
        assert metric in bases, rule
        assert level
        assert operation


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_tells_how_bad_what_and_where_to_read(rule: dict[str, Any]) -> None:
    """Severity from a closed set, summary, description, and a page that exists and speaks of it."""
    assert rule["labels"]["severity"] in ("critical", "warning")
    notes = rule["annotations"]
    assert notes["summary"]
    assert notes["description"]
    page = DEPLOY.parent / notes["runbook_url"]
    assert page.parent == DEPLOY / "runbooks"
    assert rule["alert"] in page.read_text(encoding="utf-8").splitlines()[0]
    assert without_bar(rule["expr"])


def test_every_runbook_belongs_to_an_alert() -> None:
    """No page without its alert."""
    linked = {rule["annotations"]["runbook_url"].rsplit("/", 1)[1] for rule in ALERTS}
    assert linked == {page.name for page in (DEPLOY / "runbooks").glob("*.md")}


def test_expressions_parse_and_name_what_exists() -> None:
    """A renamed metric fails here, not in the office."""
    expressions = [rule["expr"] for rule in rules()] + [expression for _, expression in dashboard_queries()]
    used = set()
    for expression in expressions:
        promql_parser.parse(expression)
        used |= set(NAME.findall(expression))
    assert used <= known_names(), used - known_names()
    assert used & {rule["record"] for rule in RECORDED} == {rule["record"] for rule in RECORDED}


def test_the_dashboard_is_what_the_program_writes() -> None:
    """Changed by program only."""
    written = (DEPLOY / "grafana" / "dashboards" / "cuofeng.json").read_text(encoding="utf-8")
    assert written == dashboard_builder().text()


def test_the_dashboard_keeps_the_conventions() -> None:
    """Classic schema, stable uid, zone, data source by variable, two languages, panels that do not overlap."""
    board = dashboard()
    assert board["schemaVersion"] <= 42
    assert board["uid"] == "cuofeng-overview"
    assert board["timezone"] == "Asia/Shanghai"
    assert board["templating"]["list"][0]["type"] == "datasource"
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert re.search(r"[\u4e00-\u9fff].*[A-Za-z]", panel["title"]), panel["title"]
        refs = [target["refId"] for target in panel.get("targets", [])]
        assert len(set(refs)) == len(refs)
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${datasource}"
    cells = [
        {(x, y) for x in range(p["gridPos"]["x"], p["gridPos"]["x"] + p["gridPos"]["w"])
         for y in range(p["gridPos"]["y"], p["gridPos"]["y"] + p["gridPos"]["h"])}
        for p in panels
    ]  # fmt: skip
    assert all(not a & b for a, b in itertools.combinations(cells, 2))
    assert max(x for place in cells for x, _ in place) == 23
