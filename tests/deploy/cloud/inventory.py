"""Prints all that a cloud holds for its projects, as JSON: kind to names; run by Debian's Python.

The admin's variables give the login. Block storage is not part of this cloud, so no volumes are.
"""

import json
import sys
from typing import Any

import openstack


def inventory(cloud: Any) -> dict[str, list[str]]:
    network, identity = cloud.network, cloud.identity
    heat = identity.find_domain("heat")
    found = {
        "servers": cloud.compute.servers(all_projects=True),
        "networks": network.networks(),
        "subnets": network.subnets(),
        "ports": network.ports(),
        "routers": network.routers(),
        "floating IPs": network.ips(),
        "security groups": network.security_groups(),
        "security group rules": network.security_group_rules(),
        "users of stacks": identity.users(domain_id=heat.id),
        "projects of stacks": identity.projects(domain_id=heat.id),
    }
    names = {
        kind: sorted(f"{one.name or '-'} {one.id}" for one in all_of)
        for kind, all_of in found.items()
    }
    demo = openstack.connect(username="demo", project_name="demo")
    names["stacks"] = sorted(stack.name for stack in demo.orchestration.stacks())
    names["key pairs"] = sorted(pair.name for pair in demo.compute.keypairs())
    return names


if __name__ == "__main__":
    json.dump(inventory(openstack.connect()), sys.stdout)
