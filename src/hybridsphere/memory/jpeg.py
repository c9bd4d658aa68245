"""The head of a JPEG: enough to refuse other files, and pictures too large to be shown."""

# Markers that begin a frame with the picture's size (ITU T.81, table B.1): baseline, extended and
# progressive. Others are not shown by browsers.
_FRAMES = {0xC0, 0xC1, 0xC2}

_SCAN = 0xDA


def jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels; None unless the content is a whole JPEG."""
    if content[:2] != b"\xff\xd8" or content[-2:] != b"\xff\xd9":
        return None
    at = 2
    size: tuple[int, int] | None = None
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if marker == _SCAN:
            return size
        if marker in _FRAMES:
            # A second frame would give another size.
            if size is not None or length < 8 or at + 2 + length > len(content):
                return None
            height = int.from_bytes(content[at + 5 : at + 7])
            width = int.from_bytes(content[at + 7 : at + 9])
            size = width, height
        if length < 2:
            return None
        at += 2 + length
    return None
