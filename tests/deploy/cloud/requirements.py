"""The reasons why a machine cannot run the cloud."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

RELEASE = "bookworm"
"""The Debian whose packages have OpenStack Zed. Later ones lack Neutron's driver for bridges."""

MEMORY_GB = 7
DISK_GB = 5

_NETWORK = """
set -e
mount -t tmpfs tmpfs /run
command -v ip > /dev/null || exit 0
ip link add hs-br type bridge
ip link add hs-a type veth peer name hs-b
ip netns add hs
"""
"""Bridges, pairs of interfaces and namespaces inside of a namespace, as Neutron makes them.

The command `ip` may come with the packages.
"""


def obstacle(folder: Path) -> str | None:
    """Return why the cloud cannot run here with its files in `folder`; None if it can."""
    system = _system()
    if system.get("VERSION_CODENAME") != RELEASE:
        return f"needs Debian 12, whose packages have OpenStack; this is {system['PRETTY_NAME']}"
    if os.geteuid() != 0:
        return "needs root, for packages and network interfaces"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    if memory < MEMORY_GB:
        return f"needs {MEMORY_GB} GB of memory; this machine has {memory:.0f}"
    free = shutil.disk_usage(folder).free / 1e9
    if free < DISK_GB:
        return f"needs {DISK_GB} GB of disk; {folder} has {free:.0f}"
    return _kernel_lacks()


def _system() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {"PRETTY_NAME": platform.system()}


def _kernel_lacks() -> str | None:
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "sh", "-c", _NETWORK],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = tried.stderr.strip().splitlines() or ["unknown"]
    return f"needs networks of its own, which fail here: {lines[-1]}" if tried.returncode else None
