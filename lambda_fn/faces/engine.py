"""The engines: a detector and an encoder under one name."""

from collections.abc import Callable
from functools import cache

import numpy as np

from hybridsphere.recognition.gallery import Gallery, GalleryError
from hybridsphere.recognition.space import (
    EMBEDDING_SIZE,
    ENGINES,
    YUNET_SFACE,
    Embeddings,
    Space,
)
from lambda_fn.faces.detector import Face, detector
from lambda_fn.faces.encoder import Encoder
from lambda_fn.faces.finder import Finder
from lambda_fn.faces.sface import SFace
from lambda_fn.video.video import Frame


class Engine:
    """A detector and an encoder; `space` is that of the encoder's embeddings.

    `tick` runs before each run of either and may raise.
    """

    def __init__(self, encoder: Encoder) -> None:
        finder = Finder(detector())
        self.glance = finder.glance
        self.look = finder.look
        self.search = finder.search
        self.find_again = finder.find_again
        self._finder = finder
        self._encoder = encoder

    @property
    def space(self) -> Space:
        return self._encoder.space

    def encode(
        self, frame: Frame, faces: list[Face], tick: Callable[[], None] = lambda: None
    ) -> Embeddings:
        """Return the embedding of each face, from the full-size frame: `(len(faces), 128)`."""
        if not faces:
            return np.empty((0, EMBEDDING_SIZE))
        return self._encoder.encode(frame.rgb(), faces, tick=tick)

    def encode_mirrored(self, frame: Frame, faces: list[Face]) -> Embeddings:
        """Return the embeddings of the faces' mirror images: a second look without a new frame."""
        return self._encoder.encode(frame.rgb(), faces, mirrored=True)

    def encode_carefully(self, frame: Frame, faces: list[Face]) -> Embeddings:
        """Return embeddings for a gallery, whose landmarks are averaged with the mirror image's."""
        return self.encode(frame, self._finder.refined(frame, faces))


@cache
def engine(name: str) -> Engine:
    """Return an engine of this process by its name, one of `ENGINES`."""
    if name == YUNET_SFACE:
        return Engine(SFace())
    # dlib takes a tenth of a second to import, and most functions do not need it.
    from lambda_fn.faces.dlib_encoder import DlibEncoder  # noqa: PLC0415

    return Engine(DlibEncoder())


def engine_of(gallery: Gallery, wanted: str | None = None) -> Engine:
    """Return the engine that made a gallery, or the wanted one for an empty gallery.

    Raises GalleryError if the gallery was made by another engine than `wanted`, or by another
    version of its encoder: embeddings of two encoders cannot be compared.
    """
    if not len(gallery):
        return engine(wanted or YUNET_SFACE)
    made_by = gallery.space
    if made_by.engine not in ENGINES:
        raise GalleryError(
            f"the gallery was made by the engine {made_by}, "
            f"and this function has {' and '.join(ENGINES)}: {_REMEDY}"
        )
    here = engine(wanted or made_by.engine).space
    if here != made_by:
        raise GalleryError(
            f"the gallery was made by the engine {made_by}, "
            f"and this function uses {here}: {_REMEDY}"
        )
    return engine(made_by.engine)


_REMEDY = (
    "embeddings cannot be converted; enroll everybody again from the same photographs "
    "(`hybridsphere enroll PHOTOS -o gallery.npz`), or set HYBRIDSPHERE_ENGINE and "
    "HYBRIDSPHERE_MODELS as they were"
)
