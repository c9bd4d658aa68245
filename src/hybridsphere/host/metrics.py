"""The counters of one host."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)


class HostMetrics:
    """The counters of one host, in one registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.invocations = Counter(
            "hybridsphere_host_invocations",
            "Calls by their end: answered, error (the function's own), full, refused.",
            ["outcome"],
            registry=self.registry,
        )
        self.running = Gauge(
            "hybridsphere_host_running", "Invocations that run.", registry=self.registry
        )
        self.workers = Gauge(
            "hybridsphere_host_workers", "Worker processes.", registry=self.registry
        )
        self.room = Gauge(
            "hybridsphere_host_room", "Invocations that may run at once.", registry=self.registry
        )
        self.duration = Histogram(
            "hybridsphere_host_duration_seconds",
            "Seconds that an invocation ran, a worker's start included.",
            buckets=_SECONDS,
            registry=self.registry,
        )
