"""dlib's encoder, of the engine `dlib`: that of `face_recognition`, run by ONNX Runtime.

The embeddings agree to 1e-6 with those of dlib, in a tenth of the time.
"""

import math
import weakref
from collections.abc import Callable, Sequence
from functools import partial

import dlib
import numpy as np
import numpy.typing as npt

from hybridsphere.recognition.space import DLIB
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
# are its shift down and right and its size, relative to YuNet's eyes and nose. Measured on one half
# of 433 faces, and checked on the other (docs/recognition.md).
_SHIFT_DOWN, _SHIFT_RIGHT, _SIZE = 0.248, -0.090, 2.100

# The landmarks are averaged over boxes moved by this part of their size: the start matters less.
_SHIFT = 0.08
_SHIFTS = ((0.0, 0.0), (_SHIFT, 0.0), (-_SHIFT, 0.0), (0.0, _SHIFT), (0.0, -_SHIFT))


class DlibEncoder(Encoder):
    """The encoder, with dlib's own five landmarks and alignment."""

    def __init__(self) -> None:
        self.space = DLIB
        self._landmarks = dlib.shape_predictor(str(originals.find(originals.DLIB_LANDMARKS)))
        self._session = Session(FILES, make)
        # The chips of the latest picture, by YuNet's points.
        self._latest_of: Callable[[], Rgb | None] = lambda: None
        self._latest: dict[bytes, Rgb] = {}

    def chip(self, pixels: Rgb, face: Face) -> Rgb:
        # A doubtful face is encoded again in the mirror; its landmarks take as long as the network.
        if self._latest_of() is not pixels:
            self._latest_of, self._latest = weakref.ref(pixels), {}
        points = face.points.tobytes()
        if points not in self._latest:
            self._latest[points] = self._chip(pixels, face)
        return self._latest[points]

    def _chip(self, pixels: Rgb, face: Face) -> Rgb:
        # One by one: dlib scales several chips in another way.
        found = np.round(self._points(pixels, face)).astype(int).tolist()
        points = [dlib.point(x, y) for x, y in found]
        place = dlib.rectangle(0, 0, 0, 0)
        chip: Rgb = dlib.get_face_chip(pixels, dlib.full_object_detection(place, points))
        return chip

    def _points(self, pixels: Rgb, face: Face) -> Points:
        """Return dlib's five landmarks of a face."""
        eyes, nose = face.points[:2], face.points[2]
        across = float(np.linalg.norm(eyes[0] - eyes[1]))
        down = float(np.linalg.norm(nose - eyes.mean(axis=0)))
        unit = math.hypot(across, down)
        middle = face.points[:3].mean(axis=0) + np.array([_SHIFT_RIGHT, _SHIFT_DOWN]) * unit
        size = unit * _SIZE
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


def make() -> list[bytes]:
    """Return the contents of `FILES`. Raises ImportError without onnx, and MissingModel."""
    from lambda_fn.models.dlib_onnx import dlib_model  # noqa: PLC0415 - rarely needed

    content = originals.read(originals.DLIB_ENCODER)
    model, weights = dlib_model(content, partial(file_name, WEIGHTS))
    return [weights, model]
