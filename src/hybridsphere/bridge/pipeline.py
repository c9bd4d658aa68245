"""The chosen source and sink, put together: the loops that receive, and their handlers."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol

from hybridsphere.aws import Aws, Function, Listed
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
from hybridsphere.bridge.places.budget import Budget
from hybridsphere.bridge.places.homes import Homes
from hybridsphere.bridge.places.place import Place
from hybridsphere.bridge.places.places import Places
from hybridsphere.bridge.places.scaling import Scaling
from hybridsphere.bridge.queue.poller import Handler, Poller
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.keys import read_keys
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
        self._places: Places | None = None
        self._homes: Homes | None = None

    async def find_places(self) -> None:
        """Find the private places, if the settings name any. Raises ConfigurationError."""
        settings = self._settings
        if not settings.private_endpoints or settings.source == "direct":
            return
        keys = read_keys(settings.host_keys)[0] if settings.host_keys else None
        most = settings.max_in_flight
        self._places = self._make_places()
        self._homes = Homes(
            settings.private_endpoints,
            self._places,
            lambda url: self._aws.host(url, keys, most),
            most=most,
            health=self._health,
            metrics=self._metrics,
        )
        await self._homes.find()

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """Return the work that goes on until the last upload has its place."""
        parts = (self._places, self._homes, self._scaling())
        return [part.run() for part in parts if part is not None]

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
        if settings.source != "direct" and (settings.function_name or not self._places):
            probes["function_name"] = self._function().probe()
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
        poller = self._poller("output", collector.handle)
        collector.set_aside = poller.set_aside
        return poller

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
        watcher = self._watcher("output", mirror.new, mirror.handle)
        mirror.set_aside = watcher.set_aside
        return watcher

    def _invoker(self) -> Invoker:
        settings = self._settings
        return Invoker(
            function=self._function() if self._places is None else None,
            bucket=settings.need("input_bucket"),
            most=settings.max_in_flight,
            max_attempts=settings.max_attempts,
            limiter=Limiter(settings.max_in_flight),
            store=self._store,
            dead_letters=self._dead_letters,
            health=self._health,
            metrics=self._metrics,
            places=self._places,
            ends_overtaken=settings.sink == "bucket",
        )

    def _function(self) -> Function:
        settings = self._settings
        return self._aws.function(settings.need("function_name"), settings.invocation_type)

    def _scaling(self) -> Scaling | None:
        settings = self._settings
        urls = (settings.scale_out_url, settings.scale_in_url)
        if self._places is None or urls == (None, None):
            return None
        return Scaling(
            *urls,
            longest_s=settings.private_wait_s,
            foreseen_s=self._places.foreseen_s,
            load=self._places.load,
        )

    def _make_places(self) -> Places:
        settings, health, metrics = self._settings, self._health, self._metrics
        cloud = budget = backlog = None
        if settings.function_name:
            cloud = Place(
                "lambda",
                self._function(),
                part="function",
                most=settings.max_in_flight,
                health=health,
                metrics=metrics,
            )
        if settings.daily_budget_usd is not None:
            budget = Budget(settings.daily_budget_usd, self._store.spending)
            metrics.budget_spent.set_function(lambda: budget.spent_usd)
        if settings.source == "queue":
            backlog = self._aws.queue(settings.need("input_queue_url")).backlog
        return Places(
            cloud=cloud,
            budget=budget,
            backlog=backlog,
            longest_s=settings.private_wait_s,
            health=health,
            metrics=metrics,
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
