"""A user's network as a graph: torch.export, cleaned of all that inference does not need."""

from __future__ import annotations

import contextlib
import io
import logging
import operator
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx import Graph, GraphModule, Node
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
from torch.utils import _pytree as pytree

from ca_deploy.errors import UserError
from ca_deploy.passes.blame import first_line, origin
from ca_deploy.passes.functional import make_functional
from ca_deploy.passes.graph import bound, cleaned, on_meta, place, shape, source
from ca_deploy.passes.layers import CONVOLUTIONS
from ca_deploy.passes.literals import read_literals

_aten = torch.ops.aten
_ORIGIN = ("nn_module_stack", "stack_trace")
_SAME_RESULT = 1e-4
"""Float32 kernels may differ between a network and its graph; a wrong graph is off by far more."""


def capture(network: nn.Module, example: Tensor) -> GraphModule:
    """Trace `network`, in evaluation mode, into a graph with static shapes and without mutation.

    Args:
        network: any module with one tensor as input and tensors as outputs; it is put into evaluation mode.
        example: float32 input, NCHW; the graph takes inputs of exactly this shape.

    Returns:
        A graph with one placeholder that returns a tensor or, for several outputs (nested ones in the
        order of `torch.utils._pytree`), a tuple. All parameters are buffers under the network's own names.

    Raises:
        UserError: the network fails on an input of this shape, is too deep for it, depends on the data in its
            control flow or shapes, draws random numbers, or returns something other than tensors.
    """
    network.eval()
    with torch.no_grad():
        expected = _tried(network, example)
        _check_finite(network, expected)
        program = _exported(network, example)
        graph = _graph_of(program)
        if not make_functional(graph):
            with _quiet():
                program = program.run_decompositions({})
            graph = _graph_of(program)
            _restore_batch_norms(graph)
            make_functional(graph)
        _check_operators(graph)
        read_literals(graph)
        graph = cleaned(graph)
        _check_result(expected, graph(example))
    return graph


def _tried(network: nn.Module, example: Tensor) -> list[Tensor]:
    """The network's own outputs."""
    size = "x".join(map(str, example.shape))
    try:
        outputs = [output for output in pytree.tree_leaves(network(example)) if output is not None]
    except Exception as error:
        raise UserError(
            f"the network fails on a {size} input at {origin(error, network)}: {first_line(error)}; "
            "try another --input-size, or mend the network"
        ) from error
    if not outputs or not all(isinstance(output, Tensor) for output in outputs):
        raise UserError(
            "the network returns something other than tensors; wrap it in a module that returns tensors only"
        )
    return outputs


def _check_finite(network: nn.Module, outputs: list[Tensor]) -> None:
    """Refuse a network that computes no numbers, which nothing can be compared with."""
    if all(output.isfinite().all() for output in outputs):
        return
    tensors = (*network.named_parameters(), *network.named_buffers())
    broken = next((name for name, tensor in tensors if not tensor.isfinite().all()), None)
    raise UserError(
        "the network gives NaN or infinity for an ordinary input, "
        + (f"and its weight {broken} holds some: " if broken else "though its weights are finite: ")
        + "look for what broke its training, or take an earlier checkpoint"
    )


def _exported(network: nn.Module, example: Tensor) -> ExportedProgram:
    try:
        with _quiet():
            return torch.export.export(network, (example,))
    except GuardOnDataDependentSymNode as error:
        raise UserError(
            f"the network's control flow depends on the data at {origin(error, network)}; "
            "replace the branch or loop by tensor operations such as torch.where"
        ) from error
    except Exception as error:
        raise UserError(
            f"torch.export cannot trace the network at {origin(error, network)}: {first_line(error)}; "
            "use PyTorch operations on tensors only there"
        ) from error


def _graph_of(program: ExportedProgram) -> GraphModule:
    """The program as a plain graph: constants read by `get_attr`, outputs flat, values on the meta device."""
    inputs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
    outputs = [spec.kind is OutputKind.USER_OUTPUT for spec in program.graph_signature.output_specs]
    constants = {**program.state_dict, **program.constants}
    root: dict[str, Tensor] = {}
    graph, nodes = Graph(), dict[Node, Node]()
    for node in program.graph.nodes:
        if node.op == "output":
            kept = [nodes[value] for value, mine in zip(node.args[0], outputs, strict=True) if mine and value]
            graph.output(kept[0] if len(kept) == 1 else tuple(kept))
            continue
        if node.meta["val"] is None:
            continue  # an assertion of the tracer
        spec = inputs.get(node.name) if node.op == "placeholder" else None
        if spec is None:
            nodes[node] = graph.node_copy(node, nodes.__getitem__)
        elif spec.kind is InputKind.USER_INPUT:
            nodes[node] = graph.placeholder("x")
        else:
            root[spec.target] = constants[spec.target].detach()
            nodes[node] = graph.get_attr(spec.target)
        nodes[node].meta = {key: node.meta[key] for key in _ORIGIN if key in node.meta}
        nodes[node].meta["val"] = _static(node)
    return GraphModule(root, graph)


def _static(node: Node) -> Any:
    """The shape and dtype of what `node` gives."""
    value = node.meta["val"]
    sizes = [size for leaf in pytree.tree_leaves(value) for size in getattr(leaf, "shape", [leaf])]
    if any(isinstance(size, torch.SymInt | torch.SymFloat | torch.SymBool) for size in sizes):
        raise UserError(
            f"the network computes a size or a number from its data at {place(node)} ({node.target}); "
            "keep it as a tensor of a fixed shape"
        )
    return on_meta(value)


def _restore_batch_norms(graph: GraphModule) -> None:
    """Spell batch normalization as it was before torch's functionalization split it into three outputs."""
    split = _aten._native_batch_norm_legit_no_training.default
    for node in graph.graph.nodes:
        if node.target is operator.getitem and node.args[0].target is split and node.args[1] == 0:
            *tensors, momentum, eps = node.args[0].args
            node.target, node.args = _aten.batch_norm.default, (*tensors, False, momentum, eps, False)
    graph.recompile()


def _check_operators(graph: GraphModule) -> None:
    """Refuse what no exported graph can mean: random numbers, and strides over an input that has run out."""
    for node in graph.graph.nodes:
        if not isinstance(node.target, OpOverload):
            continue
        if _is_random(node):
            raise UserError(
                f"the network draws random numbers in evaluation mode at {place(node)} ({node.target}); "
                "make that depend on self.training"
            )
        if node.target in CONVOLUTIONS:
            _check_stride(node, graph)


def _is_random(node: Node) -> bool:
    """Whether an ATen call draws random numbers, as dropout does in training only."""
    values = bound(node)
    tagged = torch.Tag.nondeterministic_seeded in node.target.tags  # type: ignore[union-attr]  # an ATen call
    return tagged and bool(values.get("train", True) and values.get("dropout_p", True))


def _check_stride(node: Node, graph: GraphModule) -> None:
    (example,) = graph.graph.find_nodes(op="placeholder")
    for size, stride, whole in zip(
        shape(source(node))[2:], bound(node)["stride"], shape(example)[2:], strict=False
    ):
        if size < stride:
            raise UserError(
                f"the input is too small for the network: of {whole} pixels {size} remain at {place(node)}, "
                f"which has a stride of {stride}; use a larger --input-size"
            )


def _check_result(expected: list[Tensor], result: Tensor | tuple[Tensor, ...]) -> None:
    """Refuse a network whose graph computes something else, such as one that counts its calls."""
    actual = [result] if isinstance(result, Tensor) else list(result)
    for before, after in zip(expected, actual, strict=True):
        difference = (before.double() - after.double()).abs().max()
        if not difference <= _SAME_RESULT * before.double().abs().max():
            raise UserError(
                "the exported graph computes something other than the network for the same input; "
                "look for state that forward() changes, or for code that depends on being traced"
            )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's warnings and the partial graphs that it prints before it fails."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
