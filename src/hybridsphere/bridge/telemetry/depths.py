"""The depth of each queue, asked for now and then."""

import asyncio
from collections.abc import Mapping

from hybridsphere.aws import AwsError
from hybridsphere.aws.queue import Queue
from hybridsphere.bridge.telemetry.metrics import Metrics

ASK_S = 60.0
"""Time between two questions: SQS itself counts only about once a minute."""

_ATTRIBUTES = {
    "visible": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
}


class Depths:
    """Asks queues, by their metric label, how many messages they hold."""

    def __init__(self, queues: Mapping[str, Queue], metrics: Metrics) -> None:
        self._queues = queues
        self._depth = metrics.depth

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(ASK_S)
            await asyncio.gather(*(self.ask(name) for name in self._queues))

    async def ask(self, name: str) -> None:
        """Ask one queue; no answer leaves no figure, and is a trouble of the poller's."""
        try:
            found = await self._queues[name].attributes()
            figures = {state: float(found[attribute]) for state, attribute in _ATTRIBUTES.items()}
        except (AwsError, LookupError, ValueError):
            figures = {state: float("nan") for state in _ATTRIBUTES}
        for state, figure in figures.items():
            self._depth.labels(name, state).set(figure)
