"""The environment through the command itself: what cannot work is one line, and exit code 2."""

import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from hybridsphere.cli.app import main
from hybridsphere.settings import Settings
from hybridsphere.variables import PREFIX, variable

QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/queue"
GOOD = {
    "input_queue_url": QUEUE,
    "output_queue_url": f"{QUEUE}-of-results",
    "function_name": "face-recognition",
    "input_bucket": "input-bucket-video",
    "output_bucket": "output-bucket-vid",
}
NEEDED = {
    ("queue", "queue"): {"input_bucket", "function_name", "input_queue_url", "output_queue_url"},
    ("queue", "bucket"): {"input_bucket", "function_name", "input_queue_url", "output_bucket"},
    ("bucket", "queue"): {"input_bucket", "function_name", "output_queue_url"},
    ("bucket", "bucket"): {"input_bucket", "function_name", "output_bucket"},
    ("none", "queue"): {"input_bucket", "output_queue_url"},
    ("none", "bucket"): {"input_bucket", "output_bucket"},
}
"""What each source and sink cannot do without."""

LONG = "x" * 100_000
IMPOSSIBLE = {
    "input_queue_url": ["queue", "ftp://host/1/queue", f"{QUEUE} {QUEUE}", f"{QUEUE}\n", LONG],
    "output_queue_url": ["queue", "arn:aws:sqs:eu-west-1:123456789012:queue", LONG],
    "dead_letter_queue_url": ["queue", "https://host", LONG],
    "function_name": ["no function", "f" * 171, "f\x1b[2J", LONG],
    "source": ["Queue", "s3", LONG],
    "sink": ["none", "disk", LONG],
    "input_bucket": ["s3://bucket", "ab", "b" * 64, "b\x1b[2J", LONG],
    "output_bucket": ["s3://bucket", "ab", "b/c", LONG],
    "table": ["t", "a table", "arn:aws:dynamodb:eu-west-1:1:table/t", LONG],
    "results_dir": ["/x" * 251, LONG],
    "invocation_type": ["event", "DryRun", LONG],
    "max_in_flight": ["0", "-1", "10001", "1e2", "many", "9" * 5000],
    "max_attempts": ["0", "101", "2.5", "9" * 5000],
    "drain_s": ["0", "-1", "3601", "nan", "inf", "soon", LONG],
    "http": ["8080", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:http", LONG],
}
"""Values out of range, by field."""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that works, and nothing else of ours."""
    for name in list(os.environ):
        if name.startswith((PREFIX, "AWS_")):
            monkeypatch.delenv(name)
    for field, value in GOOD.items():
        monkeypatch.setenv(variable(field), value)
    # So that nothing but the variable in question is at fault; nobody is ever asked.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")


def complaint() -> str:
    """The one line that the command ends with."""
    answer = CliRunner().invoke(main, ["bridge"])
    assert answer.exit_code == 2, answer.output
    assert answer.stdout == ""
    [line] = answer.stderr.splitlines()
    assert line.isprintable()
    assert len(line) < 600
    return line


@pytest.mark.parametrize("empty", [True, False], ids=["empty", "missing"])
@pytest.mark.parametrize(
    ("source", "sink", "field"),
    [(*way, field) for way, fields in NEEDED.items() for field in sorted(fields)],
)
def test_a_required_variable_that_is_missing_or_empty_is_named(
    monkeypatch: pytest.MonkeyPatch, source: str, sink: str, field: str, *, empty: bool
) -> None:
    monkeypatch.setenv(variable("source"), source)
    monkeypatch.setenv(variable("sink"), sink)
    if empty:
        monkeypatch.setenv(variable(field), "")
    else:
        monkeypatch.delenv(variable(field))
    assert complaint().startswith(f"hybridsphere: {variable(field)} is not set")


def test_no_variable_is_left_out_below() -> None:
    assert set(IMPOSSIBLE) == set(Settings.model_fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in IMPOSSIBLE.items() for value in values],
    ids=lambda text: text[:20].encode("unicode_escape").decode(),
)
def test_a_variable_out_of_range_is_named(
    monkeypatch: pytest.MonkeyPatch, field: str, value: str
) -> None:
    monkeypatch.setenv(variable(field), value)
    # A path that is too long is named whole: of a relative one, the rest is where it begins.
    assert re.match(rf"hybridsphere: {variable(field)}(=| stands for )", complaint())


def test_a_results_folder_that_cannot_be_is_named_once_it_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable("results_dir"), "/dev/null/results")
    answer = subprocess.run(
        [sys.executable, "-m", "hybridsphere", "bridge"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (answer.returncode, answer.stdout) == (2, "")
    [line] = answer.stderr.splitlines()
    assert line.startswith("hybridsphere: HYBRIDSPHERE_RESULTS_DIR='/dev/null/results' cannot be")
