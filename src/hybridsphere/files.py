"""Files that others wait for: whole, or not there; with their folders read by their owner alone."""

import os
from pathlib import Path


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are not there, for their owner alone.

    One that is there stays as it is. Raises OSError.
    """
    for place in (*reversed(folder.parents), folder):
        if not place.exists():
            # The mode that `parents=True` takes is for the last one only.
            place.mkdir(mode=0o700, exist_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step; it replaces the one that is there. Raises OSError.

    What is written names people, or holds credentials: its mode is 0600, whatever the umask.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
