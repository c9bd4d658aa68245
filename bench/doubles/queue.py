"""A queue that costs the same however long it is."""

import asyncio
import heapq
from collections import deque
from dataclasses import dataclass
from hashlib import md5
from itertools import count
from typing import Any


@dataclass(slots=True)
class _Message:
    id: str
    body: str
    receive_count: int = 0


@dataclass(slots=True)
class _Receipt:
    """A message in flight; it is visible again at `deadline`, in seconds of the loop's clock."""

    message: _Message
    deadline: float


class DoubleQueue:
    """Messages, visible or in flight, with SQS's visibility time-out."""

    def __init__(self) -> None:
        self._received = 0
        self._deleted = 0
        self._visible: deque[_Message] = deque()
        self._in_flight: dict[str, _Receipt] = {}
        # Entries whose receipt is gone or was extended are passed over when they come up.
        self._deadlines: list[tuple[float, str]] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._ids = count()

    def put(self, body: str) -> str:
        """Add a message, wake the longest waiting receive, and return the message's id."""
        message = _Message(str(next(self._ids)), body)
        self._visible.append(message)
        self._wake()
        return message.id

    async def receive(self, most: int, visibility_s: float, wait_s: float) -> list[dict[str, Any]]:
        """Up to `most` messages as SQS answers them; none if none came within `wait_s`."""
        clock = asyncio.get_running_loop().time
        end = clock() + wait_s
        while not self._anything_visible() and (left := end - clock()) > 0:
            await self._wait(min(left, self._until_next_deadline()))
        taken = [self._visible.popleft() for _ in range(min(most, len(self._visible)))]
        self._received += len(taken)
        return [self._hand_out(message, clock() + visibility_s) for message in taken]

    def delete(self, handle: str) -> None:
        """Deletes a message in flight; a receipt that has run out deletes nothing."""
        self._take_back()
        if self._in_flight.pop(handle, None):
            self._deleted += 1

    def change_visibility(self, handle: str, seconds: float) -> bool:
        """Set the deadline of a message; return False if it is no longer in flight."""
        self._take_back()
        receipt = self._in_flight.get(handle)
        if receipt is None:
            return False
        self._set_deadline(handle, receipt, asyncio.get_running_loop().time() + seconds)
        self._take_back()
        return True

    def stats(self) -> dict[str, int]:
        """Return the messages, the waiting receives, and the totals received and deleted."""
        self._take_back()
        return {
            "visible": len(self._visible),
            "in_flight": len(self._in_flight),
            "received": self._received,
            "deleted": self._deleted,
            "waiting": len(self._waiting),
        }

    def _anything_visible(self) -> bool:
        self._take_back()
        return bool(self._visible)

    def _hand_out(self, message: _Message, deadline: float) -> dict[str, Any]:
        message.receive_count += 1
        handle = f"{message.id}/{message.receive_count}"
        receipt = self._in_flight[handle] = _Receipt(message, deadline)
        self._set_deadline(handle, receipt, deadline)
        return {
            "MessageId": message.id,
            "ReceiptHandle": handle,
            "MD5OfBody": md5_of(message.body),
            "Body": message.body,
            "Attributes": {"ApproximateReceiveCount": str(message.receive_count)},
        }

    def _set_deadline(self, handle: str, receipt: _Receipt, deadline: float) -> None:
        receipt.deadline = deadline
        heapq.heappush(self._deadlines, (deadline, handle))

    def _take_back(self) -> None:
        """Makes visible again what has been in flight for too long."""
        now = asyncio.get_running_loop().time()
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, handle = heapq.heappop(self._deadlines)
            receipt = self._in_flight.get(handle)
            if receipt and receipt.deadline == deadline:
                del self._in_flight[handle]
                self._visible.append(receipt.message)
                self._wake()

    def _until_next_deadline(self) -> float:
        if not self._deadlines:
            return float("inf")
        return max(0.0, self._deadlines[0][0] - asyncio.get_running_loop().time())

    async def _wait(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._waiting.append(woken)
        # Not wait_for: it would cancel a future that was woken at the same moment, and lose that.
        try:
            await asyncio.wait([woken], timeout=seconds)
        finally:
            if not woken.done():
                self._waiting.remove(woken)

    def _wake(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)


def md5_of(body: str) -> str:
    return md5(body.encode(), usedforsecurity=False).hexdigest()
