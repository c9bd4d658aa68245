"""What no log may hold, at any level: credentials, signatures, embeddings.

A plugin of pytest's too: whatever a test, or a process that it started, wrote is searched.
"""

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SECRET = "the-secret-access-key-of-all-tests"
"""What whoever signs anything in a test signs with."""

_PATTERNS = {
    "a secret access key": re.compile(re.escape(SECRET)),
    "a session token": re.compile(r"X-Amz-Security-Token", re.IGNORECASE),
    "a signed URL": re.compile(r"X-Amz-Signature|[?&]Signature=", re.IGNORECASE),
    "a signed header": re.compile(r"AWS4-HMAC-SHA256"),
    # Sixteen of an embedding's 128 numbers, as Python, JSON or numpy write them.
    "an embedding": re.compile(r"(?:-?\d+\.\d*(?:e[-+]?\d+)?[\s,]+){16}"),
}


def found_in(text: str) -> list[str]:
    """What of all that is in a text."""
    return [what for what, pattern in _PATTERNS.items() if pattern.search(text)]


def found_in_files(folder: Path) -> dict[str, list[str]]:
    """The logs below a folder that hold any of that."""
    texts = {file: file.read_text(errors="replace") for file in folder.rglob("*.log")}
    return {str(file): found for file, text in texts.items() if (found := found_in(text))}


@contextmanager
def function_log(folder: Path) -> Iterator[Callable[[bytes], object]]:
    """Takes what a function prints to a log below a folder of pytest's, where it is searched."""
    # Unbuffered: it is there for whoever looks while the function still runs.
    with (folder / "function.log").open("ab", buffering=0) as log:
        yield log.write


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fails a test that wrote any of that; the last of its reports has all that was captured."""
    report = yield
    if call.when == "teardown":
        for name, text in report.sections:
            if found := found_in(text):
                report.outcome = "failed"
                report.longrepr = f"{name} holds {', '.join(found)}"
    return report
