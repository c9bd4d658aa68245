"""One function on this machine: Lambda's Invoke API, and the Runtime API for AWS's client."""

import asyncio
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hybridsphere.host.function import ACCOUNT_ID, VERSION, FunctionSettings, Invocation
from hybridsphere.host.metrics import HostMetrics
from hybridsphere.host.payload import MAX_PAYLOAD_BYTES, event_in, read_payload
from hybridsphere.host.refusal import Refusal
from hybridsphere.host.sigv4 import Call, Claim, Signatures
from hybridsphere.host.workers import NoWorkerFree, WorkerPool


def to_stderr(text: bytes) -> None:
    """Print the function's output to standard error."""
    # awslambdaric separates the lines of a traceback with CR alone, for CloudWatch.
    sys.stderr.buffer.write(text.replace(b"\r", b"\n"))
    sys.stderr.buffer.flush()


class FunctionHost:
    """An async context manager that serves one function at an address.

    The handler's module is found in `task_root`. Workers without work are stopped after `idle_s`
    seconds. `log` takes the function's output as it comes. `signatures` checks every call; without
    it any call is answered. `accept` takes asynchronous events; without it they are refused. With
    `any_name` the function answers to every name.
    """

    def __init__(
        self,
        function: FunctionSettings,
        *,
        task_root: Path,
        idle_s: float = 15.0,
        log: Callable[[bytes], object] = to_stderr,
        address: tuple[str, int] = ("127.0.0.1", 0),
        signatures: Signatures | None = None,
        accept: Callable[[Invocation], None] | None = None,
        any_name: bool = False,
    ) -> None:
        self._function = function
        self._pool = WorkerPool(function, task_root=task_root, idle_s=idle_s, log=log)
        self._address = address
        self._signatures = signatures
        self._accept = accept
        self._any_name = any_name
        self._metrics = HostMetrics()
        self._metrics.workers.set_function(lambda: len(self._pool))
        self._metrics.running.set_function(lambda: self._running)
        self._metrics.room.set(function.reserved_concurrency)
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        app = web.Application(client_max_size=max(MAX_PAYLOAD_BYTES.values()))
        app.router.add_post("/2015-03-31/functions/{function}/invocations", self._handle)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._show_metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    @property
    def endpoint(self) -> str:
        """The URL of this host, for AWS_ENDPOINT_URL_LAMBDA."""
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def worker_count(self) -> int:
        """The number of worker processes, idle ones included."""
        return len(self._pool)

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError if the address cannot be used."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, *self._address).start()
        except BaseException:
            await self._runner.cleanup()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
        await self._pool.stop()

    async def close(self) -> None:
        """Stop listening, and cut the calls that run; may be called again."""
        await self._runner.cleanup()

    async def drain(self, within_s: float) -> int:
        """Refuse new calls and wait for those that run; returns how many still do."""
        self._draining = True
        for site in list(self._runner.sites):
            await site.stop()
        try:
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        except TimeoutError:
            pass
        return self._running

    async def _healthz(self, _: web.Request) -> web.Response:
        room = self._function.reserved_concurrency
        body = {
            "status": "draining" if self._draining else "ok",
            "room": room,
            "running": self._running,
        }
        return web.json_response(body, status=503 if self._draining else 200)

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._metrics.registry),
            headers={"Content-Type": CONTENT_TYPE_LATEST},
        )

    async def _handle(self, request: web.Request) -> web.Response:
        request_id = str(uuid.uuid4())
        try:
            response = await self._invoke(request, request_id)
        except Refusal as refused:
            self._count("full" if refused.status == 429 else "refused")
            response = refused.response()
            if refused.status == 413:
                # The rest of the body is not read.
                response.force_close()
        response.headers["x-amzn-RequestId"] = request_id
        # A bridge need not find out how many videos run at once.
        response.headers["X-HybridSphere-Room"] = str(self._function.reserved_concurrency)
        return response

    async def _invoke(self, request: web.Request, request_id: str) -> web.Response:
        """AWS Lambda API reference, "Invoke"."""
        call = _call(request)
        claim = self._signatures.claim(call) if self._signatures else None
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        payload = await read_payload(request, kind)
        if self._signatures and claim:
            self._signatures.check(call, claim, payload)
        qualifier = self._qualifier(request)
        invocation = Invocation(request_id, event_in(payload), self._function.arn, qualifier)
        if self._draining:
            raise Refusal(503, "ServiceException", "The host is stopping.")
        if kind == "DryRun":
            return web.Response(status=204)
        if kind == "Event":
            if self._accept is None:
                message = "This host runs a function while its caller waits: use RequestResponse."
                raise Refusal(400, "InvalidParameterValueException", message)
            self._accept(invocation)
            return web.Response(status=202)
        return await self._run(invocation, claim)

    async def _run(self, invocation: Invocation, claim: Claim | None) -> web.Response:
        if self._signatures and claim:
            self._signatures.note(claim)
        began = time.monotonic()
        self._running += 1
        self._idle.clear()
        try:
            answer = await self._pool.run(invocation, patience_s=0)
        except NoWorkerFree:
            if self._signatures and claim:
                self._signatures.forget(claim)
            raise Refusal(
                429,
                "TooManyRequestsException",
                "Rate Exceeded.",
                Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
            ) from None
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()
        self._metrics.duration.observe(time.monotonic() - began)
        self._count("error" if answer.is_error else "answered")
        headers = {"X-Amz-Executed-Version": VERSION}
        if answer.is_error:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return web.Response(body=answer.payload, content_type="application/json", headers=headers)

    def _count(self, end: str) -> None:
        self._metrics.invocations.labels(end).inc()

    def _qualifier(self, request: web.Request) -> str | None:
        """Return the version or alias in the request; the one version here has every name.

        Raises Refusal if the request names another function.
        """
        reference = request.match_info["function"]
        arn_prefix = self._function.arn.removesuffix(self._function.name)
        for prefix in (arn_prefix, f"{ACCOUNT_ID}:function:"):
            reference = reference.removeprefix(prefix)
        name, _, suffix = reference.partition(":")
        if self._any_name:
            return None
        if name != self._function.name:
            message = f"Function not found: {request.match_info['function']}"
            raise Refusal(404, "ResourceNotFoundException", message)
        qualifier = request.query.get("Qualifier")
        if suffix and qualifier and suffix != qualifier:
            message = (
                "The derived qualifier from the function name does not match the specified "
                "qualifier."
            )
            raise Refusal(400, "InvalidParameterValueException", message)
        return suffix or qualifier


def _call(request: web.Request) -> Call:
    """Return what a signature covers."""
    path, _, query = request.raw_path.partition("?")
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        headers.setdefault(name.lower(), []).append(value)
    return Call(request.method, path, query, headers)
