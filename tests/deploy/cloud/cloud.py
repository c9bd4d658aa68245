"""A real OpenStack on loop-back: Keystone, Glance, Placement, Nova, Neutron and Heat of Debian.

Nova has the fake hypervisor, which boots nothing. Everything else is real: networks, routers, DHCP,
quotas, signatures. `public` has 172.24.4.0/24; the machine is 172.24.4.1 in it.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.cloud.backends import start_backends
from tests.deploy.cloud.configuration import KEYSTONE, Configuration
from tests.deploy.cloud.openstack_services import start_identity, start_openstack, upgrade_schemas
from tests.deploy.cloud.services import Services, services


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running cloud, whose files are in `folder`."""

    folder: Path
    services: Services
    configuration: Configuration

    def login(self, user: str) -> str:
        """Return the lines that log a user in to the project of the same name."""
        return self.configuration.write("openrc.sh", user=user).read_text(encoding="utf-8")

    def python(self, program: str, *words: str) -> str:
        """Run a program of this folder with Debian's Python, as the admin."""
        environment = {
            "OS_AUTH_URL": f"{KEYSTONE}/v3",
            "OS_IDENTITY_API_VERSION": "3",
            "OS_REGION_NAME": "RegionOne",
            "OS_USERNAME": "admin",
            "OS_PASSWORD": self.configuration.password,
            "OS_PROJECT_NAME": "admin",
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
        }
        path = Path(__file__).with_name(program)
        return self.services.run("/usr/bin/python3", "-P", path, *words, environment=environment)

    def inventory(self) -> dict[str, list[str]]:
        """Return the names of all that projects own, by kind."""
        found: dict[str, list[str]] = json.loads(self.python("inventory.py"))
        spaces = self.services.run("ip", "netns", "list").splitlines()
        return found | {"network namespaces": sorted(line.split()[0] for line in spaces)}


@contextmanager
def running_cloud(folder: Path, say: Callable[[str], None]) -> Iterator[Cloud]:
    """Start the services one after another; `say` is given what answers."""
    configuration = Configuration(folder, secrets.token_hex(16))
    configuration.prepare()
    try:
        with services(folder) as started:
            cloud = Cloud(folder, started, configuration)
            start_backends(started, configuration)
            say("MariaDB and RabbitMQ answer")
            start_identity(started, configuration)
            token = cloud.python("bootstrap.py", "identity")
            say("Keystone answers; users and catalogue are made")
            upgrade_schemas(started, configuration)
            say("every database has its schema")
            start_openstack(started, configuration, token, say)
            cloud.python("bootstrap.py", "networks")
            say("the cloud is up")
            yield cloud
    finally:
        configuration.remove()
