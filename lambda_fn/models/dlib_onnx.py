"""dlib's face encoder as an ONNX model: the same weights, in a form that ONNX Runtime runs.

The network is the ResNet of the example `dnn_face_recognition_ex.cpp` of dlib. The weights are
those of face_recognition_models.
"""

from collections.abc import Callable
from math import fsum, prod

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from lambda_fn.models.graph import Graph

CHIP_SIZE = 150
"""Width and height of the network's input, an aligned face, in pixels."""

# Subtracted from red, green and blue; the result is divided by 256.
_MEANS = np.array([122.782, 117.001, 104.298])

# The residual blocks, first to last: channels, and whether the picture is halved.
_BLOCKS = [
    *[(32, False)] * 3,
    *[(64, True), *[(64, False)] * 3],
    *[(128, True), *[(128, False)] * 2],
    *[(256, True), *[(256, False)] * 2],
    (256, True),
]

_EMBEDDING_SIZE = 128


def dlib_model(weights: bytes, location_of: Callable[[bytes], str]) -> tuple[bytes, bytes]:
    """Convert the weights file of dlib; return the ONNX model and its weights.

    ONNX Runtime maps a separate file of weights into memory instead of copying it twice; the model
    refers to it as `location_of(weights)`. The input `chips` are aligned faces as RGB, `uint8`,
    `(n, 150, 150, 3)`; the output `embeddings` is `float32`, `(n, 128)`.
    """
    network = _Network(_Tensors(weights))
    network.apply("Cast", to=TensorProto.FLOAT)
    network.apply("Transpose", perm=[0, 3, 1, 2])
    network.convolve(32, size=7, stride=2, means=_MEANS)
    network.apply("Relu")
    network.pool("MaxPool", 3)
    for channels, halve in _BLOCKS:
        network.residual_block(channels, halve=halve)
    network.apply("GlobalAveragePool")
    network.apply("Flatten")
    network.project(_EMBEDDING_SIZE)
    network.apply("Identity", output="embeddings")
    model = network.model(
        "dlib_face_recognition_resnet_model_v1",
        ("n", CHIP_SIZE, CHIP_SIZE, 3),
        {"embeddings": ("n", _EMBEDDING_SIZE)},
        location_of,
    )
    return model, bytes(network.data)


class _Network(Graph):
    """The network as it is built, with the tensors of the weights file in their order."""

    def __init__(self, tensors: "_Tensors") -> None:
        super().__init__("chips")
        self._tensors = tensors
        # The shape of the last layer's output.
        self._channels, self._side = 3, CHIP_SIZE

    def convolve(
        self,
        channels: int,
        *,
        size: int = 3,
        stride: int = 1,
        means: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """Add a convolution, with the scale and shift that follow it folded into its weights.

        With `means` the input is pixels, whose own scale and shift are folded in too.
        """
        shape = (channels, self._channels, size, size)
        kernel, bias = self._tensors.take(prod(shape), channels)
        scale, shift = self._tensors.take(channels, channels)
        kernel = kernel.reshape(shape) * scale[:, None, None, None]
        bias = bias * scale + shift
        if means is not None:
            kernel = kernel / 256
            # fsum is exact, so that the bits are the same on every processor.
            bias = bias - [
                fsum(pixel) for pixel in (kernel * means[:, None, None]).reshape(channels, -1)
            ]
        padding = 0 if stride > 1 else size // 2
        self.apply("Conv", kernel, bias, strides=[stride, stride], pads=[padding] * 4)
        self._channels = channels
        self._side = (self._side + 2 * padding - size) // stride + 1

    def pool(self, operator: str, size: int) -> None:
        """Add the maximum or the average of squares, with stride 2."""
        self.apply(operator, kernel_shape=[size, size], strides=[2, 2])
        self._side = (self._side - size) // 2 + 1

    def residual_block(self, channels: int, *, halve: bool) -> None:
        """Add two convolutions, and a shortcut past them."""
        start, start_channels, start_side = self.last, self._channels, self._side
        self.convolve(channels, stride=2 if halve else 1)
        self.apply("Relu")
        self.convolve(channels)
        if halve:
            end, end_side = self.last, self._side
            self.last, self._channels, self._side = start, start_channels, start_side
            self.pool("AveragePool", 2)
            # dlib adds tensors of different sizes as if zeros followed the smaller one.
            side = max(self._side, end_side)
            self._extend(channels, side)
            start = self.last
            self.last, self._side = end, end_side
            self._extend(channels, side)
        self.apply("Add", start)
        self.apply("Relu")

    def project(self, size: int) -> None:
        """Add the final matrix."""
        (matrix,) = self._tensors.take(self._channels * size, rows=self._channels)
        self.apply("MatMul", matrix.reshape(self._channels, size))

    def _extend(self, channels: int, side: int) -> None:
        """Append zeros to the last layer's output, up to a shape."""
        missing = (channels - self._channels, side - self._side)
        if any(missing):
            self.apply("Pad", np.array([0, 0, 0, 0, 0, missing[0], missing[1], missing[1]]))
        self._channels, self._side = channels, side


class _Tensors:
    """The tensors of a weights file, in its order: input first.

    Each is a version, 2, and four sizes in dlib's length-prefixed integers, then raw little-endian
    floats.
    """

    def __init__(self, weights: bytes) -> None:
        self._weights = weights
        self._position = 0

    def take(self, *parts: int, rows: int | None = None) -> list[npt.NDArray[np.float64]]:
        """Return the next tensor, cut into parts; it is one column unless `rows` is given."""
        size = sum(parts)
        rows = rows or size
        header = b"".join(_dlib_integer(number) for number in (2, rows, size // rows, 1, 1))
        # About a hundred bytes on layers and training lie between two tensors.
        start = self._weights.index(header, self._position) + len(header)
        self._position = start + 4 * size
        values = np.frombuffer(self._weights, "<f4", size, start).astype(np.float64)
        return np.split(values, np.cumsum(parts)[:-1])


def _dlib_integer(number: int) -> bytes:
    """Return an integer as dlib writes it: the number of its bytes, then these, lowest first."""
    length = (number.bit_length() + 7) // 8
    return bytes([length]) + number.to_bytes(length, "little")
