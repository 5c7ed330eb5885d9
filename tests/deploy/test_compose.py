"""The compose file: every part is there, every file it names exists, every command is one of ours."""

import re
from typing import Any

import typer.main
from typer.testing import CliRunner

from service.cli import app, commands
from service.settings import Settings
from tests.deploy.sources import DEPLOY, ROOT, read_yaml

OWN = {"migrate", "metrics-key", "ingest", "evaluate", "serve"}


def compose() -> dict[str, Any]:
    """The parsed file."""
    body: dict[str, Any] = read_yaml(DEPLOY / "compose.yaml")
    return body


def test_every_part_is_there() -> None:
    """PostgreSQL, Apache Kafka, our three processes, Prometheus, Grafana; images have versions."""
    services = compose()["services"]
    assert set(services) == OWN | {"postgres", "kafka", "prometheus", "grafana"}
    for name, service in services.items():
        if name not in OWN:
            assert re.fullmatch(r"[a-z]+(/[a-z]+)?:v?\d[\w.]*", service["image"]), name


def test_every_file_that_is_mounted_exists() -> None:
    """And every volume that is named is declared; what is needed is a part."""
    body = compose()
    for name, service in body["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), (name, source)
            else:
                assert source in body["volumes"], (name, source)
        assert set(service.get("depends_on", {})) <= set(body["services"]), name
        if "build" in service:
            context = (DEPLOY / service["build"]["context"]).resolve()
            assert context == ROOT
            assert (context / service["build"]["dockerfile"]).is_file()


def test_every_file_of_the_image_exists() -> None:
    """COPY lines of the Dockerfile."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    assert "service" in copied
    for name in copied:
        assert (ROOT / name).exists(), name


def test_settings_in_the_environment_are_settings() -> None:
    """No misspelt variable, and no secret written down."""
    known = {f"CUOFENG_{name.upper()}" for name in Settings.model_fields}
    for name in OWN:
        environment = compose()["services"][name]["environment"]
        assert set(environment) <= known, name
        assert "${POSTGRES_PASSWORD:?}" in environment["CUOFENG_DATABASE_URL"]
        assert environment["CUOFENG_KEY_PEPPER"] == "${CUOFENG_KEY_PEPPER:?}"


def test_commands_are_commands_of_ours() -> None:
    """As far as they are built: each answers --help."""
    if not app.registered_commands:
        commands.register(app)
    known = set(typer.main.get_group(app).commands)
    services = compose()["services"]
    for name in sorted(OWN - {"metrics-key"}):
        word = services[name]["command"][0]
        assert word in known, word
        result = CliRunner().invoke(app, [word, "--help"])
        assert result.exit_code == 0
        for option in services[name]["command"][1:]:
            if option.startswith("--"):
                assert option in re.sub(r"\x1b\[[0-9;]*m", "", result.output), (word, option)


def test_prometheus_and_grafana_find_each_other() -> None:
    """Target, key file, data source and dashboards agree with the compose file."""
    services = compose()["services"]
    scrape = read_yaml(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"][0]
    assert scrape["static_configs"][0]["targets"] == ["serve:8080"]
    assert "keys:/run/cuofeng-keys:ro" in services["prometheus"]["volumes"]
    assert scrape["authorization"]["credentials_file"] == "/run/cuofeng-keys/metrics.key"
    assert "/keys/metrics.key" in services["metrics-key"]["command"][0]
    source = read_yaml(DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml")["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    provider = read_yaml(DEPLOY / "grafana" / "provisioning" / "dashboards" / "cuofeng.yaml")["providers"][0]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]
