"""The usual way with a video: a JPEG a second by ffmpeg's command, then full-size detection, and
each face compared with every known one.

It is better than many of its kind: the nearest known face counts, not the first, and the search
ends with the first frame of a known face. Without ffmpeg on the PATH it is cheaper still: the
process decodes the frames, and does not write and read them again.
"""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import face_recognition
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from bench.answer import Answer
from hybridsphere.recognition.gallery import Gallery

Pixels = NDArray[np.uint8]

REMARK_WITHOUT_FFMPEG = "the usual way without ffmpeg's command"


def ffmpeg() -> str | None:
    """Return the path of the command `ffmpeg`, or None."""
    return shutil.which("ffmpeg")


def way() -> str:
    """Describe the usual way on this machine."""
    frames = (
        "ffmpeg's command to a JPEG a second"
        if ffmpeg()
        else "a frame a second decoded in the process, as there is no ffmpeg on the PATH"
    )
    return f"{frames}; full-size detection, face by face"


def recognise(video: Path, gallery: Gallery, tolerance: float) -> Answer:
    """Recognise the nearest known face within the tolerance."""
    with TemporaryDirectory() as folder:
        try:
            command = ffmpeg()
            frames = _jpegs(command, video, Path(folder)) if command else _decoded(video)
        except (FFmpegError, subprocess.CalledProcessError):
            return Answer("unreadable")
        return _search(frames, gallery, tolerance)


def nearest(embedding: NDArray[np.float64], gallery: Gallery, tolerance: float) -> str | None:
    """The name of the nearest known face, where it is within the tolerance."""
    known = list(gallery.embeddings)
    same = face_recognition.compare_faces(known, embedding, tolerance)
    distances = face_recognition.face_distance(known, embedding)
    candidates = [row for row, is_same in enumerate(same) if is_same]
    row = min(candidates, key=lambda row: float(distances[row]), default=None)
    return None if row is None else gallery.names[row]


def _search(frames: Iterable[Pixels], gallery: Gallery, tolerance: float) -> Answer:
    any_face = False
    for pixels in frames:
        for embedding in face_recognition.face_encodings(pixels):
            any_face = True
            if name := nearest(embedding, gallery, tolerance):
                return Answer("known", name)
    return Answer("unknown_face" if any_face else "no_face")


def _jpegs(command: str, video: Path, folder: Path) -> Iterable[Pixels]:
    options = ["-nostdin", "-loglevel", "quiet", "-i", str(video), "-vf", "fps=1"]
    subprocess.run([command, *options, str(folder / "%04d.jpg")], check=True)
    return (face_recognition.load_image_file(jpeg) for jpeg in sorted(folder.iterdir()))


def _decoded(video: Path) -> list[Pixels]:
    frames: list[Pixels] = []
    wanted_s = 0.0
    with av.open(video) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= wanted_s:
                frames.append(np.ascontiguousarray(frame.to_ndarray(format="rgb24"), np.uint8))
                wanted_s = frame.time + 1
    return frames
