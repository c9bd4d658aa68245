"""What the tests of the bridge and those of its faults stand on: an account's clients, what a
bridge is told of it, and a log to wait on.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiobotocore.session import get_session

from hybridsphere.aws import client_config
from hybridsphere.aws.clients import READ_TIMEOUT_S
from hybridsphere.local.account import CREDENTIALS
from hybridsphere.local.resources import REGION
from tests.leaks import found_in

PATIENCE_S = 120
"""Far longer than anything here takes; a test that waits so long has failed."""

SESSION = get_session()
"""One for all: it remembers the descriptions of the services, which are large."""


def client_of(service: str, endpoint: str, read_timeout_s: float = READ_TIMEOUT_S) -> Any:
    return SESSION.create_client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=client_config(50, read_timeout_s),
    )


def variables(endpoint: str, function_endpoint: str, **ours: str) -> dict[str, str]:
    """What tells a bridge of an account here, and of nothing else; `ours` without their prefix."""
    return {
        **CREDENTIALS,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_LAMBDA": function_endpoint,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HYBRIDSPHERE_HTTP": "127.0.0.1:0",
        **{f"HYBRIDSPHERE_{name}": text for name, text in ours.items()},
    }


def is_told_to_bridges(name: str) -> bool:
    """Whether a variable of this process would tell a bridge of another account."""
    return name.startswith(("AWS_", "HYBRIDSPHERE_")) or name.lower().endswith("_proxy")


async def counts_of(sqs: Any, queue_url: str) -> tuple[int, int]:
    """How many messages are visible, and how many in flight."""
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    answer = await sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=list(names))
    return int(answer["Attributes"][names[0]]), int(answer["Attributes"][names[1]])


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Look again and again, at what nothing tells of."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.02)


class Log:
    """The log of a bridge, line by line, in which no secret may stand."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        self._is_over = False

    def add(self, line: Mapping[str, Any]) -> None:
        self.lines.append(dict(line))
        assert found_in(repr(line)) == []
        self._news.set()

    def end(self) -> None:
        """Say that no more lines will come."""
        self._is_over = True
        self._news.set()

    def of(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """The lines with that event and those fields."""
        wanted = {"event": event, **fields}
        return [line for line in self.lines if wanted.items() <= line.items()]

    async def seen(self, event: str, *, times: int = 1, **fields: Any) -> dict[str, Any]:
        """The line of an event, once there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := self.of(event, **fields)) < times:
                if self._is_over:
                    raise AssertionError(f"no {event}; the log ends with {self.lines[-3:]}")
                self._news.clear()
                await self._news.wait()
        return found[times - 1]
