"""From the key of a video to that of its CSV."""

import hashlib

MAX_KEY_BYTES = 1024
"""Longest key S3 accepts, in bytes of UTF-8 (Amazon S3 user guide, "Naming Amazon S3 objects")."""


def csv_key(key: str) -> str:
    """The key of a video's CSV: one to one, and readable backwards but for those under `_long/`."""
    plain = f"{key}.csv"
    if key.startswith("_long/") or len(plain.encode()) > MAX_KEY_BYTES or _climbs_out(key):
        return f"_long/{hashlib.sha256(key.encode()).hexdigest()}.csv"
    return plain


def _climbs_out(key: str) -> bool:
    """Whether a key's `..` segments would lead above the root of the bucket, which S3 refuses."""
    depth = 0
    for segment in key.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(segment, 1)
        if depth < 0:
            return True
    return False
