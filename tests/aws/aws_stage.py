"""A double of every AWS service, and all calls of the package."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from hybridsphere.aws import (
    Aws,
    Listed,
)
from tests.samples import record

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/queue"


class Service:
    """Answers every call alike, as AWS may when it is not well and moto never does."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: Any = {}
        self.hangs_up = False
        self.drips_s: float | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        await request.read()
        if self.hangs_up and request.transport:
            request.transport.close()
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        if self.drips_s is not None:
            return await self._drip(request, body, self.drips_s)
        return web.Response(
            status=self.status,
            headers=self.headers,
            body=body,
            content_type="application/x-amz-json-1.0",
        )

    async def _drip(self, request: web.Request, body: bytes, pause_s: float) -> web.StreamResponse:
        """Answer a byte at a time; none is late."""
        answer = web.StreamResponse(status=self.status, headers=self.headers)
        answer.content_length = len(body)
        await answer.prepare(request)
        for byte in body:
            await answer.write(bytes([byte]))
            await asyncio.sleep(pause_s)
        return answer


LISTED = Listed("a.csv", "e1", "2026-11-21T00:00:00.000Z", size=6)


async def listing(aws: Aws) -> None:
    async for _ in aws.bucket("output").pages():
        pass


CALLS: dict[str, Callable[[Aws], Awaitable[object]]] = {
    "ReceiveMessage": lambda aws: aws.queue(QUEUE).receive(1, visibility_timeout_s=30),
    "DeleteMessageBatch": lambda aws: aws.queue(QUEUE).delete(["a"]),
    "ChangeMessageVisibilityBatch": lambda aws: aws.queue(QUEUE).change_visibility(["a"], 0),
    "SendMessage": lambda aws: aws.queue(QUEUE).send("body", {"reason": "none"}),
    "SendMessage of nothing": lambda aws: aws.queue(QUEUE).probe_sending(),
    "GetQueueAttributes": lambda aws: aws.queue(QUEUE).attributes(),
    "ListObjectsV2": listing,
    "ListObjectsV2 of one": lambda aws: aws.bucket("output").probe(),
    "GetObject": lambda aws: aws.bucket("output").get(LISTED),
    "Invoke as Event": lambda aws: aws.function("f", "Event").invoke(record()),
    "Invoke": lambda aws: aws.function("f", "RequestResponse").invoke(record()),
    "Invoke (DryRun)": lambda aws: aws.function("f", "Event").probe(),
}
"""Every call of this package, by its AWS name."""
