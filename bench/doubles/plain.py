"""A second double, as anybody would write it: `python -m bench.doubles.plain`.

It shares no code with the first, so a habit of that double shows as a difference. It is asyncio's
own server and streams, one write an answer. A receive returns at once the messages that are
visible, up to ten. The result of an upload is on the output queue as soon as its Invoke is
answered. The routes are those of the first double, without `per_s` and `/delays`.
"""

import asyncio
import hashlib
import json
import time
from collections import deque
from typing import Any

from bench.doubles.account import INPUT, INVOKE_PATH, OUTPUT
from bench.uploads import record, result

Json = dict[str, Any]


class PlainQueue:
    """Messages that are visible or in flight; a message in flight stays there until deleted."""

    def __init__(self) -> None:
        self.visible: deque[tuple[str, str]] = deque()
        self.in_flight: dict[str, str] = {}
        self.received = self.deleted = self.waiting = 0
        self._changed = asyncio.Condition()

    async def put(self, name: str, body: str) -> None:
        """Add a message, and wake one receive."""
        self.visible.append((name, body))
        async with self._changed:
            self._changed.notify()

    async def receive(self, most: int, wait_s: float) -> list[Json]:
        """Return up to `most` messages as soon as there is one, or an empty list after `wait_s`."""
        if not self.visible:
            await self._wait(wait_s)
        taken = [self.visible.popleft() for _ in range(min(most, len(self.visible)))]
        self.received += len(taken)
        self.in_flight.update(taken)
        return [_message(name, body) for name, body in taken]

    async def _wait(self, wait_s: float) -> None:
        self.waiting += 1
        try:
            async with self._changed:
                await asyncio.wait_for(self._changed.wait_for(lambda: self.visible), wait_s)
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1

    def delete(self, handle: str) -> None:
        if self.in_flight.pop(handle, None) is not None:
            self.deleted += 1

    def stats(self) -> dict[str, int]:
        """Count the messages and the receives, in the words of the first double."""
        return {
            "visible": len(self.visible),
            "in_flight": len(self.in_flight),
            "received": self.received,
            "deleted": self.deleted,
            "waiting": self.waiting,
        }


class Plain:
    """Both queues and the function."""

    def __init__(self) -> None:
        self._queues = {INPUT: PlainQueue(), OUTPUT: PlainQueue()}
        self._results: dict[str, str] = {}
        self._invoked = self._as_events = 0
        self._began = self._ended = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, one after another."""
        try:
            while line := await reader.readline():
                path = line.split()[1].decode()
                headers = await _headers(reader)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                await self._respond(path, headers, body, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _respond(
        self, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter
    ) -> None:
        if path == INVOKE_PATH:
            kind = headers.get("x-amz-invocation-type", "RequestResponse")
            status = {"DryRun": "204 No Content", "Event": "202 Accepted"}.get(kind, "200 OK")
            writer.write(_answer(status, b"" if kind != "RequestResponse" else b"null"))
            if kind != "DryRun":
                await self._invoke(json.loads(body), kind)
            return
        if path == "/fill":
            await self._fill(json.loads(body)["messages"])
            content: Any = {}
        elif path == "/stats":
            content = self._stats()
        else:
            action = headers["x-amz-target"].rpartition(".")[2]
            content = await self._sqs(action, json.loads(body))
        writer.write(_answer("200 OK", json.dumps(content).encode()))

    async def _sqs(self, action: str, call: Json) -> Json:
        """Answer a call of SQS (Amazon SQS API reference)."""
        queue = self._queues[call["QueueUrl"].rpartition("/")[2]]
        if action == "ReceiveMessage":
            most, wait_s = call.get("MaxNumberOfMessages", 1), call.get("WaitTimeSeconds", 0)
            messages = await queue.receive(most, wait_s)
            return {"Messages": messages} if messages else {}
        if action == "DeleteMessage":
            queue.delete(call["ReceiptHandle"])
            self._ended = time.monotonic()
            return {}
        if action == "DeleteMessageBatch":
            for entry in call["Entries"]:
                queue.delete(entry["ReceiptHandle"])
            self._ended = time.monotonic()
        elif action != "ChangeMessageVisibilityBatch":
            return {"Attributes": dict.fromkeys(("ApproximateNumberOfMessages",), "0")}
        return {"Successful": [{"Id": entry["Id"]} for entry in call["Entries"]]}

    async def _invoke(self, event: Json, kind: str) -> None:
        self._invoked += 1
        self._as_events += kind == "Event"
        for one in event["Records"]:
            etag = one["s3"]["object"]["eTag"]
            await self._queues[OUTPUT].put(etag, self._results[etag])

    async def _fill(self, messages: int) -> None:
        first = len(self._results)
        for number in range(first, first + messages):
            upload = record(number)
            self._results[upload.etag] = result(upload).to_json()
            await self._queues[INPUT].put(upload.etag, json.dumps(upload.to_event()))
        self._began = time.monotonic()

    def _stats(self) -> Json:
        return {
            "uploads": len(self._results),
            "invoked": self._invoked,
            "invoked_as_events": self._as_events,
            "seconds": self._ended - self._began,
            "cpu_s": time.process_time(),
            **{name: queue.stats() for name, queue in self._queues.items()},
        }


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    """Read the headers of a request; their names in lower case."""
    headers = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers


def _answer(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.0\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _message(name: str, body: str) -> Json:
    digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    return {"MessageId": name, "ReceiptHandle": name, "MD5OfBody": digest, "Body": body}


async def _main() -> None:
    server = await asyncio.start_server(Plain().serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
