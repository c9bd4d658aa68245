"""The workers of a function, up to its reserved concurrency."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from hybridsphere.host.function import FunctionSettings, Invocation, Response
from hybridsphere.host.worker import Worker


class NoWorkerFree(Exception):
    """The wait for a worker was too long."""


class WorkerPool:
    """A pool that starts a worker when none is idle, and stops it after `idle_s` without work."""

    def __init__(
        self,
        function: FunctionSettings,
        *,
        task_root: Path,
        idle_s: float,
        log: Callable[[bytes], object],
    ) -> None:
        self._function = function
        self._task_root = task_root
        self._idle_s = idle_s
        self._log = log
        self._slots = asyncio.Semaphore(function.reserved_concurrency)
        self._workers: set[Worker] = set()
        self._idle: dict[Worker, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._workers)

    async def run(self, invocation: Invocation, *, patience_s: float) -> Response:
        """Run the function once, after waiting at most `patience_s` seconds for a worker.

        Raises NoWorkerFree after that.
        """
        async with self._slot(patience_s):
            worker = await self._take()
            try:
                response = await worker.run(invocation)
            except BaseException:
                # A cancelled invocation leaves the worker busy.
                await self._discard(worker)
                raise
            await self._give_back(worker)
            return response

    async def stop(self) -> None:
        """Kill every worker, busy ones included."""
        for retirement in self._idle.values():
            retirement.cancel()
        self._idle.clear()
        await asyncio.gather(*(self._discard(worker) for worker in list(self._workers)))

    @asynccontextmanager
    async def _slot(self, patience_s: float) -> AsyncIterator[None]:
        try:
            # A free slot is taken even with no patience at all.
            async with asyncio.timeout(patience_s):
                await self._slots.acquire()
        except TimeoutError:
            raise NoWorkerFree from None
        try:
            yield
        finally:
            self._slots.release()

    async def _take(self) -> Worker:
        """Return the idle worker used last, so that others can retire, or a new worker."""
        while self._idle:
            worker, retirement = self._idle.popitem()
            retirement.cancel()
            if worker.usable:
                return worker
            await self._discard(worker)
        worker = await Worker.start(self._function, task_root=self._task_root, log=self._log)
        self._workers.add(worker)
        return worker

    async def _give_back(self, worker: Worker) -> None:
        if worker.usable:
            self._idle[worker] = asyncio.create_task(self._retire(worker))
        else:
            await self._discard(worker)

    async def _retire(self, worker: Worker) -> None:
        await asyncio.sleep(self._idle_s)
        del self._idle[worker]
        await self._discard(worker)

    async def _discard(self, worker: Worker) -> None:
        await worker.stop()
        self._workers.discard(worker)
