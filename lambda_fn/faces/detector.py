"""YuNet, the face detector of both engines."""

from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lambda_fn.faces.box import Box
from lambda_fn.models import originals
from lambda_fn.models.cache import file_name
from lambda_fn.models.session import Session
from lambda_fn.video.video import Rgb

# The number rises when the content changes.
WEIGHTS = "yunet-1.weights"
FILES = {
    WEIGHTS: "967e88bd40b5a9453c80e57cea1a0d07c39b465da9b51b8726cec373036a820d",
    "yunet-2.onnx": "4a54ec7aefec8e526f64e121db12223ea8f1d682f9f087d433b2ab6e457397de",
}

# At 0.7 no place in 96 pictures was wrongly taken for a face, at 0.6 two were.
_LEAST_SCORE = 0.7

# Places that share more of their union show one face; the higher score is kept.
_MOST_SHARED = 0.3

Points = npt.NDArray[np.float64]
"""Five points `(5, 2)`, x and y: both eyes, the nose, both corners of the mouth, left to right."""


class Face(NamedTuple):
    """A face in a frame, in pixels of the full-size frame."""

    box: Box
    points: Points
    score: float

    def moved(self, down: int, right: int) -> "Face":
        """Return the face, moved by whole pixels."""
        return self._replace(
            box=self.box.moved(down, right), points=self.points + np.array([right, down])
        )

    def scaled(self, scale: float) -> "Face":
        """Return the face in a picture that is `scale` times as large."""
        return self._replace(box=self.box.scaled(scale), points=self.points * scale)

    def mirrored(self, width: int) -> "Face":
        """Return the face in the mirrored picture, `width` pixels wide."""
        flipped = np.array([width - 1, 0]) + self.points * np.array([-1, 1])
        top, right, bottom, left = self.box
        box = Box(top, width - left, bottom, width - right)
        # Left and right change places.
        return self._replace(box=box, points=flipped[[1, 0, 2, 4, 3]])


class Detector:
    """YuNet, which finds faces of about 30 pixels and more, turned ones too."""

    def __init__(self) -> None:
        self._session = Session(FILES, make)
        # The last input, used again for its size: new memory costs as much as filling it.
        self._planes = np.zeros((1, 3, 0, 0), np.float32)

    def find(self, pixels: Rgb) -> list[Face]:
        """Return the faces in a picture, the most certain first."""
        planes = self._laid(pixels)
        outputs = self._session.run(pixels=planes)
        columns = planes.shape[3]
        found = [face for stride in (8, 16, 32) for face in _faces(outputs, stride, columns)]
        found.sort(key=lambda face: -face.score)
        kept: list[Face] = []
        for face in found:
            if all(face.box.shared_part(other.box) <= _MOST_SHARED for other in kept):
                kept.append(face)
        return kept

    def _laid(self, pixels: Rgb) -> npt.NDArray[np.float32]:
        """Return the network's input: a plane per colour, with zeros to the right and below.

        numpy lays the planes in half the time that the network would take.
        """
        height, width = pixels.shape[:2]
        shape = (1, 3, _padded(height), _padded(width))
        if self._planes.shape != shape:
            self._planes = np.empty(shape, np.float32)
        planes = self._planes
        planes[:, :, height:] = 0
        planes[:, :, :height, width:] = 0
        for colour in range(3):
            planes[0, colour, :height, :width] = pixels[:, :, colour]
        return planes


def _faces(outputs: dict[str, Any], stride: int, width: int) -> list[Face]:
    """Decode the places of one stride whose score is high enough.

    `width` is that of the network's input.
    """
    # The network's last step keeps both figures between 0 and 1.
    scores = np.sqrt(outputs[f"cls_{stride}"][0, :, 0] * outputs[f"obj_{stride}"][0, :, 0])
    columns = width // stride
    faces = []
    for place in np.flatnonzero(scores >= _LEAST_SCORE):
        corner = np.array([place % columns, place // columns], np.float64)
        box = outputs[f"bbox_{stride}"][0, place].astype(np.float64)
        middle, half = (corner + box[:2]) * stride, np.exp(box[2:]) * stride / 2
        left, top = np.round(middle - half).astype(int).tolist()
        right, bottom = np.round(middle + half).astype(int).tolist()
        points = outputs[f"kps_{stride}"][0, place].astype(np.float64).reshape(5, 2)
        faces.append(
            Face(Box(top, right, bottom, left), (points + corner) * stride, float(scores[place]))
        )
    return faces


@cache
def detector() -> Detector:
    """Return the detector of this process."""
    return Detector()


def make() -> list[bytes]:
    """Return the contents of `FILES`. Raises ImportError without onnx, and MissingModel."""
    from lambda_fn.models.opencv_onnx import yunet_model  # noqa: PLC0415 - rarely needed

    model, weights = yunet_model(originals.read(originals.YUNET), partial(file_name, WEIGHTS))
    return [weights, model]


def _padded(length: int) -> int:
    """Return the next multiple of 32, which the network requires."""
    return -(-length // 32) * 32
