"""A loop-back double of two queues and of Invoke: `python -m bench.doubles.double`.

It speaks SQS's JSON protocol and Lambda's Invoke, as far as a bridge uses them, and answers any
credentials. With the option `--faces` each result names an object with faces, which it serves too.
Each accepted invocation puts its result on the output queue at once. It serves on a
free port, and writes its number as the only line on standard output. It adds three
routes to AWS's calls. `POST /fill` with `{"messages": N}` puts N uploads on the input queue at
once; with `"per_s": R` they come at random moments, R a second on average. `GET /stats` returns
the counts, `GET /delays` the milliseconds of each upload from the queue to Invoke.

It is fast, so that the figures are those of the bridges: answers are prepared, the HTTP is minimal,
and the cost of a queue does not depend on its length.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_plus

import uvloop

from bench.doubles.account import INPUT, INVOKE_PATH, OUTPUT, REGION
from bench.doubles.faces import FACES_PATH, FaceObjects
from bench.doubles.http import Connection, Request, Response
from bench.doubles.queue import DoubleQueue, md5_of
from bench.uploads import record, result
from hybridsphere.messages import S3Record

_SQS_JSON = "application/x-amz-json-1.0"

Call = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


@dataclass(slots=True)
class _Upload:
    """An upload, what it will come to, and when it was to be had and was invoked."""

    record: S3Record
    event: str
    result: str
    visible_at: float = 0.0
    invoked_at: float = 0.0


class Double:
    """Both queues and the function."""

    def __init__(self, objects: FaceObjects | None = None) -> None:
        self._objects = objects
        self._queues = {INPUT: DoubleQueue(), OUTPUT: DoubleQueue()}
        self._uploads: dict[str, _Upload] = {}
        self._invoked = 0
        self._invoked_as_events = 0
        self._filled_at = 0.0
        self._last_deleted_at = 0.0
        self._filling: asyncio.Task[None] | None = None
        self._calls: dict[str, Call] = {
            "ReceiveMessage": self._receive,
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": self._delete_batch,
            "ChangeMessageVisibilityBatch": self._change_visibility_batch,
            "SendMessage": self._send,
            "GetQueueAttributes": self._attributes,
        }

    async def answer(self, request: Request) -> Response:
        """Answer one request: a call of AWS or one of the three routes."""
        if request.path == "/":
            return await self._sqs(request)
        if request.path == INVOKE_PATH:
            return await self._invoke(request)
        if self._objects and request.path.startswith(FACES_PATH):
            return self._objects.response(request.path)
        return self._own(request)

    def _own(self, request: Request) -> Response:
        """Answer one of the three routes."""
        if request.path == "/fill":
            self._fill(**json.loads(request.body))
            return Response()
        if request.path == "/stats":
            return _json(self._stats())
        if request.path == "/delays":
            return _json([1000 * (one.invoked_at - one.visible_at) for one in self._invocations()])
        return _json({"message": f"nothing at {request.path}"}, status=HTTPStatus.NOT_FOUND)

    async def _sqs(self, request: Request) -> Response:
        action = request.headers.get("x-amz-target", "").removeprefix("AmazonSQS.")
        call = self._calls.get(action)
        if call is None:
            return _sqs_error("InvalidAction", f"{action!r} is no action of this double")
        try:
            return _json(await call(json.loads(request.body)), content_type=_SQS_JSON)
        except _NoSuchQueue as error:
            return _sqs_error("QueueDoesNotExist", str(error))

    async def _invoke(self, request: Request) -> Response:
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return Response(b"", HTTPStatus.NO_CONTENT)
        now = time.monotonic()
        uploads = [self._named(event["s3"]) for event in json.loads(request.body)["Records"]]
        for upload in uploads:
            upload.invoked_at = upload.invoked_at or now
            self._queues[OUTPUT].put(upload.result)
        self._invoked += 1
        if kind != "Event":
            # The bridge believes an answer only if it names the upload.
            return _json({"videos": [asdict(upload.record) for upload in uploads]})
        self._invoked_as_events += 1
        return Response(b"", HTTPStatus.ACCEPTED)

    def _named(self, s3: dict[str, Any]) -> _Upload:
        """The upload that an event is about."""
        upload = self._uploads[s3["object"]["eTag"]]
        if (s3["bucket"]["name"], unquote_plus(s3["object"]["key"])) != (
            upload.record.bucket,
            upload.record.key,
        ):
            raise ValueError(f"{s3} is not {upload.record}")
        return upload

    def _fill(self, messages: int, per_s: float | None = None) -> None:
        first = len(self._uploads)
        uploads = [self._upload(number) for number in range(first, first + messages)]
        self._uploads.update((upload.record.etag, upload) for upload in uploads)
        self._filled_at = time.monotonic()
        if per_s is None:
            for upload in uploads:
                self._put(upload)
        else:
            self._filling = asyncio.create_task(self._trickle(uploads, per_s))

    async def _trickle(self, uploads: list[_Upload], per_s: float) -> None:
        generator = random.Random(1)
        due_at = time.monotonic()
        for upload in uploads:
            due_at += generator.expovariate(per_s)
            if (wait_s := due_at - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            self._put(upload)

    def _upload(self, number: int) -> _Upload:
        upload = record(number)
        outcome = result(upload)
        if self._objects:
            outcome = self._objects.named_in(outcome)
        return _Upload(upload, json.dumps(upload.to_event()), outcome.to_json())

    def _put(self, upload: _Upload) -> None:
        upload.visible_at = time.monotonic()
        self._queues[INPUT].put(upload.event)

    def _invocations(self) -> list[_Upload]:
        return [upload for upload in self._uploads.values() if upload.invoked_at]

    def _stats(self) -> dict[str, Any]:
        return {
            "uploads": len(self._uploads),
            "invoked": self._invoked,
            "invoked_as_events": self._invoked_as_events,
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


def _json(
    content: Any, *, content_type: str = "application/json", status: HTTPStatus = HTTPStatus.OK
) -> Response:
    return Response(json.dumps(content).encode(), status, content_type)


def _sqs_error(code: str, message: str) -> Response:
    content = {"__type": f"com.amazonaws.sqs#{code}", "message": message}
    return _json(content, content_type=_SQS_JSON, status=HTTPStatus.BAD_REQUEST)


async def _serve() -> None:
    double = Double(FaceObjects() if "--faces" in sys.argv[1:] else None)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(double.answer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
