"""The hosts that the settings name: a name with several addresses is several hosts."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from yarl import URL


async def resolve(endpoints: Sequence[str]) -> list[str]:
    """Return the URL of every host: one for each address of a name.

    A name with TLS stays: its certificate is the name's. Raises OSError for a name that cannot be
    looked up.
    """
    found: dict[str, None] = {}
    for endpoint in endpoints:
        found |= dict.fromkeys(await _addresses(URL(endpoint)))
    return list(found)


async def _addresses(url: URL) -> list[str]:
    if url.scheme == "https" or _is_address(url.host or ""):
        return [str(url).rstrip("/")]
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    return sorted({str(url.with_host(str(place[0]))).rstrip("/") for *_, place in answers})


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
