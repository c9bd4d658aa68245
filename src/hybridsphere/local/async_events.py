"""Lambda's own queue for the events of asynchronous invocations.

AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from hybridsphere.host.function import VERSION, FunctionSettings, Invocation, Response
from hybridsphere.host.workers import NoWorkerFree, WorkerPool
from hybridsphere.messages import utc_text

log = logging.getLogger(__name__)

OnFailure = Callable[[dict[str, Any]], Awaitable[None]]
"""A coroutine that takes Lambda's record of an event which failed for good."""


class AsyncEvents:
    """The accepted events, each of which waits for a worker and is retried.

    An event that fails for good becomes a record for `on_failure`. The delays between attempts are
    multiplied by `retry_scale`.
    """

    def __init__(
        self,
        function: FunctionSettings,
        pool: WorkerPool,
        *,
        on_failure: OnFailure,
        retry_scale: float,
    ) -> None:
        self._max_age_s = function.max_event_age_s
        delays_s = function.retry_delays_s[: function.max_retries]
        self._delays_s = (0.0, *(delay_s * retry_scale for delay_s in delays_s))
        self._pool = pool
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, invocation: Invocation) -> None:
        """Accept an event; their number has no limit."""
        task = asyncio.create_task(self._see_through(invocation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Drop the events that have not ended yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _see_through(self, invocation: Invocation) -> None:
        try:
            record = await self._attempt(invocation)
            if record is not None:
                await self._on_failure(record)
        except Exception:
            # A fault of one event must not stop the others.
            log.exception("event.lost: request %s", invocation.request_id)

    async def _attempt(self, invocation: Invocation) -> dict[str, Any] | None:
        """Run the function until it succeeds; return the record of a failure for good."""
        now = asyncio.get_running_loop().time
        expiry = now() + self._max_age_s
        response: Response | None = None
        for attempts, delay_s in enumerate(self._delays_s):
            await asyncio.sleep(min(delay_s, expiry - now()))
            if now() >= expiry:
                return _record("EventAgeExceeded", invocation, attempts)
            try:
                response = await self._pool.run(invocation, patience_s=expiry - now())
            except NoWorkerFree:
                return _record("EventAgeExceeded", invocation, attempts)
            if not response.is_error:
                return None
        return _record("RetriesExhausted", invocation, len(self._delays_s), response)


def _record(
    condition: str, invocation: Invocation, attempts: int, response: Response | None = None
) -> dict[str, Any]:
    """Make the record that Lambda sends to an on-failure destination.

    AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
    """
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": utc_text(),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": invocation.qualified_arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": json.loads(invocation.payload),
    }
    if response is not None:
        record["responseContext"] = {
            "statusCode": 200,
            "executedVersion": VERSION,
            "functionError": "Unhandled",
        }
        record["responsePayload"] = json.loads(response.payload)
    return record
