"""The option --no-process, for the loop of writing: skips a test as soon as it starts a process."""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

_STARTS = {"os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen"}
"""The audit events of all ways to start one; https://docs.python.org/3/library/audit_events.html"""

_FIXTURES = {"bridge", "moto", "pipeline", "played", "start_function", "start_lambda"}
_PLACES = (
    "tests/faults/",
    "tests/host/test_function_host.py",
    "tests/local/test_account.py",
    "tests/local/test_async_events.py",
    "tests/local/test_lambda_host.py",
    "tests/local/test_serve.py",
    "tests/local/test_trigger.py",
    "tests/pipeline/",
)
"""Their tests start processes in tasks of the background, whose end a test would await in vain."""

_running = False


def install() -> None:
    """Skip, from now on and for good, what starts a process while it runs."""
    sys.addaudithook(_skip)


def needs_processes(item: pytest.Item) -> bool:
    """Tell without running a test that it starts processes; of the others, some do all the same."""
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return item.nodeid.startswith(_PLACES) or not _FIXTURES.isdisjoint(fixtures)


@contextmanager
def _watched() -> Iterator[None]:
    """Watch neither the collection, which asks the machine what it can do, nor what clears away."""
    global _running  # noqa: PLW0603 - an audit hook can be neither asked nor removed
    _running = True
    try:
        yield
    finally:
        _running = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    with _watched():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    with _watched():
        return (yield)


def _skip(event: str, _: object) -> None:
    if _running and event in _STARTS:
        pytest.skip("starts a process")
