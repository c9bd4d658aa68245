"""Processes on a core of their own, and what they cost. Needs Linux."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hybridsphere.local import child

_ROOT = Path(__file__).parents[1]

_STOP_S = 30
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_CORES = sorted(os.sched_getaffinity(0))


@contextmanager
def measured_core() -> Iterator[None]:
    """On the core that measurements are made on; child processes started within stay there."""
    with _on(_CORES[:1]):
        yield


@contextmanager
def other_cores() -> Iterator[None]:
    """On the cores that are not measured, where there is more than one."""
    with _on(_CORES[1:] or _CORES):
        yield


@contextmanager
def running(
    arguments: list[str],
    environment: Mapping[str, str],
    *,
    stdout: int | None = None,
    stderr: IO[bytes] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process with these arguments, which is told to stop when the context ends."""
    process = subprocess.Popen(
        child.command([sys.executable, *arguments]),
        cwd=_ROOT,
        env=environment,
        stdout=stdout,
        stderr=stderr,
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
    """What a process has taken of its core, in user and kernel mode (man 5 proc_pid_stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def machine() -> str:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo").read_text()
    models = [
        line.partition(": ")[2] for line in info.splitlines() if line.startswith("model name")
    ]
    model = models[0] if models else platform.machine()
    return f"{model}, {len(_CORES)} cores, Python {platform.python_version()}"


@contextmanager
def _on(cores: list[int]) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
