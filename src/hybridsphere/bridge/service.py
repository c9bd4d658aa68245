"""The life of the bridge: start, run, drain."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import structlog

from hybridsphere import __version__
from hybridsphere.aws import AwsError, Refused, connect
from hybridsphere.bridge.pipeline import Loop, Ways
from hybridsphere.bridge.queue.poller import RECEIVERS
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.telemetry import http, logs
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.bridge.telemetry.systemd import ServiceManager
from hybridsphere.errors import ConfigurationError
from hybridsphere.settings import Settings, unknown_variables, variable
from hybridsphere.signals import STOPS

PROBE_S = 5.0
"""How long an answer is waited for at the start; the loops will find out the rest."""

_GARBAGE = 20_000
"""Objects made and not freed after which their cycles are looked for: some megabytes."""

Outcome = TypeVar("Outcome")
log = structlog.get_logger()


def run(settings: Settings) -> None:
    """Run the bridge in the foreground until SIGTERM or SIGINT, then drain.

    Raises ConfigurationError if it cannot work as configured.
    """
    settings.check_bridge()
    # Results name people: nobody but the service's own user reads them.
    os.umask(0o077)
    logs.configure()
    for name, nearest in unknown_variables(os.environ).items():
        log.warning("variable.unknown", variable=name, nearest=nearest)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve_until_signalled(settings))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, which takes less of the core; asyncio's own where uvloop is not to be had."""
    try:
        import uvloop  # noqa: PLC0415 - not there on every platform
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop


async def _serve_until_signalled(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    await Bridge(settings).serve(stop)
    # What was acknowledged is on disk. What is under way in a thread, a look-up of a name or a
    # write to a disk that hangs, can be neither cancelled nor waited for within the time of a stop.
    os._exit(0)


class Bridge:
    """One bridge, from start to drained."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._health = Health()
        self._metrics = Metrics()
        self._manager = ServiceManager()

    async def serve(self, stop: asyncio.Event) -> None:
        """Carry events out and results in until `stop` is set, then drain.

        A stop during the start ends that at once: nothing has been received yet.
        """
        async with AsyncExitStack() as parts:
            if started := await _unless(stop, self._start(parts)):
                store, ways = started
                async with _meanwhile(store.run(), self._manager.watch(self._health)):
                    await self._run(ways.loops(), stop)
        log.info("bridge.stopped")

    async def _start(self, parts: AsyncExitStack) -> tuple[ResultStore, Ways]:
        """Open what is needed, for `parts` to close, and find out whether it can work."""
        settings = self._settings
        aws = await parts.enter_async_context(
            connect(
                polls=2 * RECEIVERS,
                invocations=settings.max_in_flight,
                invocation_type=settings.invocation_type,
            )
        )
        store = await parts.enter_async_context(
            ResultStore(settings.results_dir, self._health, self._metrics)
        )
        bucket = settings.need("input_bucket")
        await parts.enter_async_context(
            http.listen(settings.http, bucket, self._health, self._metrics)
        )
        await store.refuse_others(bucket)
        ways = Ways(settings, aws, store, self._health, self._metrics)
        await self._probe(ways)
        return store, ways

    async def _run(self, loops: Sequence[Loop], stop: asyncio.Event) -> None:
        settings = self._settings
        log.info("bridge.ready", version=__version__, source=settings.source, sink=settings.sink)
        self._health.started()
        self._manager.ready()
        # What is here now stays, and messages leave few cycles: the garbage collector need not go
        # through the one again and again, nor look for the other every few messages.
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        async with asyncio.TaskGroup() as tasks:
            for loop in loops:
                tasks.create_task(loop.run(stop, self._drain_s()))
            await stop.wait()
            log.info("bridge.draining", within_s=self._settings.drain_s)
            self._manager.stopping()

    def _drain_s(self) -> float:
        """What the loops may take of a stop; the rest is for closing what they used."""
        return max(self._settings.drain_s - 3, self._settings.drain_s / 2)

    async def _probe(self, ways: Ways) -> None:
        """Find out at once, and not at the first message, whether what is named is there."""
        probes = ways.probes()
        async with asyncio.TaskGroup() as tasks:
            tried = [
                tasks.create_task(self._try_out(field, probe)) for field, probe in probes.items()
            ]
        for trial in tried:
            if wrong := trial.result():
                raise ConfigurationError(wrong)

    async def _try_out(self, field: str, probe: Coroutine[Any, Any, object]) -> str | None:
        """What is wrong with a setting for good."""
        try:
            async with asyncio.timeout(PROBE_S):
                await probe
        except TimeoutError:
            log.warning("probe.failed", variable=variable(field), reason="no answer")
        except AwsError as error:
            if isinstance(error, Refused) and error.not_there:
                value = getattr(self._settings, field)
                return f"{variable(field)}={value!r} names nothing: {error}"
            # A network that is not up yet, say; the loops try again until it is.
            log.warning("probe.failed", variable=variable(field), reason=str(error))
        return None


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, Outcome]) -> Outcome | None:
    """What some work comes to; None if `stop` is set first, which cancels it."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        stopped.cancel()
        await asyncio.wait([working, stopped])
    return None if working.cancelled() else working.result()


@asynccontextmanager
async def _meanwhile(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have work done while the context lasts; if it fails, so does the context."""
    async with asyncio.TaskGroup() as tasks:
        background = [tasks.create_task(one) for one in work]
        yield
        for task in background:
            task.cancel()
