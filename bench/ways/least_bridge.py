"""The least that a bridge could do: receive, invoke and delete, in batches, and nothing more.

It does not sign requests, builds each repeated request once, reads no more of an answer than it
must, and keeps nothing. The variables of the real bridge name its queues and function.
"""

import asyncio
import json
import os
from typing import Any

import aiohttp
import uvloop

_RECEIVERS = 4


async def main() -> None:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        bridge = _Bridge(http)
        async with asyncio.TaskGroup() as group:
            for _ in range(_RECEIVERS):
                group.create_task(bridge.run("INPUT", invokes=True))
                group.create_task(bridge.run("OUTPUT", invokes=False))


class _Bridge:
    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._endpoint = os.environ["AWS_ENDPOINT_URL"]
        function = os.environ["HYBRIDSPHERE_FUNCTION_NAME"]
        self._invoke_url = f"{self._endpoint}/2015-03-31/functions/{function}/invocations"

    async def run(self, queue: str, *, invokes: bool) -> None:
        """Receives from a queue without end; of each message a body, where it is to invoke."""
        url = os.environ[f"HYBRIDSPHERE_{queue}_QUEUE_URL"]
        receive = json.dumps({"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20})
        while True:
            answer = json.loads(await self._sqs("ReceiveMessage", receive))
            if messages := answer.get("Messages"):
                if invokes:
                    await asyncio.gather(*(self._invoke(message["Body"]) for message in messages))
                await self._sqs("DeleteMessageBatch", _deletion(url, messages))

    async def _invoke(self, event: str) -> None:
        headers = {"X-Amz-Invocation-Type": "Event"}
        async with self._http.post(self._invoke_url, data=event, headers=headers) as answer:
            answer.raise_for_status()

    async def _sqs(self, action: str, call: str) -> bytes:
        headers = {"X-Amz-Target": f"AmazonSQS.{action}"}
        async with self._http.post(self._endpoint, data=call, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.read()


def _deletion(url: str, messages: list[dict[str, Any]]) -> str:
    entries = [
        {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
        for number, message in enumerate(messages)
    ]
    return json.dumps({"QueueUrl": url, "Entries": entries})


if __name__ == "__main__":
    uvloop.run(main())
