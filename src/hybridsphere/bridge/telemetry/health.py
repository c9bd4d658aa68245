"""Current troubles, as the log, `/readyz` and systemd report them."""

import time

import structlog

log = structlog.get_logger()


class Health:
    """Named troubles; each is logged when it begins, when its reason changes and when it ends."""

    def __init__(self) -> None:
        self._troubles = {"bridge": "starting"}
        self._failed_at: dict[str, float] = {}

    @property
    def troubles(self) -> dict[str, str]:
        """The parts that do not work, each with the reason; empty when all is well."""
        return dict(self._troubles)

    def started(self) -> None:
        """End the first trouble, the start itself."""
        self._troubles.pop("bridge", None)

    def report(self, part: str, reason: str) -> None:
        """Report that a part does not work; the reason is kept as one line."""
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
