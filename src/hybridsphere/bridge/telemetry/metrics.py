"""What the bridge counts; the words are those of its log."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


@dataclass(frozen=True, slots=True)
class QueueMetrics:
    """Those of one queue, looked up once."""

    received: Counter
    deleted: Counter
    released: Counter
    handler_errors: Counter
    extended: Counter
    deletes_failed: Counter
    heartbeats_failed: Counter
    in_flight: Gauge


OUTCOMES = ("accepted", "throttled", "failed", "error")
"""What becomes of a call of the function."""


class Metrics:
    """The counters of one bridge, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter("messages_received", "Messages received.", "queue")
        self.deleted = self._counter("messages_deleted", "Messages deleted, being done.", "queue")
        self.released = self._counter(
            "messages_released", "Messages made visible again by a stop.", "queue"
        )
        self.rejected = self._counter(
            "messages_rejected", "Messages that can never succeed.", "queue"
        )
        self.rejects_failed = self._counter(
            "rejects_failed", "Dead letters that SQS did not store at a try.", "queue"
        )
        self.handler_errors = self._counter(
            "messages_unhandled", "Messages left on the queue by an error of the bridge.", "queue"
        )
        self.extended = self._counter(
            "visibility_extended", "Visibility time-outs extended by heartbeat.", "queue"
        )
        self.deletes_failed = self._counter(
            "deletes_failed", "Deletions that SQS did not do at a try.", "queue"
        )
        self.heartbeats_failed = self._counter(
            "heartbeats_failed", "Extensions that SQS did not do at a try.", "queue"
        )
        self.invocations = self._counter(
            "invocations", "Calls of the function: accepted, throttled, failed, error.", "outcome"
        )
        self.results = self._counter("results_written", "Results in the ledger.", "status")
        self.storage_errors = self._counter(
            "storage_errors", "Batches that could not be stored at a try."
        )
        self.in_flight = Gauge(
            "hybridsphere_messages_in_flight",
            "Messages held.",
            ["queue"],
            registry=self.registry,
        )
        self.limit = Gauge(
            "hybridsphere_invocations_limit",
            "Invocations that may be under way at once.",
            registry=self.registry,
        )
        self.latency = Histogram(
            "hybridsphere_receipt_to_invocation_seconds",
            "From the receipt of an event to the acceptance of its invocation.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=self.registry,
        )

    def of_queue(self, name: str) -> QueueMetrics:
        """The counters of a queue."""
        return QueueMetrics(
            received=self.received.labels(name),
            deleted=self.deleted.labels(name),
            released=self.released.labels(name),
            handler_errors=self.handler_errors.labels(name),
            extended=self.extended.labels(name),
            deletes_failed=self.deletes_failed.labels(name),
            heartbeats_failed=self.heartbeats_failed.labels(name),
            in_flight=self.in_flight.labels(name),
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"hybridsphere_{name}", text, labels, registry=self.registry)
