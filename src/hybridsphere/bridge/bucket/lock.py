"""A lock between bridges of one host that share a results folder."""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

RETRY_S = 1.0

log = structlog.get_logger()


@asynccontextmanager
async def alone(path: Path) -> AsyncIterator[None]:
    """Wait until no other process holds this lock file, then hold it.

    The kernel releases it when the process ends, however that happens.
    """
    with path.open("a") as file:
        waiting = False
        while not _try_lock(file.fileno()):
            if not waiting:
                waiting = True
                log.info("watch.standby", lock=str(path))
            await asyncio.sleep(RETRY_S)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
