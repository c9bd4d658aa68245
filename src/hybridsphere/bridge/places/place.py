"""One place where the function runs."""

import time

import structlog

from hybridsphere.aws import AwsError, Function, FunctionError, Refused, Throttled
from hybridsphere.bridge.pacing.circuit import Circuit
from hybridsphere.bridge.places.room import Room
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import INVOCATIONS, Metrics
from hybridsphere.messages import S3Record

NEVER = {
    "InvalidRequestContentException",
    "RequestTooLargeException",
    # The code that Lambda sends; its documentation has the other.
    "RequestEntityTooLargeException",
}
"""Lambda's codes for an event that is itself at fault."""

GRACE_S = 1.5
"""How long a place that fails is expected back at once: less than overflow may be late."""

log = structlog.get_logger()


class Place:
    """A private host, or Lambda: its function, its room, and whether it is up.

    A failure leaves the place out until `mend` has reached it again.
    """

    def __init__(
        self,
        name: str,
        function: Function,
        *,
        part: str,
        most: int,
        health: Health,
        metrics: Metrics,
    ) -> None:
        self.name = name
        self.room = Room(most)
        self._function = function
        self._part = part
        self._health = health
        self._circuit = Circuit()
        self._failed_at: float | None = None
        self._ends = {end: metrics.place_invocations.labels(name, end) for end in INVOCATIONS}
        self._totals = {end: metrics.invocations.labels(end) for end in INVOCATIONS}

    @property
    def is_up(self) -> bool:
        """Whether calls may be made."""
        return not self._circuit.is_open

    @property
    def free(self) -> int:
        """Calls that may begin now."""
        return self.room.free if self.is_up else 0

    @property
    def rate(self) -> float:
        """Uploads a second; a place that failed a moment ago still counts."""
        failed_at = self._failed_at
        lost = failed_at is not None and time.monotonic() - failed_at > GRACE_S
        return 0.0 if lost else self.room.rate

    async def call(self, record: S3Record) -> FunctionError | None:
        """Invoke the function for an upload, once. Raises AwsError.

        The caller has taken the room, and gives it back.
        """
        began = time.monotonic()
        try:
            error = await self._function.invoke(record)
        except Throttled:
            self.room.throttled()
            self._count("throttled")
            log.info("invoke.throttled", place=self.name, key=record.key, limit=self.room.limit)
            raise
        except AwsError as failure:
            self._count("failed")
            if isinstance(failure, Refused) and failure.code in NEVER:
                self._works(began)
                raise
            log.warning("invoke.failed", place=self.name, key=record.key, reason=str(failure))
            self._fail(failure, began)
            raise
        self.room.answered(time.monotonic() - began)
        self._works(began)
        self._count("error" if error else "accepted")
        return error

    async def mend(self) -> None:
        """Try a place that is left out, again and again, until it answers."""
        while not self.is_up:
            began = await self._circuit.enter()
            try:
                room = await self._function.probe()
            except AwsError as failure:
                self._fail(failure, began)
            else:
                self.room.announced(room)
                self._works(began)

    async def probe(self) -> None:
        """Find out whether the place answers; it is left out if not."""
        began = time.monotonic()
        try:
            self.room.announced(await self._function.probe())
        except AwsError as failure:
            self._fail(failure, began)

    def retire(self) -> None:
        """End the place's trouble: it is not used any more."""
        self._health.clear(self._part)

    def _works(self, began: float) -> None:
        self._circuit.answered(began)
        if self.is_up:
            self._failed_at = None
            self._health.worked(self._part, began)

    def _fail(self, failure: AwsError, began: float) -> None:
        if self._circuit.failed(failure, began):
            self._failed_at = self._failed_at or time.monotonic()
            self._health.report(self._part, str(failure))

    def _count(self, end: str) -> None:
        self._ends[end].inc()
        self._totals[end].inc()
