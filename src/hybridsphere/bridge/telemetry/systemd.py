"""Notifications to the service manager: readiness, status, watchdog, stop.

The protocol is sd_notify(3): datagrams to the socket that `NOTIFY_SOCKET` names.
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
    """systemd, if `NOTIFY_SOCKET` names its socket; else nothing is sent."""

    def __init__(self) -> None:
        path = os.environ.get("NOTIFY_SOCKET", "")
        # A leading @ means the abstract name space of Linux.
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        self._watchdog_s = int(os.environ.get("WATCHDOG_USEC") or 0) / 1_000_000

    def ready(self) -> None:
        self._notify("READY=1", "STATUS=polling")

    def stopping(self) -> None:
        self._notify("STOPPING=1", "STATUS=draining")

    async def watch(self, health: Health) -> None:
        """Report that the event loop turns, and every trouble, until cancelled."""
        interval_s = self._watchdog_s / 3 or 10
        while self._address:
            # Sent apart, so that no text of a trouble can spoil it.
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
                # The bridge goes on without a listener.
                log.warning("manager.unreachable", reason=str(error))


def _status(health: Health) -> str:
    """Put every trouble in one line, cut to STATUS_LENGTH."""
    troubles = "; ".join(f"{part}: {reason}" for part, reason in health.troubles.items())
    return " ".join(troubles.splitlines())[:STATUS_LENGTH] or "polling"
