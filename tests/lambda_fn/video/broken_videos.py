"""Broken videos and pretended ones, made from whole ones; the same for the same seed."""

import io
import random
import struct
import zipfile
from collections.abc import Iterator, Sequence

from tests.lambda_fn.video.playlists import box, movie

Named = tuple[str, bytes]

_START_OF_FRAME = b"\xff\xc0\x00\x11\x08"
"""Of a JPEG with three components; height and width follow."""


def truncated(wholes: Sequence[bytes]) -> Iterator[Named]:
    """Each hundredth of a video's length, of one video after another."""
    for hundredth in range(1, 100):
        whole = wholes[hundredth % len(wholes)]
        yield f"the first {hundredth} %", whole[: len(whole) * hundredth // 100]


def flipped(wholes: Sequence[bytes], count: int, seed: int) -> Iterator[Named]:
    """Videos in which up to a hundred bits are the other way round."""
    chance = random.Random(seed)
    for number in range(count):
        broken = bytearray(chance.choice(wholes))
        bits = round(10 ** chance.uniform(0, 2))
        # Half of them in the first kilobyte, where the decoder learns what it is to believe.
        end = chance.choice((min(1024, len(broken)), len(broken)))
        for _ in range(bits):
            broken[chance.randrange(end)] ^= 1 << chance.randrange(8)
        yield f"number {number} of seed {seed}: {bits} bits", bytes(broken)


def resized(clip: bytes, width: int, height: int) -> bytes:
    """A clip of JPEGs, the first of which claims another size."""
    before, first, rest = clip.partition(_START_OF_FRAME)
    return before + first + struct.pack(">HH", height, width) + rest[4:]


def pretenders(jpegs: bytes) -> dict[str, bytes]:
    """Small files that claim to be long or large; `jpegs` is a clip of JPEGs."""
    first = jpegs.index(b"\xff\xd8")
    hours = movie(samples=10 * 3600 * 25, each=40) + box(b"mdat", bytes(1000))
    return {
        "an index of ten hours": hours,
        "an index of ten hours without a picture": movie(samples=10 * 3600 * 25, each=40),
        "an index of ten million pictures": movie(samples=10_000_000) + box(b"mdat", bytes(1000)),
        "an index of fifty million pictures": movie(samples=50_000_000) + box(b"mdat", bytes(99)),
        "an index of pictures of no bytes": movie(samples=900_000, sizes=bytes(4)),
        "an index longer than the file": movie(samples=2**32 - 1),
        "a frame of 30,000 by 30,000": resized(jpegs, 30_000, 30_000),
        "a frame of 16,000 by 16,000": resized(jpegs, 16_000, 16_000),
        "a header of 30,000 by 30,000": movie(width=30_000, height=30_000),
        "a box as long as it can be": box(b"ftyp", b"isom")
        + struct.pack(">I4s", 2**32 - 1, b"moov"),
        "boxes in boxes": b"".join(
            struct.pack(">I4s", 2**16 - 8 * depth, b"moov") for depth in range(8000)
        ),
        "nothing but free space": box(b"ftyp", b"isom") + box(b"free", bytes(1000)) * 2000,
        "nothing but zeros": bytes(300_000),
        "nothing but ones": b"\xff" * 300_000,
        "a JPEG": jpegs[first : jpegs.index(b"\xff\xd9", first) + 2],
        "a ZIP": zipped(jpegs),
        "a text": b"Liebe Leute, " * 5000,
        "a text in UTF-16": "Liebe Leute, ".encode("utf-16") * 5000,
        "a program": b"\x7fELF" + random.Random(1).randbytes(100_000),
        "noise": random.Random(2).randbytes(300_000),
    }


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("clip.mp4", content)
    return file.getvalue()
