"""Lambda on this machine: the Invoke API, and the Runtime API for AWS's runtime client."""

import json
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from hybridsphere.local.async_events import AsyncEvents, OnFailure
from hybridsphere.local.function import ACCOUNT_ID, VERSION, FunctionSettings, Invocation
from hybridsphere.local.workers import NoWorkerFree, WorkerPool

MAX_PAYLOAD_BYTES = {"RequestResponse": 6 * 1024**2, "DryRun": 6 * 1024**2, "Event": 1024**2}
"""By invocation type (AWS Lambda developer guide, "Lambda quotas")."""


def to_stderr(text: bytes) -> None:
    """Print the function's output to standard error."""
    # awslambdaric separates the lines of a traceback with CR alone, for CloudWatch.
    sys.stderr.buffer.write(text.replace(b"\r", b"\n"))
    sys.stderr.buffer.flush()


class LambdaHost:
    """An async context manager that serves one function on a free port of 127.0.0.1.

    The handler's module is found in `task_root`. `on_failure` takes Lambda's record of each
    asynchronous event that failed for good; the delays between attempts are multiplied by
    `retry_scale`. Workers without work are stopped after `idle_s` seconds. `log` takes the
    function's output as it comes.
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
        self._function = function
        self._pool = WorkerPool(function, task_root=task_root, idle_s=idle_s, log=log)
        self._events = AsyncEvents(
            function, self._pool, on_failure=on_failure, retry_scale=retry_scale
        )
        app = web.Application(client_max_size=max(MAX_PAYLOAD_BYTES.values()))
        app.router.add_post("/2015-03-31/functions/{function}/invocations", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    @property
    def endpoint(self) -> str:
        """For AWS_ENDPOINT_URL_LAMBDA."""
        host, port = self._runner.addresses[0]
        return f"http://{host}:{port}"

    @property
    def worker_count(self) -> int:
        """The number of worker processes, idle ones included."""
        return len(self._pool)

    def accept(self, event: bytes) -> None:
        """Invoke the function with an event, asynchronously, as a trigger does."""
        invocation = Invocation(str(uuid.uuid4()), event, self._function.arn)
        self._events.accept(invocation)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()
        await self._events.stop()
        await self._pool.stop()

    async def _handle(self, request: web.Request) -> web.Response:
        request_id = str(uuid.uuid4())
        try:
            response = await self._invoke(request, request_id)
        except _Refused as refused:
            response = refused.response()
        response.headers["x-amzn-RequestId"] = request_id
        return response

    async def _invoke(self, request: web.Request, request_id: str) -> web.Response:
        """AWS Lambda API reference, "Invoke"."""
        qualifier = self._qualifier(request)
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        payload = await _read_payload(request, kind)
        invocation = Invocation(request_id, payload, self._function.arn, qualifier)
        if kind == "DryRun":
            return web.Response(status=204)
        if kind == "Event":
            self._events.accept(invocation)
            return web.Response(status=202)
        return await self._run(invocation)

    async def _run(self, invocation: Invocation) -> web.Response:
        try:
            answer = await self._pool.run(invocation, patience_s=0)
        except NoWorkerFree:
            raise _Refused(
                429,
                "TooManyRequestsException",
                "Rate Exceeded.",
                Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
            ) from None
        headers = {"X-Amz-Executed-Version": VERSION}
        if answer.is_error:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return web.Response(body=answer.payload, content_type="application/json", headers=headers)

    def _qualifier(self, request: web.Request) -> str | None:
        """Return the version or alias in the request; the one version here has every name.

        Raises _Refused if the request names another function.
        """
        reference = request.match_info["function"]
        arn_prefix = self._function.arn.removesuffix(self._function.name)
        for prefix in (arn_prefix, f"{ACCOUNT_ID}:function:"):
            reference = reference.removeprefix(prefix)
        name, _, suffix = reference.partition(":")
        if name != self._function.name:
            message = f"Function not found: {request.match_info['function']}"
            raise _Refused(404, "ResourceNotFoundException", message)
        qualifier = request.query.get("Qualifier")
        if suffix and qualifier and suffix != qualifier:
            message = (
                "The derived qualifier from the function name does not match the specified "
                "qualifier."
            )
            raise _Refused(400, "InvalidParameterValueException", message)
        return suffix or qualifier


class _Refused(Exception):
    """An error answer in the form of AWS's API."""

    def __init__(self, status: int, code: str, message: str, **more: str) -> None:
        super().__init__(message)
        self._status = status
        self._code = code
        self._body = {"Type": "User", "message": message, **more}

    def response(self) -> web.Response:
        headers = {"x-amzn-ErrorType": self._code}
        return web.json_response(self._body, status=self._status, headers=headers)


async def _read_payload(request: web.Request, kind: str) -> bytes:
    """Read the event unchanged; an empty one is an empty object."""
    limit = MAX_PAYLOAD_BYTES.get(kind)
    if limit is None:
        message = f"InvocationType is {kind!r}, not one of {', '.join(MAX_PAYLOAD_BYTES)}"
        raise _Refused(400, "InvalidParameterValueException", message)
    try:
        payload = await request.read()
        too_large = len(payload) > limit
    except web.HTTPRequestEntityTooLarge:
        too_large = True
    if too_large:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        raise _Refused(413, "RequestEntityTooLargeException", message)
    try:
        json.loads(payload or b"{}")
    except (ValueError, RecursionError) as error:
        message = f"Could not parse request body into json: {error}"
        raise _Refused(400, "InvalidRequestContentException", message) from error
    return payload or b"{}"
