"""The services of OpenStack: their schemas, and their processes in the order of their needs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.deploy.cloud.configuration import BRIDGE, KEYSTONE, Configuration
from tests.deploy.cloud.services import Services

_AGENTS = ("linuxbridge", "l3", "dhcp", "metadata")


def start_identity(services: Services, configuration: Configuration) -> None:
    """Start Keystone with its admin."""
    option = f"--config-file={configuration.write('keystone.conf')}"
    manage = ("keystone-manage", option)
    services.run(*manage, "db_sync")
    owner = ("--keystone-user", "root", "--keystone-group", "root")
    services.run(*manage, "fernet_setup", *owner)
    services.run(*manage, "credential_setup", *owner)
    services.run(
        *(*manage, "bootstrap", "--bootstrap-password", configuration.password),
        *("--bootstrap-region-id", "RegionOne", "--bootstrap-public-url", f"{KEYSTONE}/v3/"),
        *("--bootstrap-internal-url", f"{KEYSTONE}/v3/"),
    )
    files = configuration.folder / "conf/keystone.conf"
    _start_wsgi(
        services, 5000, "/usr/bin/keystone-wsgi-public", f"OS_KEYSTONE_CONFIG_FILES={files}"
    )
    services.await_ports(5000)


def upgrade_schemas(services: Services, configuration: Configuration) -> None:
    """Make the tables of all databases but Keystone's, side by side."""
    files = {
        name: f"--config-file={configuration.write(f'{name}.conf')}"
        for name in ("glance", "placement", "nova", "neutron", "heat")
    }
    cell0 = configuration.database("nova_cell0")
    nova = ("nova-manage", files["nova"])
    tasks = [
        [
            (*nova, "api_db", "sync"),
            (*nova, "cell_v2", "map_cell0", "--database_connection", cell0),
            (*nova, "cell_v2", "create_cell", "--name", "cell1"),
            (*nova, "db", "sync"),
        ],
        [("neutron-db-manage", files["neutron"], "upgrade", "heads")],
        [("heat-manage", files["heat"], "db_sync")],
        [("glance-manage", files["glance"], "db_sync")],
        [("placement-manage", files["placement"], "db", "sync")],
    ]

    def upgrade(commands: list[tuple[str, ...]]) -> None:
        for command in commands:
            services.run(*command)

    with ThreadPoolExecutor(len(tasks)) as pool:
        list(pool.map(upgrade, tasks))


def start_openstack(
    services: Services, configuration: Configuration, token: str, say: Callable[[str], None]
) -> None:
    """Start everything but Keystone, and wait until Nova and Neutron know their agents."""
    conf = configuration.folder / "conf"
    signatures = configuration.write("haproxy.conf", token=token)
    services.start("haproxy", "haproxy", "-db", "-f", signatures)
    _start_wsgi(services, 8778, "/usr/bin/placement-api", f"OS_PLACEMENT_CONFIG_DIR={conf}")
    for name in ("nova-api", "nova-conductor", "nova-scheduler", "neutron-server"):
        _start(services, name, conf)
    for name in ("glance-api", "heat-api", "heat-api-cfn"):
        _start(services, name, conf)
    engine = Path(__file__).with_name("heat_engine.py")
    options = (f"--config-file={conf / 'heat.conf'}", "--log-file=heat-engine.log")
    services.start("heat-engine", "/usr/bin/python3", "-P", engine, *options)
    services.run("ip", "link", "add", BRIDGE, "type", "bridge")
    services.run("ip", "address", "add", "172.24.4.1/24", "dev", BRIDGE)
    services.run("ip", "link", "set", BRIDGE, "up")
    services.await_ports(5001, 8000, 8004, 8774, 8778, 9292, 9696)
    say("every API answers")
    for name in _AGENTS:
        _start(services, f"neutron-{name}-agent", conf)
    _start(services, "nova-compute", conf)


def _start(services: Services, name: str, conf: Path) -> None:
    file = conf / f"{name.partition('-')[0]}.conf"
    services.start(name, name, f"--config-file={file}")


def _start_wsgi(services: Services, port: int, program: str, variable: str) -> None:
    # uwsgi resets connections that a client keeps: it is made to close each.
    services.start(
        *(Path(program).name, "env", variable, "uwsgi_python3", "--wsgi-file", program),
        *("--http-socket", f"127.0.0.1:{port}", "--add-header", "Connection: close"),
        *("--master", "--die-on-term", "--need-app", "--lazy-apps", "--enable-threads"),
        *("--processes", "2", "--threads", "2", "--buffer-size", "65535"),
    )
