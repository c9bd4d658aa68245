"""Files that others wait for: whole, or not there; and read by nobody but their owner."""

import os
from pathlib import Path


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
