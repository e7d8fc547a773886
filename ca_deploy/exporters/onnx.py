"""An exported graph as a checked, simplified ONNX model."""

from __future__ import annotations

import ast
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import onnxsim
import torch
from torch import Tensor
from torch.fx import GraphModule

OPSET = 18
"""torch's ONNX functions are written in opset 18; any other one is reached through a converter."""

PLACE_KEY = "ca_deploy.module"
"""Key in each node's metadata_props: the path of the user's module that the node came from."""

_SCOPES_KEY = "pkg.torch.onnx.name_scopes"


def to_onnx(graph: GraphModule, example: Tensor) -> onnx.ModelProto:
    """Write a functional graph as ONNX."""
    outputs = len(graph.graph.output_node().all_input_nodes)
    names = ["logits"] if outputs == 1 else [f"output_{index}" for index in range(outputs)]
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            torch.export.export(graph, (example,)),
            dynamo=True,
            optimize=True,
            verify=False,
            verbose=False,
            opset_version=OPSET,
            input_names=["input"],
            output_names=names,
        )
    assert program is not None
    model = program.model_proto
    places = _places(model)
    model, _ = onnxsim.simplify(model)
    _strip(model)
    for node in model.graph.node:
        node.metadata_props.add(key=PLACE_KEY, value=places.get(node.output[0], "forward"))
    onnx.checker.check_model(model, full_check=True)
    return model


def _places(model: onnx.ModelProto) -> dict[str, str]:
    """Path of the user's module for each value that a node gives."""
    places = {}
    for node in model.graph.node:
        scopes = next((prop.value for prop in node.metadata_props if prop.key == _SCOPES_KEY), "[]")
        path = ["", *ast.literal_eval(scopes)[:-1]][-1]
        places.update(dict.fromkeys(node.output, path or "forward"))
    return places


def _strip(model: onnx.ModelProto) -> None:
    """Remove the tools' metadata: it holds source paths and differs from folder to folder."""
    graph = model.graph
    for holder in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        holder.ClearField("metadata_props")


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings and no log lines: torch.onnx reports on packages that this project does not use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
