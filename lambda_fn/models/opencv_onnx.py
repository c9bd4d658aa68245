"""OpenCV Zoo's YuNet and SFace as plain ONNX models of 32-bit floats.

The files store their weights as blocks of 8-bit integers, and SFace lists weights among its inputs,
which ONNX Runtime refuses. The conversion dequantises the weights in 64 bits, folds the scaling of
pixels and batch normalisation into the convolutions, and takes pixels as `uint8`, RGB.
"""

from collections.abc import Callable
from math import fsum
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from lambda_fn.models.graph import Graph

# Width and height of an aligned face, in pixels.
_CHIP_SIZE = 112

# Pixels between the places that YuNet rates; the names of its outputs end in them.
_STRIDES = (8, 16, 32)

_PARTS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}

Values = npt.NDArray[Any]


def yunet_model(original: bytes, location_of: Callable[[bytes], str]) -> tuple[bytes, bytes]:
    """Convert YuNet; return the ONNX model and its weights, to be kept as `location_of(weights)`.

    The input `pixels` is `(1, 3, height, width)` of `float32`, both multiples of 32, with levels
    from 0 to 255. The outputs `cls_8`, `obj_8`, `bbox_8`, `kps_8`, `cls_16`, … are
    `(1, places, n)`, where n is 1, 1, 4 and 10.
    """
    nodes, constants = _read(original)
    graph = Graph("pixels")
    renamed = {"input": graph.last}
    outputs = {
        f"{part}_{stride}": (1, f"places_{stride}", size)
        for part, size in _PARTS.items()
        for stride in _STRIDES
    }
    for node in nodes:
        graph.last = renamed[node.input[0]]
        others: list[Values | str] = []
        for name in node.input[1:]:
            values = constants.get(name)
            if values is None:
                # An empty name stands for an optional input that is not given.
                others.append(renamed.get(name, name))
            else:
                others.append(values.astype(np.float64) if node.op_type == "Conv" else values)
        if node.input[0] == "input":
            # The original takes blue, green, red.
            others[0] = constants[node.input[1]].astype(np.float64)[:, ::-1]
        [output] = node.output
        named = output if output in outputs else None
        renamed[output] = graph.apply(node.op_type, *others, output=named, **_attributes(node))
    model = graph.model(
        "yunet",
        (1, 3, "height", "width"),
        outputs,
        location_of,
        input_type=TensorProto.FLOAT,
    )
    return model, bytes(graph.data)


def sface_model(original: bytes, location_of: Callable[[bytes], str]) -> tuple[bytes, bytes]:
    """Convert SFace; return the ONNX model and its weights, to be kept as `location_of(weights)`.

    The input `chips` are aligned faces, `(n, 112, 112, 3)`; the output `embeddings` is `(n, 128)`,
    of any length.
    """
    nodes, constants = _read(original)
    network = _SFace(nodes, constants)
    network.apply("Cast", to=TensorProto.FLOAT)
    network.apply("Transpose", perm=[0, 3, 1, 2])
    network.convolve_pixels()
    while network.next_is("Conv"):
        network.convolve()
    network.project()
    model = network.model(
        "sface", ("n", _CHIP_SIZE, _CHIP_SIZE, 3), {"embeddings": ("n", 128)}, location_of
    )
    return model, bytes(network.data)


class _SFace(Graph):
    """SFace as it is built, node by node of the original."""

    def __init__(self, nodes: list[onnx.NodeProto], constants: dict[str, Values]) -> None:
        super().__init__("chips")
        self._left = nodes[::-1]
        self._values = constants

    def next_is(self, operator: str) -> bool:
        return self._left[-1].op_type == operator

    def convolve_pixels(self) -> None:
        """Add the first convolution, with the shift and scale of pixels folded in."""
        mean = float(self._constant_of(self._take("Sub")).item())
        scale = float(self._constant_of(self._take("Mul")).item())
        node = self._take("Conv")
        attributes = _attributes(node)
        top, left, bottom, right = attributes.pop("pads")
        # Zeros around the scaled picture are the mean around the original one.
        pads = np.array([0, 0, top, left, 0, 0, bottom, right])
        self.apply("Pad", pads, np.array(mean, np.float32))
        kernel = self._constant_of(node).astype(np.float64) * scale
        bias = -_sums(kernel * mean)
        self._normalised(kernel, bias, attributes | {"pads": [0] * 4})

    def convolve(self) -> None:
        """Add a convolution, the normalisation and the rectifier after it."""
        node = self._take("Conv")
        kernel = self._constant_of(node).astype(np.float64)
        self._normalised(kernel, np.zeros(len(kernel)), _attributes(node))

    def project(self) -> None:
        """Add the final matrix, with the normalisations around it folded in."""
        before_scale, before_shift = self._normalisation()
        self._take("Dropout")
        self._take("Flatten")
        node = self._take("Gemm")
        matrix = self._constant_of(node).astype(np.float64)
        bias = self._values[node.input[2]].astype(np.float64)
        after_scale, after_shift = self._normalisation()
        places = matrix.shape[1] // len(before_scale)
        bias = bias + _sums(matrix * before_shift.repeat(places))
        matrix = matrix * before_scale.repeat(places) * after_scale[:, None]
        self.apply("Flatten")
        bias = bias * after_scale + after_shift
        self.apply("Gemm", matrix, bias, output="embeddings", transB=1)

    def _normalised(self, kernel: Values, bias: Values, attributes: dict[str, Any]) -> None:
        scale, shift = self._normalisation()
        kernel = kernel * scale[:, None, None, None]
        self.apply("Conv", kernel, bias * scale + shift, **attributes)
        self._rectify(self._constant_of(self._take("PRelu")).astype(np.float64).ravel())

    def _rectify(self, slope: Values) -> None:
        """Add PReLU as slope * x + (1 - slope) * relu(x), which runs in half the time."""
        channels = len(slope)
        by_channel: dict[str, Any] = {"group": channels, "kernel_shape": [1, 1]}
        start = self.last
        sloped = self.apply("Conv", slope.reshape(channels, 1, 1, 1), **by_channel)
        self.last = start
        self.apply("Relu")
        self.apply("Conv", (1 - slope).reshape(channels, 1, 1, 1), **by_channel)
        self.apply("Add", sloped)

    def _normalisation(self) -> tuple[Values, Values]:
        """Return the scale and the shift of a batch normalisation."""
        node = self._take("BatchNormalization")
        values = [self._values[name].astype(np.float64) for name in node.input[1:]]
        gamma, beta, mean, variance = values
        scale = gamma / np.sqrt(variance + _attributes(node)["epsilon"])
        return scale, beta - mean * scale

    def _take(self, operator: str) -> onnx.NodeProto:
        node = self._left.pop()
        if node.op_type != operator:
            raise ValueError(f"SFace has {node.op_type} where {operator} was expected")
        return node

    def _constant_of(self, node: onnx.NodeProto) -> Values:
        """Return a node's second input."""
        return self._values[node.input[1]]


def _read(original: bytes) -> tuple[list[onnx.NodeProto], dict[str, Values]]:
    """Return the nodes of a model that compute, and all its constants, dequantised."""
    graph = onnx.ModelProto.FromString(original).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        [output] = node.output
        if node.op_type == "DequantizeLinear":
            constants[output] = _dequantised(node, constants)
        elif node.op_type == "Reshape" and node.input[0] in constants:
            constants[output] = constants[node.input[0]].reshape(constants[node.input[1]])
        elif node.op_type == "Constant":
            constants[output] = numpy_helper.to_array(_attributes(node)["value"])
        else:
            nodes.append(node)
    return nodes, constants


def _dequantised(node: onnx.NodeProto, constants: dict[str, Values]) -> Values:
    """Return the weights that blocks of 8-bit integers stand for."""
    values, scale, zero = (constants[name] for name in node.input)
    attributes = _attributes(node)
    if scale.shape != values.shape:
        axis, size = attributes["axis"], attributes["block_size"]
        cut = tuple(slice(0, length) for length in values.shape)
        scale = scale.repeat(size, axis=axis)[cut]
        zero = zero.repeat(size, axis=axis)[cut]
    scaled: Values = (values.astype(np.float64) - zero) * scale.astype(np.float64)
    return scaled


def _sums(rows: Values) -> Values:
    """Return the sum of each row; fsum is exact, so the bits are the same everywhere."""
    return np.array([fsum(row) for row in rows.reshape(len(rows), -1)])


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}
