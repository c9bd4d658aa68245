"""A memory limit for one video, so that a hostile file ends as unreadable.

A file of a few kilobytes can claim an index of fifty million pictures, or contain one picture of a
gigabyte. Without the limit Lambda would kill the worker, once for each of its three attempts.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Share of the function's memory for one video; the rest holds the interpreter and the models.
_SHARE = 0.6

_DEFAULT_MB = 2048


@contextmanager
def bounded() -> Iterator[None]:
    """Limit further allocations inside the block to 60 % of the function's memory.

    Beyond the limit Python raises MemoryError, and the decoder an FFmpegError. Without `/proc`
    (outside Linux) the limit does not apply.
    """
    taken = _taken()
    if taken is None:
        yield
        return
    memory_mb = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or _DEFAULT_MB)
    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = taken + int(_SHARE * memory_mb * 2**20)
    if hard != resource.RLIM_INFINITY:
        bound = min(bound, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, hard))


def _taken() -> int | None:
    """Return the bytes of the process that RLIMIT_DATA counts; None without `/proc`."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = [line.split()[1] for line in lines if line.startswith("VmData:")]
    return int(sizes[0]) * 1024 if sizes else None
