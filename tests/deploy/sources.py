"""The files of `deploy/` as tests read them."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import promql_parser
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "rules" / "cuofeng.yaml"
CHOICES = {"$county": ".*", "$plant": ".*", "$__rate_interval": "1m"}


def read_yaml(path: Path) -> Any:
    """A parsed file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    """Recording rules and alerts, in the order of the file."""
    return [rule for group in read_yaml(RULES)["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """The dashboard as written."""
    body: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "cuofeng.json").read_text(encoding="utf-8"))
    return body


def dashboard_builder() -> ModuleType:
    """The program that writes it."""
    spec = importlib.util.spec_from_file_location("build_dashboard", DEPLOY / "grafana" / "build_dashboard.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def dashboard_queries() -> list[tuple[str, str]]:
    """Title and expression of every panel, with the variables at "all"."""
    found = []
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for name, value in CHOICES.items():
                expression = expression.replace(name, value)
            found.append((panel["title"], expression))
    return found


def without_bar(expression: str) -> str:
    """An alert's expression without its outermost comparison: what is compared must exist when all is well."""
    tree = promql_parser.parse(expression)
    assert isinstance(tree, promql_parser.BinaryExpr), expression
    assert isinstance(tree.rhs, promql_parser.NumberLiteral), expression
    return str(tree.lhs)
