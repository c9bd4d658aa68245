"""dlib's HOG face detector, the one that face_recognition uses, loaded in milliseconds."""

from functools import cache
from pathlib import Path
from typing import Any

import dlib

from lambda_fn.faces.box import Box
from lambda_fn.models.cache import prepared
from lambda_fn.video.video import Grey, Rgb

# The number goes up with a change of what the file holds.
FILES = {"detector-1.svm": "f3f7aa833fb4a14a46fc48689f45b98d85ef72d6dfaf8bdc012b7d3c522a5426"}


class Detector:
    """Finds faces that look at the camera, from 80 pixels on; upsampled once, from 40."""

    def __init__(self) -> None:
        [file] = prepared(FILES, make)
        state = file.read_bytes() if isinstance(file, Path) else file
        # As dlib restores one that was pickled.
        self.hog: Any = dlib.fhog_object_detector.__new__(dlib.fhog_object_detector)
        self.hog.__setstate__((state,))

    def find(self, pixels: Rgb, *, upsample: int = 0) -> list[Box]:
        """The faces in a picture, cut off at its edges."""
        return [box for box, _ in self.rated(pixels, upsample=upsample)]

    def rated(
        self, pixels: Rgb | Grey, *, upsample: int = 0, threshold: float = 0.0
    ) -> list[tuple[Box, float]]:
        """Places that are a face by more than a threshold, and by how much; faces are above 0."""
        height, width = pixels.shape[:2]
        found, ratings, _ = self.hog.run(pixels, upsample, threshold)
        return [
            (Box(face.top(), face.right(), face.bottom(), face.left()).within(width, height), by)
            for face, by in zip(found, ratings, strict=True)
        ]


@cache
def detector() -> Detector:
    """The detector of this process."""
    return Detector()


def make() -> list[bytes]:
    """The content of the detector's file: dlib's own takes half a second to unpack."""
    return list(dlib.get_frontal_face_detector().__getstate__())
