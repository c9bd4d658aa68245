"""Processes pinned to one core, and their cost. Needs Linux."""

import ctypes
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO, Any

from hybridsphere.host import child

_ROOT = Path(__file__).parents[1]

_STOP_S = 30
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@contextmanager
def measured_core() -> Iterator[None]:
    """On the core that measurements are made on; child processes started within stay there."""
    with _on(_cores()[:1]):
        yield


@contextmanager
def other_cores() -> Iterator[None]:
    """On the cores that are not measured, where there is more than one."""
    with _on(_cores()[1:] or _cores()):
        yield


@contextmanager
def any_core() -> Iterator[None]:
    """On all cores that this process was given; child processes started within run anywhere."""
    with _on(_cores()):
        yield


def cores() -> int:
    """Return how many cores this process was given."""
    return len(_cores())


def python(*arguments: str) -> list[str]:
    """The command line of this Python with these arguments."""
    return [sys.executable, *arguments]


@contextmanager
def running(
    command: list[str],
    environment: Mapping[str, str],
    *,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command line; the end of the context stops its process."""
    process = subprocess.Popen(
        child.command(command), cwd=_ROOT, env=environment, stdout=stdout, stderr=stderr
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        finally:
            process.kill()


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and of the children that it has waited for.

    The process's time is exact to the nanosecond; that of children comes in ticks of 10 ms.
    """
    clock = ctypes.c_int()
    if error := ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise OSError(error, f"clock_getcpuclockid({pid}): {os.strerror(error)}")
    # The fields cutime and cstime of man 5 proc_pid_stat.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children_s = (int(fields[13]) + int(fields[14])) / _TICKS_PER_S
    return time.clock_gettime(clock.value) + children_s


def own_cpu_seconds() -> float:
    """The same of this process, with all children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak_memory_mb(pid: int) -> float:
    """The most memory that a process has had at once (VmHWM of man 5 proc_pid_status)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(peak) / 1000


def machine() -> str:
    """Return the machine on which the figures were measured."""
    info = Path("/proc/cpuinfo").read_text()
    models = [
        line.partition(": ")[2] for line in info.splitlines() if line.startswith("model name")
    ]
    model = models[0] if models else platform.machine()
    return f"{model}, {len(_cores())} cores, Python {platform.python_version()}"


def provenance(command: str) -> dict[str, Any]:
    """Return the provenance of a command's figures: date, command, machine and load.

    The load is the number of processes that wanted a core in the last minute.
    """
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "machine": machine(),
        "load": os.getloadavg()[0],
    }


@cache
def _cores() -> list[int]:
    """All that this process was given, as long as it has not been put on some of them."""
    return sorted(os.sched_getaffinity(0))


@contextmanager
def _on(cores: list[int]) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
