"""Addresses to listen at: whether one can be had, and what to do where it cannot."""

import asyncio
import errno
import socket


async def try_listening(address: tuple[str, int]) -> None:
    """Bind the address as the bridge does, but answer nobody, and let it go.

    Raises OSError, or UnicodeError of a host that no name server could be asked for.
    """
    server = await asyncio.get_running_loop().create_server(
        asyncio.Protocol, *address, start_serving=False
    )
    server.close()


def remedy_for_address(error: OSError | UnicodeError) -> str:
    """What to do about an address that cannot be listened at."""
    elsewhere = (
        isinstance(error, (socket.gaierror, UnicodeError)) or error.errno == errno.EADDRNOTAVAIL
    )
    other = "an address of this host" if elsewhere else "another port, 0 for any free one"
    return f"name {other}, or nothing to turn it off"
