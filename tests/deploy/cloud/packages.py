"""Debian's packages of OpenStack: their names, and their installation without a started service."""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.object_stores.store import ENVIRONMENT

PACKAGES = (
    *("mariadb-server", "rabbitmq-server", "python3-pymysql"),
    *("uwsgi-core", "uwsgi-plugin-python3", "sudo"),
    *("keystone", "glance-api", "placement-api"),
    *("nova-api", "nova-conductor", "nova-scheduler", "nova-compute"),
    # nova-compute wants a hypervisor; this one is the smallest, and is not used.
    "nova-compute-ironic",
    *("neutron-server", "neutron-linuxbridge-agent"),
    *("neutron-l3-agent", "neutron-dhcp-agent", "neutron-metadata-agent"),
    *("heat-api", "heat-api-cfn", "heat-engine"),
    *("conntrack", "dnsmasq-base", "ebtables", "haproxy", "ipset", "iproute2", "iptables"),
    *("openssh-client", "python3-openstacksdk", "python3-venv", "qemu-utils"),
)

POLICY = Path("/usr/sbin/policy-rc.d")
"""The script that Debian's packages ask before they start a service."""

Say = Callable[[str], None]


def missing() -> list[str]:
    """Return the packages that are not installed."""
    listed = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *PACKAGES],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    return [name for name in PACKAGES if f"{name} installed" not in listed]


def install(log: Path, say: Say) -> None:
    """Install the missing packages; apt's output goes to `log`. Raises CalledProcessError."""
    wanted = missing()
    if not wanted:
        say("Debian's packages are installed")
        return
    with no_services(), log.open("w") as output:
        say("apt-get update")
        _apt(["update"], output.write)
        say(f"apt-get install, {len(wanted)} packages and what they need")
        done = 0

        def count(line: str) -> None:
            nonlocal done
            output.write(line)
            done += line.startswith("Setting up ")
            if line.startswith("Setting up ") and done % 50 == 0:
                say(f"apt-get install, {done} packages set up")

        _apt(["install", "--yes", "--no-install-recommends", *wanted], count)
    say(f"apt-get install, all {done} packages set up")


@contextmanager
def no_services() -> Iterator[None]:
    """Let no package start a service while it is installed."""
    kept = POLICY.with_name("policy-rc.d.kept")
    # A killed installation left it.
    if POLICY.exists() and not kept.exists():
        POLICY.replace(kept)
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
        if kept.exists():
            kept.replace(POLICY)


def _apt(words: Sequence[str], take: Callable[[str], object]) -> None:
    """Run apt-get, and give each line of its output to `take`."""
    # Proxies and certificates are the caller's.
    environment = {**os.environ, **ENVIRONMENT, "DEBIAN_FRONTEND": "noninteractive"}
    fast = ("-o", "Dpkg::Options::=--force-unsafe-io", "-o", "DPkg::Lock::Timeout=300")
    command = ["apt-get", *fast, *words]
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            take(line)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
