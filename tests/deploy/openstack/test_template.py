import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
OPENSTACK = ROOT / "deploy/openstack"

SECRET = re.compile("secret|password|token|credential|access_key|private_key", re.IGNORECASE)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((OPENSTACK / "hybridsphere.yaml").read_text())
    return document


@pytest.fixture(scope="module")
def user_data() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((OPENSTACK / "user-data.yaml").read_text())
    return document


def test_ssh_and_ping_come_in_and_nothing_else(template: dict[str, Any]) -> None:
    rules = template["resources"]["security_group"]["properties"]["rules"]
    ssh, ping = rules
    whom = {"get_param": "admin_cidr"}
    common = {"direction": "ingress", "ethertype": "IPv4", "remote_ip_prefix": whom}
    assert ssh == common | {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
    assert ping == common | {"protocol": "icmp"}


def test_whoever_deploys_must_say_who_may_come_in(template: dict[str, Any]) -> None:
    assert "default" not in template["parameters"]["admin_cidr"]


def test_the_machine_has_no_way_in_but_its_guarded_port(template: dict[str, Any]) -> None:
    resources = template["resources"]
    assert resources["server"]["properties"]["networks"] == [{"port": {"get_resource": "port"}}]
    assert resources["port"]["properties"]["security_groups"] == [
        {"get_resource": "security_group"}
    ]


def test_no_parameter_is_a_secret(template: dict[str, Any]) -> None:
    assert [name for name in template["parameters"] if SECRET.search(name)] == []


def test_user_data_is_given_the_version_to_install_and_nothing_else(
    template: dict[str, Any],
) -> None:
    replace = template["resources"]["server"]["properties"]["user_data"]["str_replace_strict"]
    assert replace["params"] == {
        "__repository_url__": {"get_param": "repository_url"},
        "__repository_ref__": {"get_param": "repository_ref"},
    }
    text = (OPENSTACK / replace["template"]["get_file"]).read_text()
    assert set(re.findall(r"__\w+__", text)) == set(replace["params"])


def test_user_data_sets_no_variable_and_writes_no_file(user_data: dict[str, Any]) -> None:
    assert set(user_data) == {"package_update", "packages", "runcmd", "final_message"}
    assert "=" not in str(user_data["runcmd"])


def test_the_first_boot_runs_what_the_tree_has(user_data: dict[str, Any]) -> None:
    clone, install = user_data["runcmd"]
    script = ROOT / Path(install[0]).relative_to(clone[-1])
    assert os.access(script, os.X_OK)


def test_another_version_does_not_throw_the_results_away(template: dict[str, Any]) -> None:
    assert template["resources"]["server"]["properties"]["user_data_update_policy"] == "IGNORE"


def test_devstack_has_heat_and_its_pages_at_one_version_and_no_password() -> None:
    text = (OPENSTACK / "local.conf").read_text()
    plugins = re.findall(r"^enable_plugin (\S+) \S+ (\S+)$", text, re.MULTILINE)
    assert [name for name, _ in plugins] == ["heat", "heat-dashboard"]
    assert len({branch for _, branch in plugins}) == 1
    assert not re.search("^[A-Z_]*PASSWORD=", text, re.MULTILINE)
