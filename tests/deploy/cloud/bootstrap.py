"""Makes what an operator makes in a new cloud; run by Debian's Python, with the admin's variables.

`identity`: roles, projects, users and the catalogue; prints a token of the user `heat`.
`networks`: waits for Neutron's agents and the hypervisor; makes the network `public`, the sizes of
machines, and the project's group `default`.
"""

import os
import sys
import time
from typing import Any

import openstack

SERVICES = {
    "glance": ("image", "9292"),
    "placement": ("placement", "8778"),
    "nova": ("compute", "8774/v2.1"),
    "neutron": ("network", "9696"),
    "heat": ("orchestration", "8004/v1/%(tenant_id)s"),
    "heat-cfn": ("cloudformation", "8000/v1"),
}
"""Name to type, port and path."""

AGENTS = 4
"""Neutron's, one each of bridges, routers, DHCP and metadata."""

PATIENCE_S = 300

FLAVORS = {"m1.small": (2048, 20, 1), "m1.medium": (4096, 40, 2)}
"""Name to megabytes of memory, gigabytes of disk, processors; as DevStack has them."""


def identity(cloud: Any) -> str:
    password, default = os.environ["OS_PASSWORD"], "default"
    made = cloud.identity
    admin = made.find_role("admin")
    member = made.find_role("member")
    made.create_role(name="heat_stack_owner")
    made.create_role(name="heat_stack_user")
    service = made.create_project(name="service", domain_id=default)
    demo = made.create_project(name="demo", domain_id=default)
    user = made.create_user(name="demo", domain_id=default, password=password)
    made.assign_project_role_to_user(demo, user, member)
    domain = made.create_domain(name="heat")
    user = made.create_user(name="heat_domain_admin", domain_id=domain.id, password=password)
    made.assign_domain_role_to_user(domain, user, admin)
    for name, (kind, place) in SERVICES.items():
        if name != "heat-cfn":
            user = made.create_user(name=name, domain_id=default, password=password)
            made.assign_project_role_to_user(service, user, admin)
        entry = made.create_service(name=name, type=kind)
        for interface in ("public", "internal"):
            made.create_endpoint(
                service_id=entry.id,
                interface=interface,
                region_id="RegionOne",
                url=f"http://127.0.0.1:{place}",
            )
    return openstack.connect(username="heat", project_name="service").auth_token


def agents_work(cloud: Any) -> bool:
    alive = [agent for agent in cloud.network.agents() if agent.is_alive]
    return len(alive) == AGENTS and bool(list(cloud.compute.hypervisors()))


def networks(cloud: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not agents_work(cloud):
        if time.monotonic() > deadline:
            sys.exit(f"not all of Neutron's agents and Nova's hypervisor after {PATIENCE_S} s")
        time.sleep(1)
    public = cloud.network.create_network(
        name="public",
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network="public",
    )
    cloud.network.create_subnet(
        name="public-subnet",
        network_id=public.id,
        ip_version=4,
        cidr="172.24.4.0/24",
        gateway_ip="172.24.4.1",
        is_dhcp_enabled=False,
    )
    for name, (ram, disk, processors) in FLAVORS.items():
        cloud.compute.create_flavor(name=name, ram=ram, disk=disk, vcpus=processors)
    # Neutron makes the group `default` of a project when the project's groups are first listed.
    demo = cloud.identity.find_project("demo")
    list(cloud.network.security_groups(project_id=demo.id))


def main() -> None:
    """Make one part."""
    cloud = openstack.connect()
    if sys.argv[1] == "identity":
        sys.stdout.write(identity(cloud))
    else:
        networks(cloud)


if __name__ == "__main__":
    main()
