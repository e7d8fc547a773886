"""ExecuTorch: a passed graph as a .pte for its XNNPACK backend."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule

from ca_deploy.errors import UserError
from ca_deploy.exporters.quiet import quiet_python

try:
    with quiet_python(), contextlib.redirect_stderr(io.StringIO()):
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower
except ImportError as missing:
    raise UserError(
        "ExecuTorch's files need the package executorch: pip install 'ca-deploy[executorch]', or leave "
        "executorch out of --formats"
    ) from missing


@dataclass(frozen=True)
class Lowered:
    """A .pte and what XNNPACK takes of it.

    Attributes:
        data: the file's content.
        subgraphs: how many pieces XNNPACK runs.
        outside: the operators that run on ExecuTorch's own kernels, between those pieces.
    """

    data: bytes
    subgraphs: int
    outside: tuple[str, ...]


def to_pte(graph: GraphModule, example: Tensor) -> Lowered:
    """Lower a graph, float32 or with `quantize` and `dequantize` calls, to a .pte for XNNPACK.

    Args:
        graph: a passed graph.
        example: an input of the graph's shape, NCHW float32.

    Raises:
        UserError: ExecuTorch cannot lower one of its operators.
    """
    try:
        with quiet_python(), contextlib.redirect_stderr(io.StringIO()), torch.no_grad():
            exported = torch.export.export(graph, (example,))
            edge = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
            data = bytes(edge.to_executorch().buffer)
    except Exception as error:  # of many kinds, from torch.export to XNNPACK's serializer
        raise UserError(f"ExecuTorch cannot lower the network: {_first_line(error)}") from error
    calls = [_name(node.target) for node in edge.exported_program().graph.nodes if node.op == "call_function"]
    outside = tuple(name for name in calls if name not in ("executorch_call_delegate", "getitem"))
    return Lowered(data, calls.count("executorch_call_delegate"), outside)


def _name(target: Any) -> str:
    """`aten.mean.dim`, `executorch_call_delegate`, `getitem`."""
    name: str = getattr(target, "__name__", str(target))
    return name


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
