"""The commands of docs/openstack.md, as they stand, on a real OpenStack.

Each test begins where the last one ended.
"""

import time

import pytest

from tests.deploy.cloud import page
from tests.deploy.cloud.client import Client
from tests.deploy.cloud.cloud import Cloud
from tests.deploy.cloud.conftest import VALUES
from tests.deploy.cloud.shell import ROOT, Shell

pytestmark = pytest.mark.openstack

IMAGE = "debian-12-genericcloud-amd64.qcow2"

SSH_AND_PING = {("tcp", "22:22", "172.24.4.1/32", ""), ("icmp", "", "172.24.4.1/32", "")}

Inventory = dict[str, list[str]]


def named(inventory: Inventory, before: Inventory) -> Inventory:
    """Return the new names of all kinds that have names of ours."""
    kinds = ("servers", "networks", "subnets", "routers", "security groups", "key pairs")
    return {
        kind: [name.split()[0] for name in inventory[kind] if name not in before[kind]]
        for kind in kinds
    }


def assert_nothing_is_left(cloud: Cloud, before: Inventory) -> None:
    """Fail where more is there than before; Neutron's agents take some seconds to notice."""
    deadline = time.monotonic() + 60
    while (left := cloud.inventory()) != before and time.monotonic() < deadline:
        time.sleep(1)
    assert left == before


def test_the_client_is_installed_and_logs_in(shell: Shell) -> None:
    shell.run_block("python3 -m venv openstack", online=True)
    assert shell.run_block("source openstack/bin/activate")
    shell.run_block("test -e ~/.ssh/id_ed25519")


def test_the_image_becomes_active(shell: Shell, before: Inventory) -> None:
    shell.run(f"qemu-img create -q -f qcow2 {IMAGE} 1G")
    assert "| active |" in shell.run_block("openstack image create")


def test_the_stack_has_its_nine_resources(shell: Shell, client: Client) -> None:
    shell.run_block("openstack orchestration template validate -t deploy/openstack/hybridsphere")
    resources = client.records("stack resource list hybridsphere")
    assert [one["resource_status"] for one in resources] == ["CREATE_COMPLETE"] * 9


def test_the_router_has_the_floating_ip(shell: Shell, client: Client, cloud: Cloud) -> None:
    ip = shell.run("echo $ip").strip()
    assert client.output("hybridsphere", "ssh") == f"ssh debian@{ip}"
    ((_, addresses),) = client.records("server show hybridsphere")["addresses"].items()
    assert ip in addresses
    spaces = cloud.inventory()["network namespaces"]
    (router,) = [name for name in spaces if name.startswith("qrouter-")]
    interfaces = cloud.services.run("ip", "netns", "exec", router, "ip", "address")
    assert f"inet {ip}/32" in interfaces
    assert "inet 10.80.0.1/24" in interfaces


def test_ssh_and_ping_come_in_and_nothing_else(client: Client) -> None:
    assert client.admitted("hybridsphere-security-group") == SSH_AND_PING


def test_the_machine_is_given_the_version_and_no_secret(client: Client) -> None:
    text = (ROOT / "deploy/openstack/user-data.yaml").read_text(encoding="utf-8")
    text = text.replace("__repository_url__", VALUES["REPOSITORY"])
    machine = client.records("server show hybridsphere")["id"]
    assert client.user_data(machine) == text.replace("__repository_ref__", "main")


def test_an_update_keeps_the_machine(shell: Shell, client: Client) -> None:
    machine = client.records("server show hybridsphere")["id"]
    shell.run_block("openstack stack update --wait --existing --parameter admin_cidr")
    assert client.records("server show hybridsphere")["id"] == machine
    admitted = client.admitted("hybridsphere-security-group")
    assert {addresses for _, _, addresses, _ in admitted} == {"203.0.113.7/32"}


def test_a_worker_has_a_private_address_alone(shell: Shell, client: Client) -> None:
    shell.run(
        "openstack image create --disk-format qcow2 --container-format bare"
        f" --file {IMAGE} hybridsphere-host"
    )
    shell.run_block("openstack orchestration template validate -t deploy/openstack/workers")
    (worker,) = client.workers()
    (network,) = (addresses := client.records(f"server show {worker}")["addresses"])
    (address,) = addresses[network]
    assert network == "hybridsphere-network"
    assert address.startswith("10.80.0.")
    assert address in client.output("hybridsphere-workers", "addresses")


def test_only_the_bridge_may_call_a_worker(client: Client) -> None:
    (worker,) = client.workers()
    groups = client.records(f"server show {worker}")["security_groups"]
    assert groups == [{"name": "hybridsphere-workers-security-group"}]
    bridge = client.records("security group show hybridsphere-security-group")["id"]
    ((protocol, ports, _, group),) = client.admitted("hybridsphere-workers-security-group")
    assert (protocol, ports, group) == ("tcp", "9000:9000", bridge)


def test_a_worker_is_given_no_user_data(client: Client) -> None:
    (worker,) = client.workers()
    assert client.user_data(worker) is None


def test_a_signal_by_hand_adds_a_machine(shell: Shell, client: Client) -> None:
    client.after_cool_down()
    assert client.outcome(lambda: shell.run_block("out=$(openstack stack output")) == "changed"
    assert len(client.workers()) == 2


def test_a_signal_within_the_cool_down_changes_nothing(client: Client) -> None:
    assert client.signalled("out") == "cool-down"
    assert client.signalled("in") == "cool-down"


def test_a_forged_signal_is_refused(shell: Shell, client: Client) -> None:
    url = shell.run("echo $out").strip()
    signature = url.partition("&Signature=")[2].partition("&")[0]
    forged = url.replace(signature, signature.swapcase())
    assert client.bridge_signals("out", forged) == "scaling.refused out"
    assert len(client.workers()) == 2


def test_the_bridges_signal_removes_a_machine(client: Client) -> None:
    client.after_cool_down()
    assert client.signalled("in") == "changed"
    assert len(client.workers()) == 1
    assert client.signalled("in") == "bounds"


def test_the_bridges_signal_adds_a_machine(client: Client) -> None:
    client.after_cool_down()
    assert client.signalled("out") == "changed"
    assert len(client.workers()) == 2


def test_an_update_begins_with_the_least_and_bounds_the_most(shell: Shell, client: Client) -> None:
    shell.run_block("openstack stack update --wait --existing --parameter most=1")
    assert len(client.workers()) == 1
    assert client.signalled("out") == "bounds"


def test_the_workers_leave_the_bridges_machine(
    shell: Shell, client: Client, cloud: Cloud, before: Inventory, with_heat: Inventory
) -> None:
    shell.run_block("openstack stack delete --yes --wait hybridsphere-workers\n")
    assert client.workers() == []
    with_heat |= named(cloud.inventory(), before)
    assert with_heat["servers"] == ["hybridsphere"]


def test_the_deleted_stack_leaves_nothing(shell: Shell, cloud: Cloud, before: Inventory) -> None:
    shell.run_block("openstack stack delete --yes --wait hybridsphere\n")
    assert_nothing_is_left(cloud, before)


def test_the_same_is_made_without_heat(
    shell: Shell, client: Client, cloud: Cloud, before: Inventory, with_heat: Inventory
) -> None:
    shell.run_block("openstack keypair create")
    assert named(cloud.inventory(), before) == with_heat
    assert client.admitted("hybridsphere-security-group") == SSH_AND_PING
    ((_, addresses),) = client.records("server show hybridsphere")["addresses"].items()
    assert shell.run("echo $ip").strip() in addresses


def test_nothing_is_left_without_heat(shell: Shell, cloud: Cloud, before: Inventory) -> None:
    shell.run_block("openstack server delete --wait hybridsphere")
    assert_nothing_is_left(cloud, before)


def test_every_block_that_is_marked_as_run_was_run(shell: Shell) -> None:
    assert sorted(shell.done) == sorted(one.text for one in page.blocks() if one.mark == "Run")
