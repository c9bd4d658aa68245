"""An ONNX graph that is built layer by layer, with its weights apart."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

# Old enough for every ONNX Runtime of these years, so that a file outlives upgrades.
_OPSET = 13
_IR_VERSION = 8


class Graph:
    """A graph with one input, `first`; `data` holds the weights of `float64` constants."""

    def __init__(self, first: str) -> None:
        self.data = bytearray()
        self.last = first
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._serial = count()

    def apply(
        self,
        operator: str,
        *others: npt.NDArray[Any] | str,
        output: str | None = None,
        **attributes: Any,
    ) -> str:
        """Add a layer on the last one's output, and on constants or outputs of earlier layers.

        Returns the name of its output.
        """
        inputs = [self.last]
        inputs += [other if isinstance(other, str) else self.constant(other) for other in others]
        self.last = output or f"{operator}_{next(self._serial)}"
        self._nodes.append(helper.make_node(operator, inputs, [self.last], **attributes))
        return self.last

    def constant(self, values: npt.NDArray[Any]) -> str:
        """Add a constant and return its name; `float64` becomes `float32`, kept in `data`."""
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

    def model(
        self,
        name: str,
        input_shape: Sequence[int | str],
        outputs: Mapping[str, Sequence[int | str]],
        location_of: Callable[[bytes], str],
        *,
        input_type: int = TensorProto.UINT8,
    ) -> bytes:
        """Return the model; it refers to the file of its weights as `location_of(data)`.

        The input is called as given to the constructor; the outputs are `float32`.
        """
        first = self._nodes[0].input[0]
        location = location_of(bytes(self.data))
        for constant in self._constants:
            if constant.data_location == TensorProto.EXTERNAL:
                constant.external_data.add(key="location", value=location)
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(first, input_type, tuple(input_shape))],
            [
                helper.make_tensor_value_info(output, TensorProto.FLOAT, tuple(shape))
                for output, shape in outputs.items()
            ],
            self._constants,
        )
        opset = helper.make_opsetid("", _OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)
        return bytes(model.SerializeToString(deterministic=True))
