"""A bound on what a video may take, so that a hostile one ends as unreadable, and not its worker.

A file of a few kilobytes can claim an index of fifty million pictures, or hold pictures of which
one alone takes a gigabyte. Lambda would kill the worker that believes it, three times over.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Of the function's memory; what is left is for what the worker has had before, models and all.
_SHARE = 0.6

_DEFAULT_MB = 2048


@contextmanager
def bounded() -> Iterator[None]:
    """Within, six tenths of the function's memory can be taken more; what is beyond cannot be had.

    Python then raises MemoryError, and the decoder an FFmpegError. Where the system does not tell
    what a process has (outside Linux), nothing is bounded.
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
    """What the process has taken of what RLIMIT_DATA bounds, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = [line.split()[1] for line in lines if line.startswith("VmData:")]
    return int(sizes[0]) * 1024 if sizes else None
