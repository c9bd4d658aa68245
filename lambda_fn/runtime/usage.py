"""The time and the memory that a video is billed for."""

import math
import os
import resource
import sys
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

# The place of the start time among the fields after the command: proc_pid_stat(5), field 22.
_START = 19

# A process that takes longer to start was suspended meanwhile, as snapshots are.
_LONGEST_START_S = 600.0

_serial = count()


@dataclass(frozen=True, slots=True)
class Usage:
    """Time and memory of one video, in the words of the message.

    `billed_ms` includes the start of a new process. `memory_mb` is the function's memory, which
    Lambda bills, however little a video needs; None outside Lambda and its hosts.
    """

    duration_ms: int
    billed_ms: int
    memory_mb: int | None
    cold: bool


class Meter:
    """The time since a video was begun; `cold` for the first one of the process."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._cold = next(_serial) == 0

    def read(self) -> Usage:
        """Return the usage until now."""
        spent_ms = (time.monotonic() - self._began) * 1000
        start_ms = (_start_s or 0.0) * 1000 if self._cold else 0.0
        return Usage(
            duration_ms=round(spent_ms),
            billed_ms=math.ceil(spent_ms + start_ms),
            memory_mb=_memory_mb(),
            cold=self._cold,
        )


def note_started() -> None:
    """Note that the process is ready for its first video."""
    global _start_s  # noqa: PLW0603 - one process starts once
    _start_s = _age_s()


_start_s: float | None = None


def _age_s() -> float | None:
    """Return the age of the process in seconds; None where `/proc` does not say."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        born_s = int(fields[_START]) / os.sysconf("SC_CLK_TCK")
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - born_s
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    return age_s if 0 <= age_s < _LONGEST_START_S else None


def peak_mb() -> int:
    """Return the most memory that the process has used, in MiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return math.ceil(most / (2**20 if sys.platform == "darwin" else 2**10))


def _memory_mb() -> int | None:
    size = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return int(size) if size.isdecimal() else None
