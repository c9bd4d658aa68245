"""dlib's encoder, of the engine `dlib`: that of `face_recognition`, run by ONNX Runtime.

The embeddings agree to 1e-6 with those of dlib, in a tenth of the time.
"""

import math
from collections.abc import Sequence
from functools import partial

import dlib
import numpy as np
import numpy.typing as npt

from hybridsphere.recognition.space import DLIB
from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import Face, Points
from lambda_fn.faces.encoder import Encoder
from lambda_fn.models import originals
from lambda_fn.models.cache import file_name
from lambda_fn.models.session import Session
from lambda_fn.video.video import Rgb

# The number rises when the content changes. The bits are the same wherever they are made.
WEIGHTS = "encoder-1.weights"
FILES = {
    WEIGHTS: "68a547aac94bda462c9fd36298be7707014fcf85979753e2a4884acfa9667de9",
    "encoder-1.onnx": "958d6d8fd71a6517136bd6d4e6f622499e27aac2ec3c9682467ad3b1330a65ba",
}

# dlib's landmarks start from a box; for legacy galleries it came from dlib's own detector. These
# are its shift down and right and its size, in units of the size of YuNet's box, then of the
# landmarks. Measured on 448 faces (docs/recognition.md).
_FROM_YUNET = (0.044, -0.023, 0.969)
_FROM_LANDMARKS = (0.249, -0.066, 1.995)

# The landmarks are averaged over boxes moved by this part of their size: the start matters less.
_SHIFT = 0.08
_SHIFTS = ((0.0, 0.0), (_SHIFT, 0.0), (-_SHIFT, 0.0), (0.0, _SHIFT), (0.0, -_SHIFT))


class DlibEncoder(Encoder):
    """The encoder, with dlib's own five landmarks and alignment."""

    def __init__(self) -> None:
        self.space = DLIB
        self._landmarks = dlib.shape_predictor(str(originals.find(originals.DLIB_LANDMARKS)))
        self._session = Session(FILES, make)

    def chip(self, pixels: Rgb, face: Face) -> Rgb:
        # One by one: dlib scales several chips in another way.
        found = np.round(self._points(pixels, face.box)).astype(int).tolist()
        points = [dlib.point(x, y) for x, y in found]
        place = dlib.rectangle(0, 0, 0, 0)
        chip: Rgb = dlib.get_face_chip(pixels, dlib.full_object_detection(place, points))
        return chip

    def _points(self, pixels: Rgb, box: Box) -> Points:
        """Return dlib's five landmarks of a face in YuNet's box."""
        middle = np.array([box.left + box.right, box.top + box.bottom]) / 2
        middle, size = _moved(middle, (box.width * box.height) ** 0.5, _FROM_YUNET)
        points = self._landmarks_in(pixels, middle, size)
        # Two points at each eye, and the nose.
        eyes = (points[:2].mean(axis=0), points[2:4].mean(axis=0))
        across = float(np.linalg.norm(eyes[0] - eyes[1]))
        down = float(np.linalg.norm(points[4] - (eyes[0] + eyes[1]) / 2))
        middle, size = _moved(points.mean(axis=0), math.hypot(across, down), _FROM_LANDMARKS)
        starts = [middle + np.array(shift) * size for shift in _SHIFTS]
        found = [self._landmarks_in(pixels, start, size) for start in starts]
        return np.asarray(np.mean(found, axis=0))

    def _landmarks_in(self, pixels: Rgb, middle: Points, size: float) -> Points:
        left, top = np.round(middle - size / 2).astype(int).tolist()
        right, bottom = np.round(middle + size / 2).astype(int).tolist()
        found = self._landmarks(pixels, dlib.rectangle(left, top, right, bottom))
        return np.array([(point.x, point.y) for point in found.parts()], np.float64)

    def run(self, chips: Sequence[Rgb]) -> npt.NDArray[np.float64]:
        embeddings = self._session.run(chips=np.stack(chips))["embeddings"]
        return np.asarray(embeddings, np.float64)


def _moved(middle: Points, size: float, by: tuple[float, float, float]) -> tuple[Points, float]:
    """Return the middle and the size of a box, given relative to another middle and size."""
    down, right, larger = by
    return middle + np.array([right, down]) * size, size * larger


def make() -> list[bytes]:
    """Return the contents of `FILES`. Raises ImportError without onnx, and MissingModel."""
    from lambda_fn.models.dlib_onnx import dlib_model  # noqa: PLC0415 - rarely needed

    content = originals.read(originals.DLIB_ENCODER)
    model, weights = dlib_model(content, partial(file_name, WEIGHTS))
    return [weights, model]
