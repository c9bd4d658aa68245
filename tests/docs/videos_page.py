"""Print docs/videos.md, made from the lists of formats: `make docs`."""

import sys
from collections.abc import Iterator

from lambda_fn.video.formats import CODECS, CONTAINERS
from lambda_fn.video.track import MAX_PIXELS

HEAD = f"""\
# Videos

Made by `make docs` from the lists in `lambda_fn/video/formats.py`. The function decides by a file's
content, never by its name.

## What is read

Frames have at most {MAX_PIXELS / 1e6:.0f} million pixels (8192x4320).
"""

TAIL = """\
Any other codec that FFmpeg decodes is read too. Video without a container often has no times.
FFmpeg then counts 25 frames a second, so times in attendance are wrong at another rate.

## What is shown

A video is examined as a player shows it. The function applies the aspect of pixels, rotations,
mirrored pictures and cropping. Enrollment from clips does the same.

- Unlike a player, it brightens dark frames ([recognition.md](recognition.md#looking-for-faces)).
- Colour spaces that FFmpeg cannot convert, such as ICtCp and YCgCo, are taken for that of HDTV.

One track of a video is examined, the best one:

1. tracks that can be decoded come before others,
2. moving pictures before single ones,
3. the default track before the rest,
4. earlier tracks before later ones.

Covers, thumbnails and other tracks that only go with another are never examined.

## What is not read

| `reason` of `unreadable` | meaning |
| --- | --- |
| `not_video` | a photograph (JPEG, PNG, HEIC, AVIF, CR3), a sound, or any other file |
| `codec_unknown` | a container that is read, with a codec that FFmpeg does not decode |
| `damaged` | the beginning of a video without a frame that can be decoded |
| `too_large` | a frame beyond 8K, or a file that takes more memory than the function has |
| `empty`, `gone`, `superseded` | no bytes, a deleted object, a newer upload of the key |

A playlist (HLS, DASH, a list of files) is `not_video`: it refers to other files and addresses.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *_containers(), "", *_codecs(), "", TAIL])


def _containers() -> Iterator[str]:
    yield "| container | usual endings |"
    yield "| --- | --- |"
    for container in CONTAINERS:
        endings = ", ".join(f"`{ending}`" for ending in container.endings.split())
        yield f"| {container.name} | {endings} |"


def _codecs() -> Iterator[str]:
    yield "| codec | name in FFmpeg |"
    yield "| --- | --- |"
    for name, decoder in CODECS:
        yield f"| {name} | `{decoder}` |"


if __name__ == "__main__":
    sys.stdout.write(page())
