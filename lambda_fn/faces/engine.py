"""Engine in a frame: where they are, and what tells them apart."""

from collections.abc import Callable

import numpy as np

from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import detector
from lambda_fn.faces.encoder import encoder
from lambda_fn.faces.finder import Finder
from lambda_fn.gallery.gallery import EMBEDDING_SIZE, Embeddings
from lambda_fn.video.video import Frame


class Engine:
    """The detector and the encoder; `runtime` is what runs the encoder.

    `tick` is called before each pass of either, so that it can end a look by raising; of the
    detector with the seconds that a long one is likely to take.
    """

    def __init__(self) -> None:
        self._finder = Finder(detector())
        self._encoder = encoder()
        self.runtime = self._encoder.runtime

    def find(
        self,
        frame: Frame,
        *,
        thorough: bool = False,
        briefly: bool = False,
        region: Box | None = None,
        tick: Callable[[float], None] = lambda _: None,
    ) -> list[Box]:
        """The faces of a frame: large ones at a glance, very large ones if that is `briefly`, all
        of them if `thorough`.

        Where a `region` is given, a thorough look is at that part of the frame alone.
        """
        if thorough:
            whole = Box(0, frame.width, frame.height, 0)
            return self._finder.search(frame, region or whole, tick)
        return self._finder.glance(frame, briefly=briefly, tick=tick)

    def survey(self, frame: Frame, tick: Callable[[float], None] = lambda _: None) -> list[Box]:
        """All faces of a frame from a sixteenth of its width on."""
        return self._finder.survey(frame, tick)

    def find_again(self, frame: Frame, box: Box) -> list[Box]:
        """The face that was in a place a moment ago, if it still is there or beside it."""
        return self._finder.look_at(frame, box, margin=1.5)

    def encode(
        self, frame: Frame, boxes: list[Box], tick: Callable[[], None] = lambda: None
    ) -> Embeddings:
        """The embedding of each face, taken from the full-size frame: `(len(boxes), 128)`."""
        if not boxes:
            return np.empty((0, EMBEDDING_SIZE))
        return self._encoder.encode(frame.rgb(), boxes, tick=tick)

    def encode_mirrored(self, frame: Frame, boxes: list[Box]) -> Embeddings:
        """The same of the faces' mirror images: a second look at each, without another frame."""
        return self._encoder.encode(frame.rgb(), boxes, mirrored=True)
