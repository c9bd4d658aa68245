"""Addresses to listen on: whether one is free, and the remedy if it is not."""

import asyncio
import errno
import socket


async def try_listening(address: tuple[str, int]) -> None:
    """Bind an address as the bridge does, answer nobody, and release it.

    Raises OSError, or UnicodeError for a host that cannot be a domain name.
    """
    server = await asyncio.get_running_loop().create_server(
        asyncio.Protocol, *address, start_serving=False
    )
    server.close()


def remedy_for_address(error: OSError | UnicodeError) -> str:
    """Return the remedy for an address that cannot be bound."""
    elsewhere = (
        isinstance(error, (socket.gaierror, UnicodeError)) or error.errno == errno.EADDRNOTAVAIL
    )
    other = "an address of this host" if elsewhere else "another port, 0 for any free one"
    return f"name {other}, or nothing to turn it off"
