"""The figures that an alarm needs."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from hybridsphere.aws import AwsError
from hybridsphere.bridge.telemetry.depths import Depths
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.bridge.telemetry.standing import Standing
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.messages import utc_text
from tests.samples import record, result


def figures(folder: Path, health: Health) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Standing(folder, health))
    return registry


def test_the_ledger_s_figures_are_those_of_the_moment(tmp_path: Path) -> None:
    ledger_path(tmp_path).parent.mkdir()
    health = Health()
    health.started()
    health.report("results", "disk full")
    health.report("file a.mp4.csv", "a folder is there")
    found = figures(tmp_path, health)
    assert found.get_sample_value("hybridsphere_trouble", {"part": "results"}) == 1
    # A path would be a series for ever.
    assert found.get_sample_value("hybridsphere_trouble", {"part": "file"}) == 1
    assert found.get_sample_value("hybridsphere_results_disk_free_bytes", {}) > 0
    assert found.get_sample_value("hybridsphere_uploads", {"status": "matched"}) is None
    with Ledger.open(tmp_path) as ledger, ledger.transaction():
        ledger.put_result(result("a.mp4"), utc_text())
        ledger.note_invoked(record("b.mp4"), utc_text(), "2026-11-21T00:00:00.000Z")
    assert found.get_sample_value("hybridsphere_uploads", {"status": "matched"}) == 1
    waiting = {"for": "result"}
    assert found.get_sample_value("hybridsphere_uploads_waiting", waiting) == 1
    assert found.get_sample_value("hybridsphere_uploads_waiting_oldest_seconds", waiting) > 0
    assert found.get_sample_value("hybridsphere_last_result_timestamp_seconds", {}) > 1.7e9


def test_a_damaged_ledger_leaves_the_other_figures(tmp_path: Path) -> None:
    ledger_path(tmp_path).parent.mkdir()
    ledger_path(tmp_path).write_bytes(b"no ledger" * 1000)
    found = figures(tmp_path, Health())
    assert found.get_sample_value("hybridsphere_trouble", {"part": "bridge"}) == 1
    assert found.get_sample_value("hybridsphere_uploads_waiting", {"for": "result"}) is None


class _Queue:
    """A queue that SQS counts, or does not."""

    def __init__(self, *, answers: bool) -> None:
        self._answers = answers

    async def attributes(self) -> dict[str, str]:
        if not self._answers:
            raise AwsError("GetQueueAttributes: AccessDenied")
        return {
            "ApproximateNumberOfMessages": "7",
            "ApproximateNumberOfMessagesNotVisible": "2",
        }


@pytest.mark.parametrize("answers", [True, False])
async def test_a_queue_s_depth_is_what_sqs_says_or_no_number(*, answers: bool) -> None:
    metrics = Metrics()
    depths = Depths({"input": _Queue(answers=answers)}, metrics)  # type: ignore[dict-item]
    await depths.ask("input")
    depth = metrics.registry.get_sample_value(
        "hybridsphere_queue_messages", {"queue": "input", "state": "visible"}
    )
    assert depth == 7 if answers else depth != depth  # noqa: PLR0124 - NaN
