"""The workers of a function: as many as are needed, never more than its reserved concurrency."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from hybridsphere.local.function import FunctionSettings, Invocation, Response
from hybridsphere.local.worker import Worker


class NoWorkerFree(Exception):
    """No worker came free in time."""


class WorkerPool:
    """Starts a worker when none is idle, and stops it after `idle_s` seconds without work."""

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
        """Runs the function once, after at most `patience_s` seconds of waiting for a worker.
        Raises NoWorkerFree if there was none.
        """
        async with self._slot(patience_s):
            worker = await self._take()
            try:
                response = await worker.run(invocation)
            except BaseException:
                # Cancelled in the middle of it: the worker is still busy.
                await self._discard(worker)
                raise
            await self._give_back(worker)
            return response

    async def stop(self) -> None:
        """Kills every worker, also those that are at work."""
        for retirement in self._idle.values():
            retirement.cancel()
        self._idle.clear()
        await asyncio.gather(*(self._discard(worker) for worker in list(self._workers)))

    @asynccontextmanager
    async def _slot(self, patience_s: float) -> AsyncIterator[None]:
        try:
            # A free slot is taken without waiting, so that no patience at all is enough.
            async with asyncio.timeout(patience_s):
                await self._slots.acquire()
        except TimeoutError:
            raise NoWorkerFree from None
        try:
            yield
        finally:
            self._slots.release()

    async def _take(self) -> Worker:
        """An idle worker, the one used last, so that those not needed can retire; or a new one."""
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
