"""The alarms and the dashboard: they name metrics that a bridge has, and headings that exist."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import generate_latest

from hybridsphere.bridge.telemetry.depths import Depths
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.bridge.telemetry.standing import Standing
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.messages import utc_text
from tests.deploy.conftest import ROOT
from tests.samples import result

ALERTS = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/dashboard.json"

_METRIC = re.compile(r"hybridsphere_\w+")
_SUFFIXES = re.compile(r"_(bucket|count|sum|created)$")


@pytest.fixture
def exposed(tmp_path: Path) -> set[str]:
    """The names of all metrics of a bridge with a result, as Prometheus reads them."""
    ledger_path(tmp_path).parent.mkdir()
    with Ledger.open(tmp_path) as ledger, ledger.transaction():
        ledger.put_result(result(), utc_text())
    metrics = Metrics()
    metrics.registry.register(Standing(tmp_path, Health()))
    Depths({}, metrics)
    text = generate_latest(metrics.registry).decode()
    return set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))


def expressions() -> Iterator[str]:
    """Every expression of the alarms and of the dashboard."""
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (
        variable["definition"]
        for variable in dashboard["templating"]["list"]
        if "definition" in variable
    )


def test_they_name_metrics_that_a_bridge_has(exposed: set[str]) -> None:
    named = {name for text in expressions() for name in _METRIC.findall(text)}
    assert named
    assert {_SUFFIXES.sub("", name) for name in named} <= exposed


def test_every_alarm_leads_to_a_heading() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).strip().replace(" ", "-")
        for line in page.splitlines()
        if line.startswith("#")
    }
    rules = [
        rule
        for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]
    assert rules
    for rule in rules:
        place, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert place == "docs/operations.md"
        assert anchor in headings, rule["alert"]


def test_promtool_accepts_the_alarms_and_they_ring_when_they_should(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing: install Debian's package prometheus")
    shutil.copy(ALERTS, tmp_path)
    shutil.copy(Path(__file__).with_name("alerts_test.yml"), tmp_path)
    for check in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        found = subprocess.run(
            ["promtool", *check], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stdout + found.stderr
