"""The counters of the bridge; their words are those of its log."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


@dataclass(frozen=True, slots=True)
class QueueMetrics:
    """The counters of one queue, looked up once."""

    received: Counter
    deleted: Counter
    released: Counter
    handler_errors: Counter
    extended: Counter
    deletes_failed: Counter
    heartbeats_failed: Counter
    in_flight: Gauge
    oldest: Gauge


@dataclass(frozen=True, slots=True)
class BucketMetrics:
    """The counters of one bucket, looked up once."""

    found: Counter
    unhandled: Counter
    in_flight: Gauge


INVOCATIONS = ("accepted", "throttled", "failed", "error")
"""The ways in which a call of the function ends."""


class Metrics:
    """The counters of one bridge, in one registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter("messages_received", "Messages received.", "queue")
        self.deleted = self._counter(
            "messages_deleted", "Messages deleted after they were done.", "queue"
        )
        self.released = self._counter(
            "messages_released", "Messages made visible again by a stop.", "queue"
        )
        self.rejected = self._counter(
            "messages_rejected", "Messages that can never succeed.", "queue"
        )
        self.ignored = self._counter(
            "events_ignored", "Events that are no uploads: deletions, tags, folders and the like."
        )
        self.rejects_failed = self._counter(
            "rejects_failed", "Failed attempts to store a dead letter.", "queue"
        )
        self.handler_errors = self._counter(
            "messages_unhandled", "Messages left on the queue by an error of the bridge.", "queue"
        )
        self.extended = self._counter(
            "visibility_extended", "Visibility time-outs extended by heartbeat.", "queue"
        )
        self.deletes_failed = self._counter(
            "deletes_failed", "Failed attempts to delete a message.", "queue"
        )
        self.heartbeats_failed = self._counter(
            "heartbeats_failed", "Failed attempts to extend a message.", "queue"
        )
        self.invocations = self._counter(
            "invocations", "Calls of the function: accepted, throttled, failed, error.", "outcome"
        )
        self.place_invocations = self._counter(
            "place_invocations", "Calls of the function by place.", "place", "outcome"
        )
        self.waiting = self._gauge("uploads_waiting", "Uploads that wait for a place.")
        self.foreseen = self._gauge(
            "home_wait_foreseen_seconds", "Wait for a private place that the last upload has."
        )
        self.budget_spent = self._gauge(
            "budget_spent_usd", "What Lambda has cost today, with what is under way."
        )
        self.results = self._counter("results_written", "Results in the ledger.", "status")
        self.storage_errors = self._counter("storage_errors", "Failed attempts to store a batch.")
        self.in_flight = self._gauge("messages_in_flight", "Messages held.", "queue")
        self.oldest = self._gauge(
            "messages_oldest_seconds", "Age of the message that is held longest.", "queue"
        )
        self.depth = self._gauge(
            "queue_messages", "Messages on a queue, as SQS counts.", "queue", "state"
        )
        self.limit = self._gauge("invocations_limit", "Invocations that may run at once.")
        self.objects_found = self._counter(
            "objects_found", "Objects found in a listing and not yet handled.", "bucket"
        )
        self.objects_rejected = self._counter(
            "objects_rejected", "Objects that can never succeed.", "bucket"
        )
        self.objects_unhandled = self._counter(
            "objects_unhandled", "Objects left in the bucket by an error of the bridge.", "bucket"
        )
        self.objects_in_flight = self._gauge("objects_in_flight", "Objects held.", "bucket")
        self.faces_due = self._gauge("faces_due", "Results whose faces are still to be fetched.")
        self.faces_objects = self._counter(
            "faces_objects", "Objects with faces: kept, gone, refused, failed.", "outcome"
        )
        self.faces_stored = self._counter("faces_stored", "Faces in the memory.")
        self.faces_expired = self._counter("faces_expired", "Faces removed for their age.")
        self.latency = Histogram(
            "hybridsphere_receipt_to_invocation_seconds",
            "Seconds from the receipt of an event to the acceptance of its invocation.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=self.registry,
        )

    def of_queue(self, name: str) -> QueueMetrics:
        """Return the counters of a queue, `input` or `output`."""
        return QueueMetrics(
            received=self.received.labels(name),
            deleted=self.deleted.labels(name),
            released=self.released.labels(name),
            handler_errors=self.handler_errors.labels(name),
            extended=self.extended.labels(name),
            deletes_failed=self.deletes_failed.labels(name),
            heartbeats_failed=self.heartbeats_failed.labels(name),
            in_flight=self.in_flight.labels(name),
            oldest=self.oldest.labels(name),
        )

    def of_bucket(self, name: str) -> BucketMetrics:
        """Return the counters of a bucket, `input` or `output`."""
        return BucketMetrics(
            found=self.objects_found.labels(name),
            unhandled=self.objects_unhandled.labels(name),
            in_flight=self.objects_in_flight.labels(name),
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"hybridsphere_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"hybridsphere_{name}", text, labels, registry=self.registry)
