"""Current troubles, as the log, `/readyz` and systemd report them."""

import time
from collections import defaultdict

import structlog

from hybridsphere.troubles import FAILURES_IN_A_ROW, run_of_failures

log = structlog.get_logger()


class Health:
    """Named troubles; each is logged when it begins, when its reason changes and when it ends."""

    def __init__(self) -> None:
        self._troubles = {"bridge": "starting"}
        self._failed_at: dict[str, float] = {}
        self._failures: dict[str, set[str]] = defaultdict(set)
        self._succeeded: set[str] = set()

    @property
    def troubles(self) -> dict[str, str]:
        """The parts that do not work, each with the reason; empty when all is well."""
        return dict(self._troubles)

    @property
    def is_starting(self) -> bool:
        """Whether the bridge has not started yet."""
        return "bridge" in self._troubles

    def started(self) -> None:
        """End the first trouble, the start itself."""
        self._troubles.pop("bridge", None)

    def report(self, part: str, reason: str, *, missed: bool = False) -> None:
        """Report that a part does not work; the reason is kept as one line.

        `missed` means that an answer was not awaited for long: a patient call may still prove that
        a part works which has been in trouble already.
        """
        if not (missed and part in self._troubles):
            self._failed_at[part] = time.monotonic()
        reason = " ".join(reason.splitlines())
        if self._troubles.get(part) != reason:
            self._troubles[part] = reason
            log.warning("trouble.began", part=part, reason=reason)

    def worked(self, part: str, began: float) -> None:
        """End a part's trouble, if a call that began at `began` (`time.monotonic`) proves it.

        A call that began before the last failure proves nothing: a long poll, for example, is
        answered after the network has failed for every newer call.
        """
        if part in self._troubles and began > self._failed_at.get(part, 0.0):
            self.clear(part)

    def clear(self, part: str) -> None:
        """End a part's trouble."""
        if self._troubles.pop(part, None) is not None:
            log.info("trouble.ended", part=part)

    def note_success(self, work: str) -> None:
        """Count a piece of work that went well, which ends a run of failures."""
        self._failures[work].clear()
        self._succeeded.add(work)
        self.clear(work)

    def note_failure(self, work: str, piece: str, reason: str) -> None:
        """Count a piece of work that failed for good: a rejected message, or a failed upload.

        A trouble begins if no piece has gone well yet, or if the last FAILURES_IN_A_ROW failed: one
        failure among successes can be the message's own. A piece that comes again counts once.
        """
        failed = self._failures[work]
        if len(failed) < FAILURES_IN_A_ROW:
            failed.add(piece)
        if len(failed) >= FAILURES_IN_A_ROW or work not in self._succeeded:
            self.report(work, run_of_failures(len(failed), reason))
