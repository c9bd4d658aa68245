"""The option --no-videos, for the loop of writing: drops the tests that look at many videos."""

import pytest

_PLACES = (
    "tests/bench/recognition/",
    "tests/bench/test_bench_faces.py",
    "tests/lambda_fn/faces/",
    "tests/lambda_fn/recognition/",
    "tests/lambda_fn/video/",
)
"""They start no process, but decoding and recognition take half a minute of two cores."""


def looks_at_videos(item: pytest.Item) -> bool:
    return item.nodeid.startswith(_PLACES)
