"""The size of a WAL, which a lasting reader keeps from being reused."""

import sqlite3
import time
from pathlib import Path

SHORTEN_AT_BYTES = 16 * 1024**2
"""Four times the size that SQLite aims at: a larger WAL means that somebody reads."""

MOST_BYTES = 1024**3
"""Room that a reader may cost before the bridge waits for it: some 300,000 results."""

WAIT_S = 0.2
"""How long readers may take to end when the WAL is to be shortened."""

AGAIN_S = 1.0
"""Time between two tries while a reader stays."""


class WalHeldError(OSError):
    """A WAL that has reached its bound; its text has the size and the cause."""


class Wal:
    """The WAL of one connection."""

    def __init__(self, connection: sqlite3.Connection, file: Path, noun: str) -> None:
        self._connection = connection
        self._path = file.with_name(f"{file.name}-wal")
        self._noun = noun
        self._tried_at = 0.0
        self.held: str | None = None
        """The reason why the WAL is not reused; None while it is."""

    def bound(self) -> None:
        """Shorten the WAL if it has grown, or note that a reader holds it.

        Raises WalHeldError at the bound, sqlite3.Error if the disk fails.
        """
        size = self._size()
        if size <= SHORTEN_AT_BYTES and not self.held:
            return
        full = size > MOST_BYTES
        if full or time.monotonic() - self._tried_at > AGAIN_S:
            # Readers that come and go get a moment to end, at first and before results wait.
            shortened = self.shorten(WAIT_S if full or not self.held else 0)
            self._tried_at = time.monotonic()
            self.held = None if shortened else self._reason(size)
        if self.held and full:
            raise WalHeldError(self.held)

    def shorten(self, wait_s: float = WAIT_S) -> bool:
        """Empty the WAL, within `wait_s`; False while a reader holds it."""
        (before,) = self._connection.execute("PRAGMA busy_timeout").fetchone()
        self._connection.execute(f"PRAGMA busy_timeout = {int(wait_s * 1000)}")
        try:
            (busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {before}")
        return not busy

    def _reason(self, size: int) -> str:
        return (
            f"{self._path.name} has grown to {size // 1024**2} MB: another program keeps the "
            f"{self._noun} busy with reading"
        )

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0
