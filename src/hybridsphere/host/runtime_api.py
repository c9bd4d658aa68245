"""Lambda's Runtime API for one worker.

AWS Lambda developer guide, "Using the Lambda runtime API".
"""

import asyncio
import secrets
import time

from aiohttp import web

from hybridsphere.host.function import Invocation, Response

MAX_RESPONSE_BYTES = 6 * 1024**2
_MAX_HEADER_BYTES = 2 * 1024**2


class RuntimeApi:
    """The API on a port for one worker: only the port in AWS_LAMBDA_RUNTIME_API identifies it."""

    def __init__(self) -> None:
        self._initialised: asyncio.Future[Response | None] = asyncio.Future()
        self._invocations: asyncio.Queue[tuple[Invocation, float]] = asyncio.Queue(maxsize=1)
        self._running: Invocation | None = None
        self._answer: asyncio.Future[Response] = asyncio.Future()
        app = web.Application(client_max_size=MAX_RESPONSE_BYTES)
        version = "/2018-06-01/runtime"
        app.router.add_get(f"{version}/invocation/next", self._next)
        app.router.add_post(f"{version}/invocation/{{id}}/response", self._response)
        app.router.add_post(f"{version}/invocation/{{id}}/error", self._error)
        app.router.add_post(f"{version}/init/error", self._init_error)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=0.1,
            # awslambdaric describes an exception in a header of up to a megabyte.
            max_field_size=_MAX_HEADER_BYTES,
            max_line_size=_MAX_HEADER_BYTES,
        )

    @property
    def address(self) -> str:
        """`host:port`, for AWS_LAMBDA_RUNTIME_API."""
        host, port = self._runner.addresses[0]
        return f"{host}:{port}"

    @property
    def is_initialised(self) -> bool:
        """Whether the worker has asked for work, or has failed to start."""
        return self._initialised.done()

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def initialised(self) -> Response | None:
        """Wait until the worker asks for work: None, or the error of its start."""
        return await asyncio.shield(self._initialised)

    async def run(self, invocation: Invocation, timeout_s: float) -> Response:
        """Give the worker one event and wait for the response.

        The function can read the time limit; enforcing it is up to the caller.
        """
        self._answer = asyncio.Future()
        self._invocations.put_nowait((invocation, time.time() + timeout_s))
        return await self._answer

    async def _next(self, _: web.Request) -> web.Response:
        if not self._initialised.done():
            self._initialised.set_result(None)
        invocation, deadline = await self._invocations.get()
        self._running = invocation
        return web.Response(
            body=invocation.payload,
            # Without this type awslambdaric gives the handler bytes.
            content_type="application/json",
            headers={
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.invoked_arn,
                "Lambda-Runtime-Trace-Id": _trace_id(),
            },
        )

    async def _response(self, request: web.Request) -> web.Response:
        return await self._finish(request, is_error=False)

    async def _error(self, request: web.Request) -> web.Response:
        return await self._finish(request, is_error=True)

    async def _finish(self, request: web.Request, *, is_error: bool) -> web.Response:
        if self._running is None or self._running.request_id != request.match_info["id"]:
            body = {"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"}
            return web.json_response(body, status=400)
        try:
            response, status = Response(await request.read(), is_error), 202
        except web.HTTPRequestEntityTooLarge:
            message = f"Response payload size exceeded maximum allowed ({MAX_RESPONSE_BYTES} bytes)"
            response, status = Response.error("Function.ResponseSizeTooLarge", message), 413
        self._running = None
        if not self._answer.done():
            self._answer.set_result(response)
        return web.json_response({"status": "OK"}, status=status)

    async def _init_error(self, request: web.Request) -> web.Response:
        response = Response(await request.read(), is_error=True)
        if not self._initialised.done():
            self._initialised.set_result(response)
        return web.json_response({"status": "OK"}, status=202)


def _trace_id() -> str:
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"
