"""The current troubles, as the log, `/readyz` and systemd report them."""

from collections import Counter

import structlog

from hybridsphere.troubles import FAILURES_IN_A_ROW, run_of_failures

log = structlog.get_logger()


class Health:
    """Named troubles; the log reports when each begins, changes and ends."""

    def __init__(self) -> None:
        self._troubles = {"bridge": "starting"}
        self._failures: Counter[str] = Counter()
        self._worked: set[str] = set()

    @property
    def troubles(self) -> dict[str, str]:
        """Every part that does not work, with the reason; empty when all is well."""
        return dict(self._troubles)

    def started(self) -> None:
        """Report that the bridge is up; until then it is not ready."""
        self._troubles.pop("bridge", None)

    def report(self, part: str, reason: str) -> None:
        """Report that a part does not work; the reason is kept as one line."""
        reason = " ".join(reason.splitlines())
        if self._troubles.get(part) != reason:
            self._troubles[part] = reason
            log.warning("trouble.began", part=part, reason=reason)

    def clear(self, part: str) -> None:
        """Report that a part works."""
        if self._troubles.pop(part, None) is not None:
            log.info("trouble.ended", part=part)

    def note_success(self, work: str) -> None:
        """Count a piece of work that went well, which ends a run of failures."""
        self._failures[work] = 0
        self._worked.add(work)
        self.clear(work)

    def note_failure(self, work: str, reason: str) -> None:
        """Count a piece of work that failed for good: a rejected message, or a failed upload.

        A trouble begins if no piece has gone well yet, or if the last FAILURES_IN_A_ROW failed: one
        failure among successes can be the message's own.
        """
        self._failures[work] += 1
        count = self._failures[work]
        if count >= FAILURES_IN_A_ROW or work not in self._worked:
            self.report(work, run_of_failures(count, reason))
