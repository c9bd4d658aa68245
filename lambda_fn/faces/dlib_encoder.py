"""dlib's encoder, of the engine `dlib`: that of `face_recognition`, run by ONNX Runtime.

The embeddings agree to 1e-6 with those of dlib, in a tenth of the time.
"""

from collections.abc import Sequence
from functools import partial

import dlib
import numpy as np
import numpy.typing as npt

from hybridsphere.recognition.space import DLIB
from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import Face
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

# dlib's landmarks start from the box of its own detector. Measured on 448 faces: that box, from
# the box of YuNet, in units of the latter's size.
_DOWN, _RIGHT, _SIZE = 0.044, -0.023, 0.969


class DlibEncoder(Encoder):
    """The encoder, with dlib's own five landmarks and alignment."""

    def __init__(self) -> None:
        self.space = DLIB
        self._landmarks = dlib.shape_predictor(str(originals.find(originals.DLIB_LANDMARKS)))
        self._session = Session(FILES, make)

    def chip(self, pixels: Rgb, face: Face) -> Rgb:
        # One by one: dlib scales several chips in another way.
        square = dlib_box(face.box)
        place = dlib.rectangle(square.left, square.top, square.right, square.bottom)
        chip: Rgb = dlib.get_face_chip(pixels, self._landmarks(pixels, place))
        return chip

    def run(self, chips: Sequence[Rgb]) -> npt.NDArray[np.float64]:
        embeddings = self._session.run(chips=np.stack(chips))["embeddings"]
        return np.asarray(embeddings, np.float64)


def dlib_box(box: Box) -> Box:
    """Return the square in which dlib's own detector would see a face of YuNet's."""
    size = (box.width * box.height) ** 0.5
    middle = (box.left + box.right) / 2 + _RIGHT * size
    centre = (box.top + box.bottom) / 2 + _DOWN * size
    half = _SIZE * size / 2
    edges = (centre - half, middle + half, centre + half, middle - half)
    return Box(*(round(edge) for edge in edges))


def make() -> list[bytes]:
    """Return the contents of `FILES`. Raises ImportError without onnx, and MissingModel."""
    from lambda_fn.models.dlib_onnx import dlib_model  # noqa: PLC0415 - rarely needed

    content = originals.read(originals.DLIB_ENCODER)
    model, weights = dlib_model(content, partial(file_name, WEIGHTS))
    return [weights, model]
