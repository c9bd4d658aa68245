"""The engines' embedding spaces: only embeddings of one space are ever compared."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

EMBEDDING_SIZE = 128

Embeddings = npt.NDArray[np.float64]
"""One face per row, `(n, 128)`, or a single face, `(128,)`, in units of the gallery's distance."""

TOLERANCE = 0.6
"""Largest distance between a face and a person by default, whichever the engine."""


@dataclass(frozen=True, slots=True)
class Space:
    """The embeddings of one engine.

    - `engine`: the engine's name, such as `yunet-sface`.
    - `digest`: SHA-256 of the encoder's model file, in hexadecimal.
    - `scale`: length of the encoder's unit vectors in the gallery, so that 0.6 is the tolerance.
    """

    engine: str
    digest: str
    scale: float

    def __str__(self) -> str:
        return f"{self.engine} ({self.digest[:12]})"


YUNET_SFACE = "yunet-sface"
"""The engine of new galleries: YuNet finds faces, SFace encodes them."""

DLIB = Space("dlib", "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30", 1.0)
"""face_recognition's encoder, and every gallery that was made before engines had names."""

ENGINES = (YUNET_SFACE, DLIB.engine)
"""The names of all engines."""
