"""What tells faces apart: dlib's encoder, run by ONNX Runtime, many times as fast as by dlib.

Where ONNX Runtime cannot be imported, dlib runs it itself; the embeddings agree to 1e-6.
"""

import os
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import dlib
import numpy as np

from lambda_fn.faces.box import Box
from lambda_fn.gallery.gallery import EMBEDDING_SIZE, Embeddings
from lambda_fn.models import weights
from lambda_fn.models.cache import file_name, prepared
from lambda_fn.runtime.log import log
from lambda_fn.video.video import Rgb

# The number goes up with a change of what the files hold. The model refers to the weights, which
# are found with it. Both come out the same to the last bit wherever they are made.
WEIGHTS = "encoder-1.weights"
FILES = {
    WEIGHTS: "68a547aac94bda462c9fd36298be7707014fcf85979753e2a4884acfa9667de9",
    "encoder-1.onnx": "958d6d8fd71a6517136bd6d4e6f622499e27aac2ec3c9682467ad3b1330a65ba",
}

# The most faces at once. It bounds the memory; larger batches are not faster.
_BATCH = 8

Network = Callable[[list[Rgb]], Sequence[Sequence[float]]]
"""Gives the embedding of each of some aligned faces, pictures of 150x150 pixels."""


class Encoder:
    """Encodes faces as `face_recognition.face_encodings` does; `runtime` is what runs it."""

    def __init__(self) -> None:
        self._landmarks = dlib.shape_predictor(str(weights.landmarks()))
        self._network: Network
        try:
            self._network = _onnx_network()
            self.runtime = "onnxruntime"
        except ImportError as error:
            log("encoder.slow", level="warning", error=str(error))
            self._network = _dlib_network()
            self.runtime = "dlib"

    def encode(
        self,
        pixels: Rgb,
        boxes: Sequence[Box],
        *,
        mirrored: bool = False,
        tick: Callable[[], None] = lambda: None,
    ) -> Embeddings:
        """The embedding of each face in a picture, or in its mirror image: `(len(boxes), 128)`.

        `tick` is called before each few of them, so that it can end this by raising.
        """
        rows = np.empty((len(boxes), EMBEDDING_SIZE))
        for start in range(0, len(boxes), _BATCH):
            tick()
            batch = slice(start, start + _BATCH)
            chips = [self._chip(pixels, box) for box in boxes[batch]]
            if mirrored:
                chips = [np.ascontiguousarray(chip[:, ::-1]) for chip in chips]
            rows[batch] = self._network(chips)
        return rows

    def _chip(self, pixels: Rgb, box: Box) -> Rgb:
        """The face upright and alone; one by one, since dlib scales several in another way."""
        face = dlib.rectangle(box.left, box.top, box.right, box.bottom)
        chip: Rgb = dlib.get_face_chip(pixels, self._landmarks(pixels, face))
        return chip


@cache
def encoder() -> Encoder:
    """The encoder of this process."""
    return Encoder()


def make() -> list[bytes]:
    """The contents of the encoder's files. Raises ImportError without onnx, and UnknownWeights."""
    from lambda_fn.models.onnx import onnx_model  # noqa: PLC0415 - rarely needed

    model, tensors = onnx_model(weights.encoder().read_bytes(), partial(file_name, WEIGHTS))
    return [tensors, model]


def _onnx_network() -> Network:
    # Official builds report their use to their maker, over the network and by a file in the user's
    # cache, unless this is set before the import.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415 - where there is none, dlib does its work

    options = onnxruntime.SessionOptions()
    # Lambda gives a function of up to 1,769 MB one core or less, and here as many run side by side
    # as there are cores. One thread also adds up in the same order each time.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    weights, model = prepared(FILES, make)
    if isinstance(weights, bytes):
        names = [file_name(WEIGHTS, weights)]
        options.add_external_initializers_from_files_in_memory(names, [weights], [len(weights)])
    session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def network(chips: list[Rgb]) -> Sequence[Sequence[float]]:
        try:
            embeddings: Sequence[Sequence[float]] = session.run(None, {"chips": np.stack(chips)})[0]
        except Exception as error:
            # ONNX Runtime has no type of its own for it.
            if "allocate" in str(error):
                raise MemoryError(str(error)) from error
            raise
        return embeddings

    return network


def _dlib_network() -> Network:
    encoder = dlib.face_recognition_model_v1(str(weights.encoder()))
    network: Network = encoder.compute_face_descriptor
    return network
