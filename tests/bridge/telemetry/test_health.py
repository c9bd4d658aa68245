"""When failures of one kind of work become a trouble."""

from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.troubles import FAILURES_IN_A_ROW


def test_work_that_has_only_failed_is_a_trouble() -> None:
    health = Health()
    health.started()
    health.note_failure("input messages", "1", "bucket is a, not b")
    assert health.troubles == {"input messages": "every one failed: bucket is a, not b"}


def test_one_failure_among_successes_is_no_trouble() -> None:
    health = Health()
    health.started()
    health.note_success("uploads")
    for number in range(FAILURES_IN_A_ROW - 1):
        health.note_failure("uploads", f"{number}", "lost")
    assert health.troubles == {}


def test_failures_in_a_row_are_a_trouble_until_a_success() -> None:
    health = Health()
    health.started()
    health.note_success("uploads")
    for number in range(FAILURES_IN_A_ROW):
        health.note_failure("uploads", f"{number}", "lost")
    assert health.troubles == {"uploads": "the last 3 failed: lost"}
    health.note_success("uploads")
    assert health.troubles == {}


def test_a_piece_that_fails_repeatedly_counts_once() -> None:
    health = Health()
    health.started()
    health.note_success("input messages")
    for _ in range(FAILURES_IN_A_ROW):
        health.note_failure("input messages", "1", "no JSON")
    assert health.troubles == {}
