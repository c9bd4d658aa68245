"""The keys of a video's CSV and of its faces, from the key of the video."""

import hashlib

MAX_KEY_BYTES = 1024
"""Longest key S3 accepts, in bytes of UTF-8 (Amazon S3 user guide, "Naming Amazon S3 objects")."""

_FACES = "_faces/"
_OURS = ("_long/", _FACES)


def csv_key(key: str) -> str:
    """Return the key of a video's CSV: one to one, and reversible except below `_long/`."""
    plain = f"{key}.csv"
    if key.startswith(_OURS) or len(plain.encode()) > MAX_KEY_BYTES or _climbs_out(key):
        return _hashed(key)
    return plain


def faces_key(key: str) -> str:
    """Return the key of the object with a video's faces, beside its CSV."""
    plain = f"{_FACES}{csv_key(key)}.zip"
    return plain if len(plain.encode()) <= MAX_KEY_BYTES else f"{_FACES}{_hashed(key)}.zip"


def is_faces_key(key: str) -> bool:
    """Return whether an object of the output bucket holds faces instead of a result."""
    return key.startswith(_FACES)


def _hashed(key: str) -> str:
    return f"_long/{hashlib.sha256(key.encode()).hexdigest()}.csv"


def is_folder(key: str, size: object) -> bool:
    """Return whether an object only makes a folder visible in S3's console: `name/`, 0 bytes."""
    return key.endswith("/") and size == 0


def _climbs_out(key: str) -> bool:
    """Return whether `..` segments lead above the bucket's root, which S3 refuses."""
    if ".." not in key:
        return False
    depth = 0
    for segment in key.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(segment, 1)
        if depth < 0:
            return True
    return False
