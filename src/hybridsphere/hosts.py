"""The Host header of a request: whether it names this machine, or a name from the public DNS."""

from ipaddress import ip_address
from urllib.parse import urlsplit

PRIVATE_DOMAINS = ("internal", "local", "localhost", "novalocal")
"""Domains that the public DNS does not have; OpenStack names its machines in the last."""


def is_local(header: str, host: str) -> bool:
    """Return whether a Host header names an address, a name without a dot, or `host` itself.

    Such a name cannot belong to a web page that rebinds it. A request without the header is not
    from a browser.
    """
    if not header:
        return True
    try:
        name = (urlsplit(f"//{header}").hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    return bool(name) and (
        "." not in name
        or name == host.lower()
        or name.rpartition(".")[2] in PRIVATE_DOMAINS
        or _is_address(name)
    )


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
