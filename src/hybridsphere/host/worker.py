"""One execution environment: AWS's runtime client with the function, as a child process."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from hybridsphere.host import child
from hybridsphere.host.function import VERSION, FunctionSettings, Invocation, Response
from hybridsphere.host.memory import exceeds
from hybridsphere.host.runtime_api import RuntimeApi

INIT_LIMIT_S = 10
"""Lambda's limit for the initialisation, which precedes the invocation's own limit."""

_INHERITED = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR")
"""The variables of this machine that the function sees."""

_TAIL_BYTES = 2000

_T = TypeVar("_T")


class Worker:
    """A process that runs one invocation at a time, until it is stopped or fails."""

    def __init__(
        self,
        function: FunctionSettings,
        api: RuntimeApi,
        process: asyncio.subprocess.Process,
        log: Callable[[bytes], object],
    ) -> None:
        self._timeout_s = function.timeout_s
        self._memory_mb = function.memory_mb if function.bounds_memory else None
        self._api = api
        self._process = process
        self._log = log
        self._tail = b""
        self._reader = asyncio.create_task(self._read_output())
        self._stopping: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, function: FunctionSettings, *, task_root: Path, log: Callable[[bytes], object]
    ) -> Self:
        """Start a process that loads the handler from below `task_root`.

        `log` takes the function's output as it comes.
        """
        api = RuntimeApi()
        await api.start()
        try:
            process = await asyncio.create_subprocess_exec(
                *child.command([sys.executable, "-m", "awslambdaric", function.handler]),
                cwd=task_root,
                env=_environment(function, task_root, api.address),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                # Ctrl-C in a terminal ends the host, which stops its workers itself.
                start_new_session=True,
            )
        except BaseException:
            await api.stop()
            raise
        return cls(function, api, process, log)

    @property
    def usable(self) -> bool:
        """Whether it can take another invocation."""
        return self._process.returncode is None and self._stopping is None

    async def run(self, invocation: Invocation) -> Response:
        """Run the function once. Time-outs and crashes are responses too, in Lambda's words.

        The worker is not `usable` after them.
        """
        limit_s = self._timeout_s
        try:
            failure = await self._watch(self._api.initialised(), limit_s=INIT_LIMIT_S + limit_s)
            if failure is None:
                return await self._watch(self._api.run(invocation, limit_s), limit_s=limit_s)
            await self.stop()
        except TimeoutError:
            await self.stop()
            failure = _error(
                "Sandbox.Timedout", invocation, f"Task timed out after {limit_s:.2f} seconds"
            )
        except _MemoryExceeded as exceeded:
            await self.stop()
            failure = _error("Runtime.ExitError", invocation, str(exceeded))
        except _ProcessExited:
            await self.stop()
            failure = _error("Runtime.ExitError", invocation, self._exit_reason())
        return failure

    async def stop(self) -> None:
        """Kill the process, as Lambda does, and free the port; may be called again."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        # The whole group, since the function may have started processes.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._reader
        await self._api.stop()

    async def _watch(self, work: Coroutine[Any, Any, _T], *, limit_s: float) -> _T:
        """Return the result of `work`.

        Raises TimeoutError, _MemoryExceeded, or _ProcessExited at the process's end.
        """
        task = asyncio.create_task(work)
        exited = asyncio.create_task(self._process.wait())
        exceeded = self._memory_watch()
        watched: set[asyncio.Task[Any]] = {task, exited, *exceeded}
        try:
            await asyncio.wait(watched, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if exited.done():
                raise _ProcessExited
            for watch in exceeded:
                if watch.done():
                    raise _MemoryExceeded(watch.result(), self._memory_mb)
            raise TimeoutError
        finally:
            for one in watched:
                one.cancel()

    def _memory_watch(self) -> list[asyncio.Task[float]]:
        """Start the watch of the process's memory, if it has a bound."""
        if self._memory_mb is None:
            return []
        return [asyncio.create_task(exceeds(self._process.pid, self._memory_mb))]

    def _exit_reason(self) -> str:
        code = self._process.returncode or 0
        if code > 0:
            reason = f"Runtime exited with error: exit status {code}"
        elif code < 0:
            words = signal.strsignal(-code) or f"signal {-code}"
            reason = f"Runtime exited with error: signal: {words.lower()}"
        else:
            reason = "Runtime exited without providing a reason"
        if not self._api.is_initialised:
            # Lambda would log the output to CloudWatch; here nothing else shows it.
            reason = f"{reason}\n{self._tail.decode(errors='replace')}"
        return reason

    async def _read_output(self) -> None:
        output = cast("asyncio.StreamReader", self._process.stdout)
        while chunk := await output.read(65_536):
            self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
            self._log(chunk)


class _MemoryExceeded(Exception):
    """A process that uses more memory than its function may."""

    def __init__(self, used_mb: float, limit_mb: int | None) -> None:
        # Lambda's words, and the figures that it logs elsewhere.
        super().__init__(
            f"Runtime exited with error: signal: killed (it used {used_mb:.0f} MB of {limit_mb} MB)"
        )


class _ProcessExited(Exception):
    """The end of the worker's process; the exit status has the reason."""


def _environment(function: FunctionSettings, task_root: Path, runtime_api: str) -> dict[str, str]:
    """Return the variables that Lambda sets, and those of the function's configuration.

    AWS Lambda developer guide, "Defined runtime environment variables".
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{python}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"[{VERSION}]{runtime_api}",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": function.region,
        "LAMBDA_TASK_ROOT": str(task_root),
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
        **function.environment,
    }


def _error(kind: str, invocation: Invocation, message: str) -> Response:
    return Response.error(kind, f"RequestId: {invocation.request_id} Error: {message}")
