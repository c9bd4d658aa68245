"""The template of the hosts that come and go, read as a file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

TEMPLATE = Path(__file__).parents[3] / "deploy/openstack/workers.yaml"


@pytest.fixture
def template() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
    return found


def test_only_the_bridge_may_call_the_hosts(template: dict[str, Any]) -> None:
    rule = template["resources"]["security_group_rule"]["properties"]
    assert rule["security_group"] == {"get_resource": "security_group"}
    assert "rules" not in template["resources"]["security_group"]["properties"]
    assert (rule["direction"], rule["port_range_min"], rule["port_range_max"]) == (
        "ingress",
        9000,
        9000,
    )
    assert rule["remote_group"] == {"get_param": "bridge_security_group"}
    types = {resource["type"] for resource in template["resources"].values()}
    # No address of theirs is public.
    assert "OS::Neutron::FloatingIP" not in types


def test_no_secret_passes_through_the_stack(template: dict[str, Any]) -> None:
    server = template["resources"]["group"]["properties"]["resource"]["properties"]
    assert "user_data" not in server
    # Heat's own format would add scripts and the address of its API.
    assert server["user_data_format"] == "RAW"
    assert not [name for name in template["parameters"] if "key" in name or "secret" in name]


def test_the_policies_grow_and_shrink_one_group_within_bounds(template: dict[str, Any]) -> None:
    resources = template["resources"]
    for name, step in (("scale_out", 1), ("scale_in", -1)):
        policy = resources[name]["properties"]
        assert policy["auto_scaling_group_id"] == {"get_resource": "group"}
        assert policy["scaling_adjustment"] == step
        assert policy["cooldown"] >= 60
        assert template["outputs"][f"{name}_url"]["value"] == {"get_attr": [name, "alarm_url"]}
    group = resources["group"]["properties"]
    assert (group["min_size"], group["max_size"]) == ({"get_param": "least"}, {"get_param": "most"})
