"""The demo's own videos, and the photos and students that go with them."""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from hybridsphere.demo.people import (
    Image,
    enrolled_face,
    filmed_face,
    known_people,
    photograph,
    stranger,
)

Scene = Callable[[int, int, float], Image]
"""A function that draws a picture, given its width, its height, and the seconds into the clip."""

FPS = 8

_OPTIONS = {
    "libx264": {"preset": "ultrafast"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "mpeg4": {"qscale": "4"},
    "mjpeg": {"qscale": "2"},
}


@dataclass(frozen=True, slots=True)
class Clip:
    """A video, its key in the bucket, and the expected result.

    Attendance gives each stranger a row. `is_faint` is for a stranger whose face `identify` alone
    finds; then attendance ends with `no_face`.
    """

    file: Path
    key: str
    status: str
    person: str | None = None
    is_faint: bool = False

    def expected(self, mode: str) -> dict[str, str]:
        """Return the values of a row of the clip's CSV, by column."""
        if mode == "attendance" and self.status == "unknown_face":
            if self.is_faint:
                return {"status": "no_face", "name": ""}
            return {"status": "unknown_face", "name": "unknown_1"}
        return {"status": self.status, "name": self.person or ""}


@dataclass(frozen=True, slots=True)
class _Film:
    """A clip to be made; `size` is width and height, the key's ending names the container."""

    key: str
    codec: str
    size: tuple[int, int]
    scene: Scene
    status: str
    person: str | None = None
    seconds: float = 2
    is_faint: bool = False


def make_clips(folder: Path) -> list[Clip]:
    """Make about a dozen short clips, at least one for each status of a video."""
    clips = [_shoot(folder, film) for film in _films()]
    for key, content in (("notes.mp4", b"No video, whatever the name says.\n"), ("empty.mp4", b"")):
        (folder / key).write_bytes(content)
        clips.append(Clip(folder / key, key, "unreadable"))
    return clips


def make_photos(folder: Path) -> None:
    """Make a photo of each known person, in another size and light than the clips."""
    for name in known_people():
        picture = _with_face(enrolled_face(name), 480, 480, part=0.625, at=(0, 0), light=1)
        _write_video(folder / f"{name}.jpg", "mjpeg", (480, 480), [picture])


def write_students(file: Path) -> None:
    """Write the student records, in the form that `students load` reads."""
    records = [
        {"id": number, "name": name, "major": known.major, "year": known.year}
        for number, (name, known) in enumerate(known_people().items(), 1)
        if known.major
    ]
    file.write_text(json.dumps(records, indent=2), encoding="utf-8")


def _films() -> list[_Film]:
    x264, vp8, vp9 = "libx264", "libvpx", "libvpx-vp9"
    known = known_people()
    first, second, guest = known
    portraits = [
        ("first row.mp4", x264, (1280, 720), first),
        ("lectures/history.mov", "mpeg4", (854, 480), second),
        ("lectures/mécanique.mkv", x264, (1920, 1080), second),
        ("seminar.webm", vp9, (640, 480), first),
        ("workshop.avi", "mpeg4", (1280, 720), first),
        ("exchange+guest.mp4", x264, (1280, 720), guest),
    ]
    films = [
        _Film(
            key,
            codec,
            size,
            _portrait(filmed_face(person)),
            "matched" if known[person].major else "no_record",
            person,
        )
        for key, codec, size, person in portraits
    ]
    late = _portrait(filmed_face(first), from_s=1.2)
    return [
        *films,
        _Film("LATE.MP4", x264, (854, 480), late, "matched", first, seconds=3),
        _Film("visitor.mp4", x264, (480, 360), _portrait(stranger(0)), "unknown_face"),
        _Film(
            "stranger.webm",
            vp8,
            (480, 360),
            _portrait(stranger(1)),
            "unknown_face",
            is_faint=True,
        ),
        _Film("coffee break.mp4", x264, (480, 360), _pan(photograph("coffee")), "no_face"),
        _Film("launch.webm", vp9, (480, 270), _pan(photograph("rocket")), "no_face"),
    ]


def _shoot(folder: Path, film: _Film) -> Clip:
    file = folder / film.key
    file.parent.mkdir(exist_ok=True)
    times = (number / FPS for number in range(int(film.seconds * FPS)))
    _write_video(file, film.codec, film.size, (film.scene(*film.size, at_s) for at_s in times))
    return Clip(file, film.key, film.status, film.person, film.is_faint)


def _portrait(face: Image, *, from_s: float = 0) -> Scene:
    """Make a scene of a person who moves a little, and appears after some seconds."""

    def scene(width: int, height: int, at_s: float) -> Image:
        if at_s < from_s:
            return _grey(width, height, light=0.85)
        sway = (round(math.sin(3 * at_s) * width / 30), round(math.cos(2 * at_s) * height / 40))
        return _with_face(face, width, height, part=0.62, at=sway, light=0.85)

    return scene


def _pan(photo: Image) -> Scene:
    """Make a scene that pans over a photograph."""

    def scene(width: int, height: int, at_s: float) -> Image:
        scale = 1.15 * max(width / photo.shape[1], height / photo.shape[0])
        large = _scaled(photo, round(photo.shape[1] * scale), round(photo.shape[0] * scale))
        left = min(round(at_s * width / 20), large.shape[1] - width)
        return large[:height, left : left + width]

    return scene


def _with_face(
    face: Image, width: int, height: int, *, part: float, at: tuple[int, int], light: float
) -> Image:
    """Draw a grey picture with a face; `part` is its height, `at` its offset from the middle."""
    picture = _grey(width, height, light)
    size = round(height * part)
    left, top = (width - size) // 2 + at[0], (height - size) // 2 + at[1]
    picture[top : top + size, left : left + size] = _scaled(face, size, size) * light
    return picture


def _grey(width: int, height: int, light: float) -> Image:
    return np.full((height, width, 3), 120 * light, np.uint8)


def _scaled(image: Image, width: int, height: int) -> Image:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
    scaled = frame.reformat(width, height, interpolation=Interpolation.BICUBIC)
    return np.asarray(scaled.to_ndarray(), np.uint8)


def _write_video(file: Path, codec: str, size: tuple[int, int], pictures: Iterable[Image]) -> None:
    # Bit-exact and on one thread, so that every run makes the same files.
    with av.open(file, "w", options={"fflags": "+bitexact"}) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=FPS, options=_OPTIONS[codec]))
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.thread_count = 1
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
