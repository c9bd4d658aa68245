"""The chosen source and sink, put together: the loops that receive, and their handlers."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol

from hybridsphere.aws import Aws, Listed
from hybridsphere.aws.queue import Queue
from hybridsphere.bridge.bucket.mirror import Mirror
from hybridsphere.bridge.bucket.monitor import Monitor
from hybridsphere.bridge.bucket.watcher import Watcher
from hybridsphere.bridge.collector import Collector
from hybridsphere.bridge.dead_letters import DeadLetters
from hybridsphere.bridge.faces.collector import FacesCollector
from hybridsphere.bridge.faces.fetcher import Fetcher
from hybridsphere.bridge.faces.keeper import Keeper
from hybridsphere.bridge.invoker import Invoker
from hybridsphere.bridge.pacing.limiter import Limiter
from hybridsphere.bridge.queue.poller import Handler, Poller
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.paths import OWN_FOLDER
from hybridsphere.settings import Settings


class Loop(Protocol):
    """A poller or a watcher."""

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Work until `stop`, then drain within `drain_s` seconds."""


class Pipeline:
    """One source (queue, bucket or direct) and one sink (queue or bucket)."""

    def __init__(
        self, settings: Settings, aws: Aws, store: ResultStore, health: Health, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._aws = aws
        self._store = store
        self._health = health
        self._metrics = metrics
        url = settings.dead_letter_queue_url
        self._dead_letters = DeadLetters(aws.queue(url) if url else None, metrics, health)

    def loops(self) -> list[Loop]:
        """Return a loop for the sink, and one for the source unless it is `direct`."""
        sources = {"queue": self._input_queue, "bucket": self._input_bucket}
        sinks = {"queue": self._output_queue, "bucket": self._output_bucket}
        loops = [sinks[self._settings.sink]()]
        if self._settings.source != "direct":
            loops.append(sources[self._settings.source]())
        return loops

    def faces(self) -> FacesCollector:
        """Return the collector of faces, which waits for results that name some."""
        settings = self._settings
        keeper = Keeper(
            settings.results_dir,
            keep_unknown_days=settings.keep_unknown_days,
            keep_faces_days=settings.keep_faces_days,
            on_edited=self._store.note_edited,
        )
        return FacesCollector(
            self._store,
            Fetcher(self._aws, settings.output_bucket),
            keeper,
            health=self._health,
            metrics=self._metrics,
        )

    def probes(self) -> dict[str, Coroutine[Any, Any, object]]:
        """Return a call for each queue, bucket and function in use, by its setting."""
        settings, aws = self._settings, self._aws
        buckets = {
            "input_bucket": settings.source == "bucket",
            "output_bucket": settings.sink == "bucket",
        }
        probes: dict[str, Coroutine[Any, Any, object]] = {}
        for name, queue in self.queues().items():
            probes[f"{name}_queue_url"] = queue.attributes()
        for field in (name for name, used in buckets.items() if used):
            probes[field] = aws.bucket(settings.need(field)).probe()
        if settings.source != "direct":
            name = settings.need("function_name")
            probes["function_name"] = aws.function(name, settings.invocation_type).probe()
        return probes

    def queues(self) -> dict[str, Queue]:
        """Return each queue in use, by the beginning of its setting's name."""
        settings = self._settings
        used = {
            "input": settings.source == "queue",
            "output": settings.sink == "queue",
            "dead_letter": settings.dead_letter_queue_url is not None,
        }
        return {
            name: self._aws.queue(settings.need(f"{name}_queue_url"))
            for name, needed in used.items()
            if needed
        }

    def _input_queue(self) -> Loop:
        return self._poller("input", self._invoker().handle)

    def _output_queue(self) -> Loop:
        collector = Collector(
            bucket=self._settings.need("input_bucket"),
            store=self._store,
            dead_letters=self._dead_letters,
        )
        return self._poller("output", collector.handle)

    def _input_bucket(self) -> Loop:
        monitor = Monitor(self._settings.need("input_bucket"), self._store, self._invoker())
        return self._watcher("input", monitor.new, monitor.handle)

    def _output_bucket(self) -> Loop:
        mirror = Mirror(
            output=self._aws.bucket(self._settings.need("output_bucket")),
            input_bucket=self._settings.need("input_bucket"),
            store=self._store,
            metrics=self._metrics,
            health=self._health,
        )
        return self._watcher("output", mirror.new, mirror.handle)

    def _invoker(self) -> Invoker:
        settings = self._settings
        return Invoker(
            function=self._aws.function(settings.need("function_name"), settings.invocation_type),
            bucket=settings.need("input_bucket"),
            most=settings.max_in_flight,
            max_attempts=settings.max_attempts,
            limiter=Limiter(settings.max_in_flight),
            store=self._store,
            dead_letters=self._dead_letters,
            health=self._health,
            metrics=self._metrics,
            ends_overtaken=settings.sink == "bucket",
        )

    def _poller(self, name: str, handle: Handler) -> Poller:
        return Poller(
            name,
            self._aws.queue(self._settings.need(f"{name}_queue_url")),
            handle,
            most=self._settings.max_in_flight,
            gate=self._store.wait_until_working,
            health=self._health,
            metrics=self._metrics,
        )

    def _watcher(
        self,
        name: str,
        new: Callable[[Sequence[Listed]], Awaitable[Sequence[Listed]]],
        handle: Callable[[Listed], Awaitable[None]],
    ) -> Watcher:
        return Watcher(
            name,
            self._aws.bucket(self._settings.need(f"{name}_bucket")),
            new=new,
            handle=handle,
            most=self._settings.max_in_flight,
            lock=self._settings.results_dir / OWN_FOLDER / f"{name}-bucket.lock",
            gate=self._store.wait_until_working,
            health=self._health,
            metrics=self._metrics,
        )
