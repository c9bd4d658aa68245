"""A folder for files that somebody else reads, gone when the process is.

A process that is killed with -9 leaves its folder behind; the next one clears it away.
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
"""A folder may be made a moment before it is locked."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder below the system's own for temporary files, locked while it is in use."""
    _clear_stale(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        descriptor = os.open(name, os.O_RDONLY)
        try:
            # The kernel lets go of it with the process, however that ends.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(descriptor)


def _clear_stale(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        # Another user's cannot be opened, one in use not locked, another may be gone meanwhile.
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - os.fstat(descriptor).st_mtime > _YOUNG_S:
                    shutil.rmtree(folder)
            finally:
                os.close(descriptor)
