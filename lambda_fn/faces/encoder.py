"""The common part of both engines' encoders."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from hybridsphere.recognition.space import EMBEDDING_SIZE, Embeddings, Space
from lambda_fn.faces.detector import Face
from lambda_fn.video.video import Rgb

# Faces per run of the network. It bounds the memory; larger batches are not faster.
_BATCH = 8


class Encoder(ABC):
    """An encoder of faces; its embeddings belong to `space`."""

    space: Space

    @abstractmethod
    def chip(self, pixels: Rgb, face: Face) -> Rgb:
        """Return a face of a picture, upright and in the network's size."""

    @abstractmethod
    def run(self, chips: Sequence[Rgb]) -> npt.NDArray[np.float64]:
        """Return the embeddings of chips, `(len(chips), 128)`, in the gallery's units."""

    def encode(
        self,
        pixels: Rgb,
        faces: Sequence[Face],
        *,
        mirrored: bool = False,
        tick: Callable[[], None] = lambda: None,
    ) -> Embeddings:
        """Return the embedding of each face of a picture, or of its mirror image.

        `tick` runs before each batch and may raise.
        """
        rows = np.empty((len(faces), EMBEDDING_SIZE))
        for start in range(0, len(faces), _BATCH):
            tick()
            batch = slice(start, start + _BATCH)
            chips = [self.chip(pixels, face) for face in faces[batch]]
            if mirrored:
                chips = [np.ascontiguousarray(chip[:, ::-1]) for chip in chips]
            rows[batch] = self.run(chips)
        return rows
