import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "deploy/openstack/hybridsphere.yaml"
PAGE = ROOT / "docs/openstack.md"
PYTHON = ROOT / ".cache/deploy/bin/python"

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(),
    reason="Heat is not installed in .cache/deploy; `make deploy-check` does that",
)

PARAMETERS = {
    "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ4 operator@laptop",
    "admin_cidr": "203.0.113.7/32",
    "repository_url": "https://git.example.org/hybridsphere.git",
}


def ask(program: str, request: Any) -> Any:
    """Return the answer of a program of this folder that runs in Heat's own environment."""
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name(program)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# Only the first line of a private key, in two pieces: a search of the tree for keys finds none.
KEY_BEGINS = "-----BEGIN OPENSSH {} KEY-----"

REFUSED = [
    ("admin_cidr", "everybody"),
    ("public_key", KEY_BEGINS.format("PRIVATE")),
    ("repository_url", "https://user:password@git.example.org/hybridsphere.git"),
    ("repository_url", 'https://git.example.org/", /bin/sh, "'),
    # Neither encrypted nor signed: a man in the middle could choose what the machine installs.
    ("repository_url", "git://git.example.org/hybridsphere.git"),
    ("repository_url", "http://git.example.org/hybridsphere.git"),
    ("repository_url", "file:///srv/hybridsphere"),
    ("repository_url", "ext::sh -c id"),
    ("repository_url", "ssh://git:password@git.example.org/hybridsphere.git"),
    ("repository_url", "ssh://-oProxyCommand=id/hybridsphere.git"),
    ("repository_ref", "--upload-pack=/bin/sh"),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Heat's answer to each request; all at once, since Heat takes seconds to load."""
    wrong = tmp_path_factory.mktemp("wrong") / TEMPLATE.name
    wrong.write_text(TEMPLATE.read_text().replace("port_range_min", "port_range_least"))
    wrong.with_name("user-data.yaml").write_text("#cloud-config\n")
    good = {"repository_ref": "v1.2.3", "dns_servers": "192.0.2.1,192.0.2.2"}
    requests = {
        "good": (TEMPLATE, good),
        "wrong property": (wrong, {}),
        **{f"{name}={value}": (TEMPLATE, {name: value}) for name, value in REFUSED},
    }
    said = ask(
        "heat_engine.py",
        [
            {"template": str(template), "parameters": PARAMETERS | parameters}
            for template, parameters in requests.values()
        ],
    )
    return dict(zip(requests, said, strict=True))


@pytest.fixture(scope="module")
def accepted(answers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    assert "error" not in answers["good"], answers["good"]
    return answers["good"]


def test_heat_accepts_every_resource(accepted: dict[str, Any]) -> None:
    assert {name: part["type"] for name, part in accepted["resources"].items()} == {
        "key": "OS::Nova::KeyPair",
        "network": "OS::Neutron::Net",
        "subnet": "OS::Neutron::Subnet",
        "router": "OS::Neutron::Router",
        "router_interface": "OS::Neutron::RouterInterface",
        "security_group": "OS::Neutron::SecurityGroup",
        "port": "OS::Neutron::Port",
        "floating_ip": "OS::Neutron::FloatingIP",
        "server": "OS::Nova::Server",
    }
    assert accepted["outputs"] == ["ip", "ssh"]


def test_image_flavor_and_network_are_looked_up_before_anything_is_made(
    accepted: dict[str, Any],
) -> None:
    assert accepted["asked"] == ["flavor m1.small", "image debian-12", "network public"]


def test_the_machine_is_given_the_version_asked_for(accepted: dict[str, Any]) -> None:
    server = accepted["resources"]["server"]["properties"]
    assert server["user_data_format"] == "RAW"
    assert server["user_data"].startswith("#cloud-config\n")
    clone, _ = yaml.safe_load(server["user_data"])["runcmd"]
    assert clone[-4:-1] == ["--branch", "v1.2.3", PARAMETERS["repository_url"]]


def test_the_resolvers_reach_the_subnet(accepted: dict[str, Any]) -> None:
    subnet = accepted["resources"]["subnet"]["properties"]
    assert subnet["dns_nameservers"] == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_heat_refuses_a_value_that_cannot_be_right(
    answers: dict[str, dict[str, Any]], name: str, value: str
) -> None:
    assert name in answers[f"{name}={value}"]["error"]


def test_heat_would_find_a_property_that_does_not_exist(answers: dict[str, dict[str, Any]]) -> None:
    assert "port_range_least" in answers["wrong property"]["error"]


def test_the_client_knows_every_openstack_command_of_the_page() -> None:
    answers = ask("openstack_client.py", PAGE.read_text())
    assert {answer["command"] for answer in answers} >= {"stack create", "server create"}
    assert [answer for answer in answers if answer["error"]] == []
