"""The life of the bridge: start, run, drain."""

import asyncio
import gc
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack

import structlog
import uvloop

from hybridsphere import __version__
from hybridsphere.aws import connect
from hybridsphere.bridge.pipeline import Loop, Pipeline
from hybridsphere.bridge.probes import probe
from hybridsphere.bridge.queue.poller import RECEIVERS
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.tasks import meanwhile, unless
from hybridsphere.bridge.telemetry import logs
from hybridsphere.bridge.telemetry.depths import Depths
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.bridge.telemetry.standing import Standing
from hybridsphere.bridge.telemetry.systemd import ServiceManager
from hybridsphere.settings import Settings, unknown_variables
from hybridsphere.signals import STOPS

log = structlog.get_logger()


class Bridge:
    """One bridge, from start to drained."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._health = Health()
        self._metrics = Metrics()
        self._manager = ServiceManager()
        self._metrics.registry.register(Standing(settings.results_dir, self._health))

    async def serve(self, stop: asyncio.Event) -> None:
        """Forward events and collect results until `stop` is set, then drain.

        A stop during the start ends it at once: nothing has been received yet.
        """
        async with AsyncExitStack() as parts:
            await parts.enter_async_context(meanwhile(self._manager.watch(self._health)))
            if started := await unless(stop, self._start(parts)):
                store, pipeline = started
                beside = (pipeline.faces().run(), *pipeline.background())
                async with meanwhile(store.run()), meanwhile(*beside):
                    await self._run(pipeline.loops(), stop)
        log.info("bridge.stopped")

    async def _start(self, parts: AsyncExitStack) -> tuple[ResultStore, Pipeline]:
        """Open clients, results and HTTP, for `parts` to close, and probe their names."""
        settings, bucket = self._settings, self._settings.need("input_bucket")
        aws = await parts.enter_async_context(
            connect(
                polls=2 * RECEIVERS,
                invocations=settings.max_in_flight,
                invocation_type=settings.invocation_type,
            )
        )
        store = await parts.enter_async_context(
            ResultStore(
                settings.results_dir,
                self._health,
                self._metrics,
                keep_days=settings.keep_results_days,
            )
        )
        if settings.http:
            # Loaded only where it is used: aiohttp's server is a tenth of a start.
            from hybridsphere.bridge.telemetry import http  # noqa: PLC0415

            await parts.enter_async_context(
                http.listen(settings.http, bucket, self._health, self._metrics)
            )
        await store.refuse_others(bucket)
        pipeline = Pipeline(settings, aws, store, self._health, self._metrics)
        await pipeline.find_places()
        await probe(settings, pipeline.probes())
        depths = Depths(pipeline.queues(), self._metrics)
        await parts.enter_async_context(meanwhile(depths.run()))
        return store, pipeline

    async def _run(self, loops: Sequence[Loop], stop: asyncio.Event) -> None:
        """Run the loops until `stop`, then drain them."""
        drain_s = self._settings.drain_s
        log.info(
            "bridge.ready",
            version=__version__,
            source=self._settings.source,
            sink=self._settings.sink,
        )
        self._health.started()
        self._manager.ready()
        # The objects made so far stay: the collector need not look at them.
        gc.freeze()
        async with asyncio.TaskGroup() as tasks:
            for loop in loops:
                # The rest of a stop is for closing what they used.
                tasks.create_task(loop.run(stop, max(drain_s - 3, drain_s / 2)))
            await stop.wait()
            log.info("bridge.draining", within_s=drain_s)
            self._manager.stopping()


def run(settings: Settings) -> None:
    """Run the bridge in the foreground until SIGTERM or SIGINT, then drain.

    Raises ConfigurationError if it cannot work as configured.
    """
    settings.check_bridge()
    # Results name people: only the service's own user may read them.
    os.umask(0o077)
    logs.configure()
    for name, nearest in unknown_variables(os.environ).items():
        log.warning("variable.unknown", variable=name, nearest=nearest)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_serve_until_signalled(settings))
        finally:
            logs.flush()


async def _serve_until_signalled(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    await Bridge(settings).serve(stop)
    logs.flush()
    # Acknowledged results are on disk. A thread that looks up a name, or writes to a disk that
    # hangs, can neither be cancelled nor awaited within the time of a stop.
    os._exit(0)
