"""The key of a CSV, from the key of its video."""

import hashlib

MAX_KEY_BYTES = 1024
"""Longest key S3 accepts, in bytes of UTF-8 (Amazon S3 user guide, "Naming Amazon S3 objects")."""


def csv_key(key: str) -> str:
    """Return the key of a video's CSV: one to one, and reversible except below `_long/`."""
    plain = f"{key}.csv"
    if key.startswith("_long/") or len(plain.encode()) > MAX_KEY_BYTES or _climbs_out(key):
        return f"_long/{hashlib.sha256(key.encode()).hexdigest()}.csv"
    return plain


def is_folder(key: str, size: object) -> bool:
    """Return whether an object only makes a folder visible in S3's console: `name/`, 0 bytes."""
    return key.endswith("/") and size == 0


def _climbs_out(key: str) -> bool:
    """Return whether `..` segments lead above the bucket's root, which S3 refuses."""
    depth = 0
    for segment in key.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(segment, 1)
        if depth < 0:
            return True
    return False
