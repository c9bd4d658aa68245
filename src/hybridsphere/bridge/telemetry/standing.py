"""Figures that an alarm needs, read when Prometheus asks: troubles, what waits, the disk."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.ledger.ledger import Ledger, LedgerError


class Standing(Collector):
    """The figures of one results folder; a ledger that cannot be read leaves out its own."""

    def __init__(self, results_dir: Path, health: Health) -> None:
        self._results_dir = results_dir
        self._health = health

    def describe(self) -> Iterator[Metric]:
        """Name nothing in advance: else the registry would read the ledger at once."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield self._troubles()
        yield from self._disk()
        try:
            with Ledger.read(self._results_dir) as ledger:
                yield from _of_ledger(ledger)
        except (LedgerError, OSError):
            # The first figure has this trouble already.
            return

    def _troubles(self) -> Metric:
        name, text = "hybridsphere_trouble", "1 for each part that does not work."
        found = GaugeMetricFamily(name, text, labels=["part"])
        for part in self._health.troubles:
            # Without the file's path: each would be a series for ever.
            found.add_metric(["file" if part.startswith("file ") else part], 1)
        return found

    def _disk(self) -> Iterator[Metric]:
        try:
            usage = shutil.disk_usage(self._results_dir)
        except OSError:
            return
        name = "hybridsphere_results_disk"
        yield GaugeMetricFamily(f"{name}_free_bytes", "Free bytes.", value=usage.free)
        yield GaugeMetricFamily(f"{name}_size_bytes", "Size of the disk.", value=usage.total)


def _of_ledger(ledger: Ledger) -> Iterator[Metric]:
    uploads = GaugeMetricFamily(
        "hybridsphere_uploads",
        "Uploads in the ledger with a result, by the status that people get.",
        labels=["status"],
    )
    for status, count in ledger.counts().items():
        if status is not None:
            uploads.add_metric([status], count)
    yield uploads
    waiting = GaugeMetricFamily(
        "hybridsphere_uploads_waiting", "Uploads that wait for this.", labels=["for"]
    )
    oldest = GaugeMetricFamily(
        "hybridsphere_uploads_waiting_oldest_seconds", "Age of the oldest.", labels=["for"]
    )
    found = ledger.waiting()
    for name, backlog in (("invocation", found.invocation), ("result", found.result)):
        waiting.add_metric([name], backlog.count)
        oldest.add_metric([name], _age_s(backlog.oldest) if backlog.oldest else 0)
    yield waiting
    yield oldest
    if last := ledger.last_stored():
        yield GaugeMetricFamily(
            "hybridsphere_last_result_timestamp_seconds",
            "When the latest result was stored, in seconds since 1970.",
            value=datetime.fromisoformat(last).timestamp(),
        )


def _age_s(moment: str) -> float:
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
