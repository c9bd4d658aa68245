"""From the output queue to the disk."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hybridsphere.aws import Message
from hybridsphere.bridge.dead_letters import DeadLetters
from hybridsphere.bridge.queue.parsed import parsed
from hybridsphere.bridge.queue.poller import Disposition
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.ledger.csv_files import Blocked
from hybridsphere.messages import BadMessage, parse_output


@dataclass
class Collector:
    """The handler of the output queue."""

    bucket: str
    store: ResultStore
    dead_letters: DeadLetters
    set_aside: Callable[[Message], bool] = lambda _: True
    """Free the room of a message that waits for a blocked place; False if too many wait."""

    async def handle(self, message: Message) -> Disposition:
        """Store the results in a message, which may be deleted once they are durable."""
        try:
            results = parse_output(parsed(message.body))
        except BadMessage as error:
            return await self.dead_letters.reject("output", message, str(error))
        ours = [result for result in results if result.bucket == self.bucket]
        try:
            await self.store.put(ours, partial(self.set_aside, message))
        except Blocked:
            return Disposition.POSTPONE
        if len(ours) < len(results):
            foreign = {result.bucket for result in results} - {self.bucket}
            reason = f"bucket is {', '.join(sorted(foreign))}, not {self.bucket}"
            return await self.dead_letters.reject("output", message, reason)
        self.dead_letters.note_accepted("output")
        return Disposition.DELETE
