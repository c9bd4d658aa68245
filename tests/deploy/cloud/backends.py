"""The database and the message queue below OpenStack."""

from pathlib import Path

from tests.deploy.cloud.configuration import Configuration
from tests.deploy.cloud.services import Services

DATABASES = ("keystone", "glance", "placement", "nova", "nova_api", "nova_cell0", "neutron", "heat")

_FAST = ("--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", "--max-connections=500")
"""Nothing here has to survive a power cut."""


def start_backends(services: Services, configuration: Configuration) -> None:
    """Start both, and make the databases."""
    _start_rabbitmq(services, configuration)
    data, socket = services.folder / "mysql", services.folder / "mysql.sock"
    services.run(
        *("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}"),
        *("--auth-root-authentication-method=socket", "--skip-test-db"),
    )
    services.start(
        *("mariadb", "mariadbd", "--no-defaults", "--user=root", f"--datadir={data}"),
        *(f"--socket={socket}", "--bind-address=127.0.0.1", *_FAST),
    )
    services.await_ports(3306, 5672)
    user = f"'openstack'@'%' IDENTIFIED BY '{configuration.password}'"
    databases = (f"CREATE DATABASE {name} CHARACTER SET utf8mb4" for name in DATABASES)
    statements = [*databases, f"GRANT ALL ON *.* TO {user}"]
    services.run("mariadb", "--no-defaults", f"--socket={socket}", "-e", ";".join(statements))


def _start_rabbitmq(services: Services, configuration: Configuration) -> None:
    conf: Path = configuration.write("rabbitmq.conf")
    services.start(
        *("rabbitmq", "env", "ERL_EPMD_ADDRESS=127.0.0.1", "RABBITMQ_NODENAME=cloud@localhost"),
        f"RABBITMQ_MNESIA_BASE={services.folder}/rabbitmq",
        f"RABBITMQ_LOG_BASE={services.folder}/log",
        f"RABBITMQ_CONFIG_FILE={conf.with_suffix('')}",
        f"RABBITMQ_ENABLED_PLUGINS_FILE={services.folder}/enabled_plugins",
        "/usr/lib/rabbitmq/bin/rabbitmq-server",
    )
