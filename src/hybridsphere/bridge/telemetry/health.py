"""What is wrong just now, as the log, `/readyz` and systemd tell it."""

import structlog

log = structlog.get_logger()


class Health:
    """Named troubles; each is logged when it comes, when it changes and when it goes."""

    def __init__(self) -> None:
        self._troubles = {"bridge": "starting"}

    @property
    def troubles(self) -> dict[str, str]:
        """What does not work, by part, with the reason; empty when all is well."""
        return dict(self._troubles)

    def started(self) -> None:
        """Say that the bridge is up; until then it is not ready."""
        self._troubles.pop("bridge", None)

    def report(self, part: str, reason: str) -> None:
        """Say that a part does not work; the reason is kept as one line."""
        reason = " ".join(reason.splitlines())
        if self._troubles.get(part) != reason:
            self._troubles[part] = reason
            log.warning("trouble.began", part=part, reason=reason)

    def clear(self, part: str) -> None:
        """Say that a part works."""
        if self._troubles.pop(part, None) is not None:
            log.info("trouble.ended", part=part)
