"""The manifests of deploy/kubernetes against the schemas of Kubernetes and Knative."""

import json
import shutil
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import ROOT

MODELS = ROOT / ".cache/kubernetes/models"
VERSION = "1.36"

SCRIPT = """
import { readFileSync } from "node:fs";
import { Service } from "@kubernetes-models/knative/serving.knative.dev/v1/Service";
new Service(JSON.parse(readFileSync(0, "utf8"))).validate();
"""
"""Validates a service, as JSON on stdin; fails with a line for each mistake."""

KNATIVE = {"containerConcurrency", "timeoutSeconds"}
"""Fields of a revision that no pod has; the others are those of a pod."""

Validate = Callable[[dict[str, Any]], str]


@pytest.fixture
def service() -> dict[str, Any]:
    text = (ROOT / "deploy/kubernetes/host.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


@pytest.fixture
def knative() -> Validate:
    """Returns what Knative's schema says against a service; empty if nothing."""
    node = shutil.which("node")
    if node is None or not MODELS.is_dir():
        pytest.skip("node or Knative's schemas are not installed: `make deploy-tools` fetches them")

    def validate(service: dict[str, Any]) -> str:
        done = subprocess.run(
            [node, "--input-type=module", "--eval", SCRIPT],
            cwd=MODELS,
            input=json.dumps(service),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stderr

    return validate


@pytest.fixture
def kubernetes(tool: Callable[[str], str], tmp_path: Path) -> Validate:
    """Returns what Kubernetes says against a service's pods; unknown fields count."""
    command = tool("kubernetes-validate")

    def validate(service: dict[str, Any]) -> str:
        spec = service["spec"]["template"]["spec"]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "host"},
            "spec": {name: value for name, value in spec.items() if name not in KNATIVE},
        }
        path = tmp_path / "pod.yaml"
        path.write_text(yaml.safe_dump(pod))
        options = ("--kubernetes-version", VERSION, "--strict", "--no-warn")
        done = subprocess.run(
            [command, *options, str(path)], capture_output=True, text=True, check=False
        )
        return "" if done.returncode == 0 else done.stdout + done.stderr

    return validate


def test_knative_accepts_the_service(service: dict[str, Any], knative: Validate) -> None:
    assert knative(service) == ""
    wrong = deepcopy(service)
    wrong["spec"]["template"]["spec"]["timeoutSeconds"] = "ten minutes"
    assert "timeoutSeconds must be integer" in knative(wrong)


def test_kubernetes_accepts_the_pods(service: dict[str, Any], kubernetes: Validate) -> None:
    assert kubernetes(service) == ""
    wrong = deepcopy(service)
    wrong["spec"]["template"]["spec"]["containers"][0]["securitycontext"] = {}
    assert "securitycontext" in kubernetes(wrong)


def test_the_autoscaler_knows_the_annotations(service: dict[str, Any]) -> None:
    # No schema has their names; Knative's documentation lists these.
    annotations = service["spec"]["template"]["metadata"]["annotations"]
    assert set(annotations) <= {
        f"autoscaling.knative.dev/{name}"
        for name in (
            *("class", "metric", "target", "target-utilization-percentage", "min-scale"),
            *("max-scale", "initial-scale", "scale-down-delay", "window"),
        )
    }
    assert all(isinstance(text, str) for text in annotations.values())


def test_the_ports_and_the_time_agree(service: dict[str, Any]) -> None:
    spec = service["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    (port,) = container["ports"]
    assert f":{port['containerPort']}" in container["args"]
    assert container["readinessProbe"]["httpGet"]["port"] == port["containerPort"]
    limit_s = container["args"][container["args"].index("--timeout-s") + 1]
    assert int(limit_s) < spec["timeoutSeconds"]
