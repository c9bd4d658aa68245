"""The memory that a process uses."""

import asyncio
import os
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_EVERY_S = 0.25
"""Short: a video's frames fill some hundred megabytes a second at most."""


def resident_mb(pid: int) -> float:
    """Return a process's resident memory in megabytes of 2**20 bytes; 0 once it has ended."""
    try:
        resident = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0.0
    return int(resident) * _PAGE_BYTES / 2**20


async def exceeds(pid: int, limit_mb: int) -> float:
    """Wait until a process uses more than its limit, which may never be; returns how much."""
    # No event says so: the kernel does not report it.
    while (used := resident_mb(pid)) <= limit_mb:  # noqa: ASYNC110
        await asyncio.sleep(_EVERY_S)
    return used
