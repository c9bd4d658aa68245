"""What the service manager is told: readiness, status, that all is well, the stop.

The protocol is that of sd_notify(3): datagrams to the socket that `NOTIFY_SOCKET` names.
"""

import asyncio
import os
import socket

import structlog

from hybridsphere.bridge.telemetry.health import Health

STATUS_LENGTH = 1000
"""Characters, of four bytes at most: systemd reads no datagram of more than 4,096."""

EXTENSION_S = 120
"""Time to start that is asked for again and again while the start waits."""

log = structlog.get_logger()


class ServiceManager:
    """systemd, or nobody: without `NOTIFY_SOCKET` nothing is sent."""

    def __init__(self) -> None:
        path = os.environ.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the abstract name space of Linux.
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        self._watchdog_s = int(os.environ.get("WATCHDOG_USEC") or 0) / 1_000_000

    def ready(self) -> None:
        self._notify("READY=1", "STATUS=polling")

    def stopping(self) -> None:
        self._notify("STOPPING=1", "STATUS=draining")

    async def watch(self, health: Health) -> None:
        """Say that the event loop turns, and what is wrong, until cancelled."""
        interval_s = self._watchdog_s / 3 or 10
        while self._address:
            # A datagram of its own, which nothing that troubles the bridge can spoil.
            self._notify("WATCHDOG=1")
            self._notify(f"STATUS={_status(health)}")
            if health.is_starting and len(health.troubles) > 1:
                # The start waits for a disk, say, as a running bridge would.
                self._notify(f"EXTEND_TIMEOUT_USEC={EXTENSION_S * 1_000_000}")
            await asyncio.sleep(interval_s)

    def _notify(self, *assignments: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                text = "\n".join(assignments)
                # A path need not be UTF-8, and a reason may name it.
                sender.sendto(text.encode(errors="replace"), self._address)
            except OSError as error:
                # No reason to end, or to wait: whoever does not listen misses a word.
                log.warning("manager.unreachable", reason=str(error))


def _status(health: Health) -> str:
    """What is wrong, in one line, as far as there is room."""
    troubles = "; ".join(f"{part}: {reason}" for part, reason in health.troubles.items())
    return " ".join(troubles.splitlines())[:STATUS_LENGTH] or "polling"
