"""The environment through the command itself: wrong values end it with exit code 2."""

import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from hybridsphere.cli.app import main
from hybridsphere.settings import PREFIX, Settings, variable

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
    ("direct", "queue"): {"input_bucket", "output_queue_url"},
    ("direct", "bucket"): {"input_bucket", "output_bucket"},
}
"""The fields that each source and sink need."""

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
    "gallery": ["s3://bucket", "s3:///key", "https://host/gallery.npz", "g\n", LONG],
    "results_dir": ["/x" * 251, LONG],
    "invocation_type": ["event", "DryRun", LONG],
    "private_endpoints": ["10.0.0.5:9000", "ftp://host", "http://host/x", "http://a@host", LONG],
    "private_wait_s": ["-1", "nan", "inf", "86401", "soon", LONG],
    "daily_budget_usd": ["-0.01", "nan", "inf", "1000001", "$1", LONG],
    "scale_out_url": ["policy", "ftp://host/x", "http://a@host/x", LONG],
    "scale_in_url": ["http://host", LONG],
    "host_keys": [LONG],
    "max_in_flight": ["0", "-1", "10001", "1e2", "many", "9" * 5000],
    "max_attempts": ["0", "101", "2.5", "9" * 5000],
    "keep_results_days": ["0", "14", "-1", "36501", "1.5", "many", LONG],
    "keep_unknown_days": ["0", "-1", "36501", "two", LONG],
    "keep_faces_days": ["0", "-1", "36501", "two", LONG],
    "drain_s": ["0", "-1", "3601", "nan", "inf", "soon", LONG],
    "page": ["8090", "127.0.0.1:65536", LONG],
    "page_users": ["/x" * 251, LONG],
    "page_header": ["X Remote", "X:Y", LONG],
    "page_proxies": ["proxy", "10.0.0.256", LONG],
    "page_names": ["http://host", "a/b", LONG],
    "http": ["8080", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:http", LONG],
}
"""Values out of range, by field."""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a configuration that works, and nothing else of ours."""
    for name in list(os.environ):
        if name.startswith((PREFIX, "AWS_")):
            monkeypatch.delenv(name)
    for field, value in GOOD.items():
        monkeypatch.setenv(variable(field), value)
    # Only the variable in question is wrong; no address is ever called.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")


def complaint() -> str:
    """The error that the command ends with; a hint follows it, and nothing else."""
    answer = CliRunner().invoke(main, ["bridge"])
    assert answer.exit_code == 2, answer.output
    assert answer.stdout == ""
    error, hint = answer.stderr.splitlines()
    assert hint.startswith("hint: ")
    assert (error + hint).isprintable()
    assert len(error) < 600
    return error


@pytest.mark.parametrize("empty", [True, False], ids=["empty", "missing"])
@pytest.mark.parametrize(
    ("source", "sink", "field"),
    [(*way, field) for way, fields in NEEDED.items() for field in sorted(fields)],
)
def test_a_required_variable_is_named_when_missing_or_empty(
    monkeypatch: pytest.MonkeyPatch, source: str, sink: str, field: str, *, empty: bool
) -> None:
    monkeypatch.setenv(variable("source"), source)
    monkeypatch.setenv(variable("sink"), sink)
    if empty:
        monkeypatch.setenv(variable(field), "")
    else:
        monkeypatch.delenv(variable(field))
    assert complaint() == f"error: {variable(field)} is not set"


def test_every_variable_has_impossible_values() -> None:
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
    assert re.match(rf"error: {variable(field)}( is | stands for )", complaint())


def test_an_impossible_results_folder_is_named_at_the_start(
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
    assert line.startswith("error: HYBRIDSPHERE_RESULTS_DIR='/dev/null/results' cannot be")


def test_several_problems_are_an_aligned_list(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in ("function_name", "input_bucket"):
        monkeypatch.delenv(variable(field))
    answer = CliRunner().invoke(main, ["bridge"])
    assert answer.exit_code == 2
    assert answer.stderr.splitlines() == [
        "error: the configuration cannot work",
        "  HYBRIDSPHERE_INPUT_BUCKET   is not set: set it to the name of the bucket of videos",
        "  HYBRIDSPHERE_FUNCTION_NAME  is not set: set it to the function's name or ARN",
        "hint: docs/configuration.md describes every variable",
    ]
