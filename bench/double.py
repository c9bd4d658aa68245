"""A loop-back double of two queues and of Invoke: `python -m bench.double`.

It speaks SQS's JSON protocol and Lambda's Invoke, as far as a bridge uses them, and answers any
credentials. Each accepted invocation puts its result on the output queue at once. It serves on a
free port, and writes its number as the only line on standard output. Beside AWS's calls it has two
of its own: `POST /fill` with `{"messages": N}` puts N uploads on the input queue, `GET /stats`
tells what happened.

It is fast, so that the bridges are what is measured: bare aiohttp without routes or log, and queues
that cost the same however long they are.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bench.double_queue import DoubleQueue, md5_of
from bench.uploads import record, result
from hybridsphere.messages import parse_s3_event

INPUT, OUTPUT, FUNCTION = "input", "output", "recognise"
REGION = "us-east-1"

_INVOKE = f"/2015-03-31/functions/{FUNCTION}/invocations"
_SQS_JSON = "application/x-amz-json-1.0"

Call = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Double:
    """Both queues and the function."""

    def __init__(self) -> None:
        self._queues = {INPUT: DoubleQueue(), OUTPUT: DoubleQueue()}
        self._invoked = 0
        self._filled_at = 0.0
        self._last_deleted_at = 0.0
        self._calls: dict[str, Call] = {
            "ReceiveMessage": self._receive,
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": self._delete_batch,
            "ChangeMessageVisibilityBatch": self._change_visibility_batch,
            "SendMessage": self._send,
            "GetQueueAttributes": self._attributes,
        }

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answers a request, of AWS's or of its own."""
        if request.path == "/":
            return await self._sqs(request)
        if request.path == _INVOKE:
            return await self._invoke(request)
        if request.path == "/fill":
            self._fill((await request.json())["messages"])
            return web.json_response({})
        if request.path == "/stats":
            return web.json_response(self._stats())
        return web.json_response({"message": f"nothing at {request.path}"}, status=404)

    async def _sqs(self, request: web.BaseRequest) -> web.Response:
        action = request.headers.get("X-Amz-Target", "").removeprefix("AmazonSQS.")
        call = self._calls.get(action)
        if call is None:
            return _sqs_error("InvalidAction", f"{action!r} is no action of this double")
        try:
            return _sqs_answer(await call(json.loads(await request.read())))
        except _NoSuchQueue as error:
            return _sqs_error("QueueDoesNotExist", str(error))

    async def _invoke(self, request: web.BaseRequest) -> web.Response:
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if kind == "DryRun":
            return web.Response(status=204)
        for upload in parse_s3_event(json.loads(await request.read())):
            self._queues[OUTPUT].put(result(upload).to_json())
        self._invoked += 1
        if kind == "Event":
            return web.Response(status=202)
        return web.json_response(None)

    def _fill(self, messages: int) -> None:
        bodies = [json.dumps(record(number).to_event()) for number in range(messages)]
        self._filled_at = time.monotonic()
        for body in bodies:
            self._queues[INPUT].put(body)

    def _stats(self) -> dict[str, Any]:
        return {
            "invoked": self._invoked,
            "seconds": self._last_deleted_at - self._filled_at,
            "cpu_s": time.process_time(),
            **{name: queue.stats() for name, queue in self._queues.items()},
        }

    # The calls of SQS (Amazon SQS API reference).

    async def _receive(self, call: dict[str, Any]) -> dict[str, Any]:
        messages = await self._queue(call).receive(
            call.get("MaxNumberOfMessages", 1),
            visibility_s=call.get("VisibilityTimeout", 30),
            wait_s=call.get("WaitTimeSeconds", 0),
        )
        return {"Messages": messages} if messages else {}

    async def _delete(self, call: dict[str, Any]) -> dict[str, Any]:
        self._queue(call).delete(call["ReceiptHandle"])
        self._last_deleted_at = time.monotonic()
        return {}

    async def _delete_batch(self, call: dict[str, Any]) -> dict[str, Any]:
        queue = self._queue(call)
        for entry in call["Entries"]:
            queue.delete(entry["ReceiptHandle"])
        self._last_deleted_at = time.monotonic()
        return {"Successful": [{"Id": entry["Id"]} for entry in call["Entries"]], "Failed": []}

    async def _change_visibility_batch(self, call: dict[str, Any]) -> dict[str, Any]:
        queue = self._queue(call)
        successful, failed = [], []
        for entry in call["Entries"]:
            if queue.change_visibility(entry["ReceiptHandle"], entry["VisibilityTimeout"]):
                successful.append({"Id": entry["Id"]})
            else:
                code = "MessageNotInflight"
                failed.append({"Id": entry["Id"], "Code": code, "SenderFault": True})
        return {"Successful": successful, "Failed": failed}

    async def _send(self, call: dict[str, Any]) -> dict[str, Any]:
        body = call["MessageBody"]
        return {"MessageId": self._queue(call).put(body), "MD5OfMessageBody": md5_of(body)}

    async def _attributes(self, call: dict[str, Any]) -> dict[str, Any]:
        stats = self._queue(call).stats()
        arn = f"arn:aws:sqs:{REGION}:000000000000:{_name(call)}"
        return {
            "Attributes": {
                "QueueArn": arn,
                "ApproximateNumberOfMessages": str(stats["visible"]),
                "ApproximateNumberOfMessagesNotVisible": str(stats["in_flight"]),
            }
        }

    def _queue(self, call: dict[str, Any]) -> DoubleQueue:
        try:
            return self._queues[_name(call)]
        except KeyError:
            raise _NoSuchQueue(f"no queue {call['QueueUrl']}") from None


class _NoSuchQueue(Exception):
    """A queue URL that names neither queue."""


def _name(call: dict[str, Any]) -> str:
    return str(call["QueueUrl"]).rpartition("/")[2]


def _sqs_answer(content: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(content).encode(), status=status, content_type=_SQS_JSON)


def _sqs_error(code: str, message: str) -> web.Response:
    return _sqs_answer({"__type": f"com.amazonaws.sqs#{code}", "message": message}, status=400)


async def _serve() -> None:
    runner = web.ServerRunner(web.Server(Double().answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
