"""The usual way with a video: all of it decoded to a frame a second, then faces sought in full
size, and each compared with every known one.

Kinder than many of its kind: the frames are not written as JPEGs and read again, and the search
ends with the first frame that shows somebody known.
"""

import warnings
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from bench.answer import Answer
from lambda_fn.gallery import Gallery

with warnings.catch_warnings():
    # Its models still import pkg_resources, which warns of its own end.
    warnings.simplefilter("ignore")
    import face_recognition


def recognise(video: Path, gallery: Gallery, tolerance: float) -> Answer:
    """Who is in a video; of those within the tolerance the nearest, not the first."""
    try:
        frames = _one_frame_a_second(video)
    except FFmpegError:
        return Answer("unreadable")
    any_face = False
    for pixels in frames:
        for embedding in face_recognition.face_encodings(pixels):
            any_face = True
            if name := _nearest(embedding, gallery, tolerance):
                return Answer("known", name)
    return Answer("unknown_face" if any_face else "no_face")


def _one_frame_a_second(video: Path) -> list[NDArray[np.uint8]]:
    frames: list[NDArray[np.uint8]] = []
    wanted_s = 0.0
    with av.open(video) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= wanted_s:
                frames.append(np.ascontiguousarray(frame.to_ndarray(format="rgb24"), np.uint8))
                wanted_s = frame.time + 1
    return frames


def _nearest(embedding: NDArray[np.float64], gallery: Gallery, tolerance: float) -> str | None:
    known = list(gallery.embeddings)
    same = face_recognition.compare_faces(known, embedding, tolerance)
    distances = face_recognition.face_distance(known, embedding)
    candidates = [row for row, is_same in enumerate(same) if is_same]
    nearest = min(candidates, key=lambda row: float(distances[row]), default=None)
    return None if nearest is None else gallery.names[nearest]
