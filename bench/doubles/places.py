"""The double with a second place: a host of one's own, which may be killed, beside Lambda.

It runs inside its caller, who breaks either place and counts where each upload was processed.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from http import HTTPStatus
from typing import Any

from bench.doubles.account import OUTPUT
from bench.doubles.double import Double, _Upload
from bench.doubles.http import Connection, Request, Response
from bench.uploads import result

MEMORY_MB = 2048
BILLED_MS = 1500


class PlacesDouble(Double):
    """Both queues, Lambda, and a host with so many workers, which takes `video_s` for a video.

    - `throttled`: Lambda answers 429.
    - `lies`: the host answers 200 with another upload's name.
    - `runs`: the place and the key of every video that was processed, with its time.
    """

    def __init__(self, workers: int, video_s: float) -> None:
        super().__init__()
        self.workers = workers
        self.video_s = video_s
        self.throttled = False
        self.lies = False
        self.runs: list[tuple[str, str, float]] = []
        self._running = 0
        self._server: asyncio.Server | None = None
        self._home_port = 0
        self._connections: set[asyncio.BaseTransport] = set()

    @property
    def home(self) -> str:
        """The URL of the host."""
        return f"http://127.0.0.1:{self._home_port}"

    def ran(self) -> Counter[str]:
        """Count the videos of each place."""
        return Counter(place for place, *_ in self.runs)

    async def start_home(self) -> None:
        """Let the host listen, on the port that it had before."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Tracked(self), "127.0.0.1", self._home_port
        )
        self._home_port = self._server.sockets[0].getsockname()[1]

    def kill_home(self) -> None:
        """End the host in the middle of what it does."""
        if self._server:
            self._server.close()
            self._server = None
        for transport in list(self._connections):
            transport.abort()  # type: ignore[attr-defined]

    @property
    def is_home_up(self) -> bool:
        return self._server is not None

    async def answer_home(self, request: Request) -> Response:
        """Answer a call of the host, as `hybridsphere host` would."""
        if request.headers.get("x-amz-invocation-type") == "DryRun":
            return Response(b"", HTTPStatus.NO_CONTENT)
        if self._running >= self.workers:
            return _throttled()
        self._running += 1
        try:
            await asyncio.sleep(self.video_s)
        finally:
            self._running -= 1
        uploads = self._process(request, "home")
        records = [asdict(upload.record) for upload in uploads]
        if self.lies:
            records = [{**record, "key": "another"} for record in records]
        return Response(json.dumps({"videos": records}).encode())

    async def _invoke(self, request: Request) -> Response:
        if request.headers.get("x-amz-invocation-type") == "DryRun":
            return Response(b"", HTTPStatus.NO_CONTENT)
        if self.throttled:
            return _throttled()
        self._process(request, "lambda")
        return Response(b"", HTTPStatus.ACCEPTED)

    def _process(self, request: Request, place: str) -> list[_Upload]:
        now = time.monotonic()
        uploads = [self._named(event["s3"]) for event in json.loads(request.body)["Records"]]
        for upload in uploads:
            upload.invoked_at = upload.invoked_at or now
            self.runs.append((place, upload.record.key, now))
            run: dict[str, Any] = {"billed_ms": BILLED_MS, "memory_mb": MEMORY_MB}
            message = replace(result(upload.record), place=place, **run).to_json()
            self._queues[OUTPUT].put(message)
        return uploads


class _Tracked(Connection):
    """A connection of the host, which ends with it."""

    def __init__(self, double: PlacesDouble) -> None:
        super().__init__(double.answer_home)
        self._open = double._connections  # noqa: SLF001 - its own

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._open.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._open.discard(self._transport)


def _throttled() -> Response:
    body = {"__type": "TooManyRequestsException", "message": "Rate Exceeded."}
    return Response(json.dumps(body).encode(), HTTPStatus.TOO_MANY_REQUESTS)


@asynccontextmanager
async def places_double(workers: int, video_s: float) -> AsyncIterator[tuple[PlacesDouble, str]]:
    """Serve a double in this loop; yields it and its URL. The host is up."""
    double = PlacesDouble(workers, video_s)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(double.answer), "127.0.0.1", 0)
    await double.start_home()
    try:
        yield double, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        double.kill_home()
        server.close()
