"""Files that others wait for: whole, or not there."""

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step; it replaces the one that is there. Raises OSError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
