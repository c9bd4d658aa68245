"""Lambda on this machine: the host of a function, with Lambda's queue of asynchronous events."""

import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from hybridsphere.host.function import FunctionSettings, Invocation
from hybridsphere.host.function_host import FunctionHost, to_stderr
from hybridsphere.local.async_events import AsyncEvents, OnFailure

__all__ = ["LambdaHost", "to_stderr"]


class LambdaHost(FunctionHost):
    """An async context manager that serves one function on a free port, to any caller.

    `on_failure` takes Lambda's record of each asynchronous event that failed for good; the delays
    between attempts are multiplied by `retry_scale`. The others are those of FunctionHost.
    """

    def __init__(
        self,
        function: FunctionSettings,
        *,
        task_root: Path,
        on_failure: OnFailure,
        retry_scale: float = 1.0,
        idle_s: float = 15.0,
        log: Callable[[bytes], object] = to_stderr,
    ) -> None:
        super().__init__(
            function, task_root=task_root, idle_s=idle_s, log=log, accept=self._accept_event
        )
        self._arn = function.arn
        self._events = AsyncEvents(
            function, self._pool, on_failure=on_failure, retry_scale=retry_scale
        )

    def accept(self, event: bytes) -> None:
        """Invoke the function with an event, asynchronously, as a trigger does."""
        self._accept_event(Invocation(str(uuid.uuid4()), event, self._arn))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A call that arrives later would add an event.
        await self.close()
        await self._events.stop()
        await super().__aexit__(kind, error, traceback)

    def _accept_event(self, invocation: Invocation) -> None:
        self._events.accept(invocation)
