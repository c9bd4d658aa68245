"""The life of the bridge: start, run, drain."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

from hybridsphere import __version__
from hybridsphere.aws import Aws, AwsError, Function, Refused, connect
from hybridsphere.bridge import logs, web
from hybridsphere.bridge.collector import Collector
from hybridsphere.bridge.dead_letters import DeadLetters
from hybridsphere.bridge.health import Health
from hybridsphere.bridge.invoker import Invoker
from hybridsphere.bridge.limiter import Limiter
from hybridsphere.bridge.metrics import Metrics
from hybridsphere.bridge.poller import RECEIVERS, Handler, Poller
from hybridsphere.bridge.results import ResultStore
from hybridsphere.bridge.systemd import ServiceManager
from hybridsphere.settings import ConfigurationError, Settings, variable

_NOT_THERE = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
}

log = structlog.get_logger()


def run(settings: Settings) -> None:
    """Run the bridge in the foreground until SIGTERM or SIGINT, then drain.

    Raises ConfigurationError if it cannot work as configured.
    """
    settings.check_bridge()
    # Results name people: nobody but the service's own user reads them.
    os.umask(0o077)
    logs.configure()
    asyncio.run(_serve_until_signalled(settings))


async def _serve_until_signalled(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await Bridge(settings).serve(stop)


class Bridge:
    """One bridge, from start to drained."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._health = Health()
        self._metrics = Metrics()
        self._manager = ServiceManager()

    async def serve(self, stop: asyncio.Event) -> None:
        """Carry events out and results in until `stop` is set, then drain."""
        settings = self._settings
        async with (
            connect(
                polls=2 * RECEIVERS,
                invocations=settings.max_in_flight,
                invocation_type=settings.invocation_type,
            ) as aws,
            ResultStore(settings.results_dir, self._health, self._metrics) as store,
            web.listen(settings.http, self._health, self._metrics),
        ):
            await self._probe(aws)
            async with _meanwhile(store.run(), self._manager.watch(self._health)):
                await self._poll(self._pollers(aws, store), stop)
        log.info("bridge.stopped")

    async def _poll(self, pollers: list[Poller], stop: asyncio.Event) -> None:
        log.info("bridge.ready", version=__version__, in_flight=self._settings.max_in_flight)
        self._health.started()
        self._manager.ready()
        async with asyncio.TaskGroup() as tasks:
            for poller in pollers:
                tasks.create_task(poller.run(stop, self._drain_s()))
            await stop.wait()
            log.info("bridge.draining", within_s=self._settings.drain_s)
            self._manager.stopping()

    def _drain_s(self) -> float:
        """What the pollers may take of a stop; the rest is for closing what they used."""
        return max(self._settings.drain_s - 3, self._settings.drain_s / 2)

    def _pollers(self, aws: Aws, store: ResultStore) -> list[Poller]:
        settings = self._settings
        url = settings.dead_letter_queue_url
        dead_letters = DeadLetters(aws.queue(url) if url else None, self._health, self._metrics)
        bucket = settings.need("input_bucket")
        collector = Collector(bucket=bucket, store=store, dead_letters=dead_letters)
        pollers = [self._poller("output", aws, collector.handle, store)]
        if settings.source == "queue":
            invoker = Invoker(
                function=self._function(aws),
                bucket=bucket,
                max_attempts=settings.max_attempts,
                limiter=Limiter(settings.max_in_flight),
                store=store,
                dead_letters=dead_letters,
                health=self._health,
                metrics=self._metrics,
            )
            pollers.append(self._poller("input", aws, invoker.handle, store))
        return pollers

    def _poller(self, name: str, aws: Aws, handle: Handler, store: ResultStore) -> Poller:
        return Poller(
            name,
            aws.queue(self._settings.need(f"{name}_queue_url")),
            handle,
            most=self._settings.max_in_flight,
            gate=store.wait_until_working,
            health=self._health,
            metrics=self._metrics,
        )

    def _function(self, aws: Aws) -> Function:
        return aws.function(self._settings.need("function_name"), self._settings.invocation_type)

    async def _probe(self, aws: Aws) -> None:
        """Find out at once, and not at the first message, whether what is named is there."""
        settings = self._settings
        queues = ["output_queue_url"]
        probes: dict[str, Coroutine[Any, Any, object]] = {}
        if settings.source == "queue":
            queues.append("input_queue_url")
            probes["function_name"] = self._function(aws).probe()
        if settings.dead_letter_queue_url:
            queues.append("dead_letter_queue_url")
        for field in queues:
            probes[field] = aws.queue(settings.need(field)).attributes()
        await asyncio.gather(*(self._try_out(field, probe) for field, probe in probes.items()))

    async def _try_out(self, field: str, probe: Coroutine[Any, Any, object]) -> None:
        try:
            await probe
        except AwsError as error:
            if isinstance(error, Refused) and error.code in _NOT_THERE:
                raise ConfigurationError(
                    f"{variable(field)}={getattr(self._settings, field)!r} names nothing: {error}"
                ) from error
            # A network that is not up yet, say; the loops try again until it is.
            log.warning("probe.failed", variable=variable(field), reason=str(error))


@asynccontextmanager
async def _meanwhile(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have work done while the context lasts; if it fails, so does the context."""
    async with asyncio.TaskGroup() as tasks:
        background = [tasks.create_task(one) for one in work]
        yield
        for task in background:
            task.cancel()
