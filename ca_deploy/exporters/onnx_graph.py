"""An ONNX graph in the making: values under readable, repeatable names, each node with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor
from torch.fx import Node

PRODUCER = "ca-deploy"
PLACE_KEY = "ca_deploy.module"
"""Key in a node's metadata_props: the path of the user's module that the node came from."""


Arguments = Mapping[str, Any]
"""An ATen call's arguments by their names in its schema, defaults filled in."""


class NotListedError(Exception):
    """A graph holds an operator, or a setting of one, that this project does not write itself."""


def place(node: Node) -> str:
    """Path of the user's module that made an FX node; the network's own is `forward`."""
    stack = node.meta.get("nn_module_stack")
    return (list(stack.values())[-1][0] if stack else "") or "forward"


class OnnxGraph:
    """Collects nodes and initializers.

    Attributes:
        names: the value that holds each FX node's result; several for a split.
    """

    def __init__(self) -> None:
        self.names: dict[Node, str | list[str]] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}

    def value(self, argument: Any, dtype: np.dtype[Any] | None = None) -> str:
        """Name of an FX node's result, or of a constant for a number or a list of numbers."""
        if isinstance(argument, Node):
            name = self.names[argument]
            assert isinstance(name, str)
            return name
        array = np.asarray(argument, dtype)
        text = "_".join(str(item) for item in array.reshape(-1).tolist())
        kind = "shape" if array.ndim else "number"
        return self.initializer(f"{kind}_{array.dtype}_{text}", array)

    def initializer(self, name: str, array: NDArray[Any]) -> str:
        """Store a constant under a name; the same name stands for the same array."""
        if name not in self._initializers:
            self._initializers[name] = numpy_helper.from_array(np.asarray(array, order="C"), name)
        return name

    def add(
        self, operator: str, inputs: Sequence[str], node: Node, *, step: str = "", **attributes: Any
    ) -> str:
        """Append an operator whose result is `node`'s, or a `step` on the way to it."""
        output = f"{node.name}_{step}" if step else node.name
        self.add_many(operator, inputs, [output], node, **attributes)
        if not step:
            self.names[node] = output
        return output

    def add_many(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], node: Node, **attributes: Any
    ) -> None:
        """Append an operator with any number of outputs."""
        proto = helper.make_node(operator, inputs, outputs, name=f"{operator}_{outputs[0]}", **attributes)
        proto.metadata_props.add(key=PLACE_KEY, value=place(node))
        self._nodes.append(proto)

    def model(self, inputs: dict[str, Tensor], outputs: dict[str, Tensor], opset: int) -> onnx.ModelProto:
        """The finished model; `inputs` and `outputs` give each value's name, shape and dtype."""
        graph = helper.make_graph(
            self._nodes,
            "network",
            [_described(name, value) for name, value in inputs.items()],
            [_described(name, value) for name, value in outputs.items()],
            list(self._initializers.values()),
        )
        opsets = [helper.make_opsetid("", opset)]
        version = helper.find_min_ir_version_for(opsets)
        return helper.make_model(graph, opset_imports=opsets, ir_version=version, producer_name=PRODUCER)


def rank(node: Node) -> int:
    """Number of axes of an FX node's result."""
    axes: int = node.meta["val"].dim()
    return axes


def numpy_dtype(tensor: Tensor) -> np.dtype[Any]:
    """The numpy dtype of a tensor."""
    return np.dtype(str(tensor.dtype).removeprefix("torch."))


Operator = Callable[[OnnxGraph, Node, Arguments], object]
"""Writes one call."""


def _described(name: str, tensor: Tensor) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(numpy_dtype(tensor)), list(tensor.shape)
    )
