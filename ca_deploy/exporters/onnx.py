"""An exported graph as a checked, simplified ONNX model."""

from __future__ import annotations

import ast
import operator
from functools import reduce
from typing import Any

import onnx
import onnxsim
import torch
from onnx import ModelProto
from torch import Tensor
from torch._ops import OpOverload
from torch.fx import GraphModule, Node

from ca_deploy.errors import UserError
from ca_deploy.exporters.onnx_graph import PLACE_KEY, PRODUCER, NotListedError, OnnxGraph, place
from ca_deploy.exporters.onnx_operators import OPERATORS
from ca_deploy.exporters.quiet import quiet_python

OPSET = 18
"""torch.onnx writes it without a converter, it has HardSwish (14) and LayerNormalization (17), and ONNX
Runtime runs it since 1.14 (February 2023)."""
_OPSET_WITH_GELU = 20
"""Only for networks that need it: ONNX Runtime runs it since 1.17 (January 2024)."""

_SCOPES_KEY = "pkg.torch.onnx.name_scopes"


def to_onnx(graph: GraphModule, example: Tensor) -> ModelProto:
    """Write a passed graph as ONNX, opset 18 (20 where it has a GELU), simplified and checked.

    The input is called `input`, the only output `logits`, several outputs `output_0` and so on; other values
    are named after the graph's nodes. Each node's metadata_props hold, under `ca_deploy.module`, the path of
    the user's module that it came from, and nothing else. The same graph gives the same bytes.

    Args:
        graph: a functional graph with static shapes, as `run_passes` gives it.
        example: an input of the graph's shape, NCHW float32.

    Raises:
        UserError: neither this module nor torch.onnx can write one of its operators.
    """
    try:
        model = _written(graph)
    except NotListedError:
        model = _written_by_torch(graph, example)
    places = {value: node.metadata_props[0].value for node in model.graph.node for value in node.output}
    simplified: ModelProto = onnxsim.simplify(model)[0]
    _strip(simplified)
    for node in simplified.graph.node:
        node.metadata_props.add(key=PLACE_KEY, value=places.get(node.output[0], "forward"))
    onnx.checker.check_model(simplified, full_check=True)
    return simplified


def value_names(graph: GraphModule) -> dict[str, list[str]]:
    """Under which names `to_onnx` writes the value of each node: its own, and the interface's."""
    names = {
        node.name: ["input"] if node.op == "placeholder" else [node.name]
        for node in graph.graph.nodes
        if node.op in ("placeholder", "call_function")
    }
    for label, output in zip(_output_names(graph), _outputs(graph), strict=True):
        names[output.name].append(label)
    return names


def _written(graph: GraphModule) -> ModelProto:
    """The model as this project writes it.

    Raises:
        NotListedError: an operator is not in its list.
    """
    result = OnnxGraph()
    inputs, outputs = dict[str, Tensor](), dict[str, Tensor]()
    for node in graph.graph.nodes:
        if node.op == "placeholder":
            result.names[node] = "input"
            inputs["input"] = node.meta["val"]
        elif node.op == "get_attr":
            constant: Any = reduce(getattr, node.target.split("."), graph)
            name = node.target if "." in node.target else f"self.{node.target}"  # no value is called so
            result.names[node] = result.initializer(name, constant.detach().numpy())
        elif node.op == "call_function":
            _write_call(result, node)
        else:
            for label, output in zip(_output_names(graph), _outputs(graph), strict=True):
                result.add_many("Identity", [result.value(output)], [label], output)
                outputs[label] = output.meta["val"]
    return result.model(inputs, outputs, _opset(graph))


def _opset(graph: GraphModule) -> int:
    """The oldest operator set that has everything in the graph as one operator."""
    gelu = any(node.target is torch.ops.aten.gelu.default for node in graph.graph.nodes)
    return _OPSET_WITH_GELU if gelu else OPSET


def _write_call(result: OnnxGraph, node: Node) -> None:
    if node.target is operator.getitem:
        (split,) = node.all_input_nodes
        result.names[node] = result.names[split][node.args[1]]  # type: ignore[index]  # an index into a split
        return
    write = OPERATORS.get(node.target)
    if write is None:
        raise NotListedError
    assert isinstance(node.target, OpOverload)
    arguments: dict[str, Any] = {
        argument.name: argument.default_value for argument in node.target._schema.arguments
    }
    arguments.update(zip(arguments, node.args, strict=False))
    write(result, node, {**arguments, **node.kwargs})


def value_name(graph: GraphModule, node: Node) -> str:
    """What the model calls the value of a call, and so the .tflite made of it."""
    names = dict(zip(_outputs(graph), _output_names(graph), strict=True))
    return names.get(node, node.name)


def _outputs(graph: GraphModule) -> list[Node]:
    (returned,) = graph.graph.output_node().args
    return [returned] if isinstance(returned, Node) else list(returned)  # type: ignore[arg-type]  # or a tuple


def _output_names(graph: GraphModule) -> list[str]:
    count = len(_outputs(graph))
    return ["logits"] if count == 1 else [f"output_{index}" for index in range(count)]


def _written_by_torch(graph: GraphModule, example: Tensor) -> ModelProto:
    """The model as torch.onnx writes it."""
    try:
        with quiet_python(), torch.no_grad():
            program = torch.onnx.export(
                torch.export.export(graph, (example,)),
                dynamo=True,
                opset_version=_opset(graph),
                input_names=["input"],
                output_names=_output_names(graph),
                verify=False,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise UserError(
            f"the network cannot be written as ONNX: {_reason(error)}; replace it by other operators, "
            f"look at {', '.join(_rare_places(graph))}"
        ) from error
    assert program is not None
    model: ModelProto = program.model_proto
    for node in model.graph.node:
        scopes = next((prop.value for prop in node.metadata_props if prop.key == _SCOPES_KEY), "[]")
        path = ["", *ast.literal_eval(scopes)[:-1]][-1]
        node.ClearField("metadata_props")
        node.metadata_props.add(key=PLACE_KEY, value=path or "forward")
    return model


def _reason(error: BaseException) -> str:
    """What the innermost of a chain of exceptions says first."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().splitlines()[0]


def _rare_places(graph: GraphModule) -> list[str]:
    """Where the operators are that this project does not write itself."""
    rare = [node for node in graph.graph.nodes if node.op == "call_function" and node.target not in OPERATORS]
    return [f"{place(node)} ({node.target})" for node in rare if node.target is not operator.getitem]


def _strip(model: ModelProto) -> None:
    """Remove the tools' metadata: it holds source paths and differs from folder to folder."""
    model.producer_name, model.producer_version = PRODUCER, ""
    graph = model.graph
    for holder in (
        model,
        graph,
        *graph.node,
        *graph.value_info,
        *graph.input,
        *graph.output,
        *graph.initializer,
    ):
        holder.ClearField("metadata_props")
        holder.ClearField("doc_string")
