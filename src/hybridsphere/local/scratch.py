"""A temporary folder that other processes read.

A process that is killed with -9 leaves its folder behind; the next one removes it.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "hybridsphere-local-"

_YOUNG_S = 60.0
"""A younger folder may not be locked yet."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a temporary folder, and lock it while it is in use."""
    _clear_stale(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        descriptor = os.open(name, os.O_RDONLY)
        try:
            # The kernel releases the lock with the process, however that ends.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(descriptor)


def _clear_stale(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        # Folders of other users cannot be opened, folders in use cannot be locked, and others
        # may vanish meanwhile.
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - os.fstat(descriptor).st_mtime > _YOUNG_S:
                    shutil.rmtree(folder)
            finally:
                os.close(descriptor)
