"""The search of all logs finds what it is for, and lets pass what logs are full of."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.leaks import SECRET, found_in, found_in_files

ROOT = Path(__file__).parents[1]

EMBEDDING = np.random.default_rng(1).normal(size=128) / 10
REQUEST = "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/s3/aws4_request"
URL = "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=A&X-Amz-Signature=0f"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"AWS_SECRET_ACCESS_KEY={SECRET}", "a secret access key"),
        (f"{{'headers': '{REQUEST}'}}", "a signed header"),
        (f"GET {URL}", "a signed URL"),
        ("GET https://b.s3.amazonaws.com/k?AWSAccessKeyId=A&Signature=0f", "a signed URL"),
        ("x-amz-security-token: IQoJ", "a session token"),
        (str(EMBEDDING), "an embedding"),
        (repr(EMBEDDING), "an embedding"),
        (str(EMBEDDING.tolist()), "an embedding"),
        (json.dumps({"encoding": EMBEDDING.tolist()}), "an embedding"),
    ],
)
def test_it_is_found(text: str, what: str) -> None:
    assert found_in(f"before {text} after") == [what]


@pytest.mark.parametrize(
    "text",
    [
        '{"timestamp": "2026-11-21T00:00:00.000Z", "distance": 0.372, "at_s": 0.0, "seconds": 1.5}',
        "AWS_SECRET_ACCESS_KEY is not set",
        "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8",
    ],
)
def test_the_ordinary_is_let_pass(text: str) -> None:
    assert found_in(text) == []


def test_logs_on_disk_are_found_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "bridge.log").write_text(SECRET)
    (tmp_path / "function.log").write_text("all is well")
    assert list(found_in_files(tmp_path)) == [str(tmp_path / "a" / "bridge.log")]
    (tmp_path / "a" / "bridge.log").unlink()


LEAKY_FUNCTION = f"""
from tests import leaks

def test_of_a_function(tmp_path):
    with leaks.function_log(tmp_path) as log:
        log({SECRET.encode()!r})
"""


def test_a_run_whose_function_printed_it_fails(tmp_path: Path) -> None:
    (tmp_path / "test_leaky.py").write_text(LEAKY_FUNCTION)
    kept = tmp_path / "kept"
    # This very folder's conftest, as a plugin.
    ended = run_pytest(tmp_path, "-p", "tests.conftest", "--basetemp", kept)
    logs = list(kept.rglob("function.log"))
    for log in logs:
        log.unlink()
    assert len(logs) == 1
    assert "1 passed, 1 error" in ended
    assert "assert leaks.found_in_files(" in ended


LEAKY = f"""
import logging, subprocess, sys

def test_printed(): print({REQUEST!r})
def test_on_standard_error(): sys.stderr.write({REQUEST!r})
def test_logged(): logging.getLogger("botocore").warning({REQUEST!r})
def test_of_a_child(): subprocess.run(["echo", {REQUEST!r}])
def test_clean(): print("nothing")
"""


def test_a_test_that_writes_it_fails(tmp_path: Path) -> None:
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    ended = run_pytest(tmp_path, "-p", "tests.leaks")
    assert "5 passed, 4 errors" in ended
    assert "holds a signed header" in ended
    assert "test_clean" not in ended


def run_pytest(folder: Path, *options: str | Path) -> str:
    """What a run of the tests in a folder says, with ours at hand."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, folder],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return ended.stdout
