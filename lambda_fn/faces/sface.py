"""SFace, the encoder of the engine `yunet-sface`."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from hybridsphere.recognition.space import YUNET_SFACE, Space
from lambda_fn.faces.alignment import aligned
from lambda_fn.faces.detector import Face
from lambda_fn.faces.encoder import Encoder
from lambda_fn.models import originals
from lambda_fn.models.cache import file_name
from lambda_fn.models.session import Session
from lambda_fn.video.video import Rgb

# The number rises when the content changes.
WEIGHTS = "sface-1.weights"
FILES = {
    WEIGHTS: "c40a3ea28b194ef8137360053a31db715e622fa6d4c66b7da9049902d24d7b87",
    "sface-1.onnx": "25fe246744d0edc4063954d585d8e84f1b513a50edbfbeb0c8703b954faa4eaa",
}

# Unit vectors within 1.08 of each other show one person: docs/recognition.md has the figures.
_SCALE = 0.6 / 1.08


class SFace(Encoder):
    """The encoder; its unit vectors are shortened so that 0.6 is the tolerance."""

    def __init__(self) -> None:
        self.space = Space(YUNET_SFACE, originals.chosen(originals.SFACE), _SCALE)
        self._session = Session(FILES, make)

    def chip(self, pixels: Rgb, face: Face) -> Rgb:
        return aligned(pixels, face.points)

    def run(self, chips: Sequence[Rgb]) -> npt.NDArray[np.float64]:
        rows = self._session.run(chips=np.stack(chips))["embeddings"].astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        scaled: npt.NDArray[np.float64] = rows * (_SCALE / lengths)[:, None]
        return scaled


def make() -> list[bytes]:
    """Return the contents of `FILES`. Raises ImportError without onnx, and MissingModel."""
    from lambda_fn.models.opencv_onnx import sface_model  # noqa: PLC0415 - rarely needed

    model, weights = sface_model(originals.read(originals.SFACE), partial(file_name, WEIGHTS))
    return [weights, model]
