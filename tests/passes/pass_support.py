"""Captures small modules and proves passes on them, for all tests of passes."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.fx import GraphModule
from torch.utils import _pytree as pytree

from ca_deploy.passes import CANONICAL, Pass, Refusal, capture, run_passes
from ca_deploy.passes.graph import as_dtype


@dataclass(frozen=True)
class Outcome:
    """What a pass made of a module; it was proved to be the same function in float64, on the same tensors."""

    graph: GraphModule
    operators: list[str]
    count: int
    refusals: tuple[Refusal, ...]

    @property
    def reasons(self) -> str:
        return "; ".join(refusal.reason for refusal in self.refusals)


def operators(graph: GraphModule) -> list[str]:
    """Names of all calls in order, such as `conv2d`; picking one of several results is none."""
    return [node.target._opname for node in graph.graph.nodes if isinstance(node.target, OpOverload)]


def tensors(result: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else list(result)


def example(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 3


def apply(step: Pass, module: nn.Module, *shape: int) -> Outcome:
    """Run one pass on a module's graph in float64 and hold it to the protocol."""
    given = as_dtype(capture(module, example(*shape)), torch.float64)
    before = copy.deepcopy(given)
    tensors_given = dict(given.named_buffers())
    rewritten = step(given)
    assert rewritten.count or str(rewritten.graph.graph) == str(before.graph), "a change was not counted"
    inputs = example(*shape).double()
    for expected, actual in zip(tensors(before(inputs)), tensors(rewritten.graph(inputs)), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)
    for name, tensor in before.named_buffers():
        assert torch.equal(tensor, tensors_given[name]), "a given tensor was written to"
    assert_shapes_hold(rewritten.graph, inputs)
    result = as_dtype(rewritten.graph, torch.float64)
    return Outcome(result, operators(result), rewritten.count, rewritten.refusals)


def canonical(module: nn.Module, *shape: int) -> GraphModule:
    """The module's canonical graph, in float32."""
    inputs = example(*shape)
    return run_passes(capture(module, inputs), CANONICAL, [inputs]).graph


def assert_shapes_hold(graph: GraphModule, inputs: Tensor) -> None:
    """Every node's `meta["val"]` has the shape and dtype of what the node gives."""

    class Checked(torch.fx.Interpreter):
        def run_node(self, n: torch.fx.Node) -> object:
            result = super().run_node(n)
            if n.op != "output":
                stated = pytree.tree_leaves(n.meta["val"])
                for found, value in zip(pytree.tree_leaves(result), stated, strict=True):
                    assert (found.shape, found.dtype) == (value.shape, value.dtype), n
            return result

    with torch.no_grad():
        Checked(graph).run(inputs)


def randomized(module: nn.Module) -> nn.Module:
    """Give batch normalizations statistics, scales and shifts that are far from the identity."""
    generator = torch.Generator().manual_seed(1)
    for layer in module.modules():
        if (
            isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d)
            and layer.running_mean is not None
        ):
            for tensor in (layer.running_mean, layer.weight.data, layer.bias.data):
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
            layer.running_var.copy_(torch.rand(layer.running_var.shape, generator=generator) + 0.1)
    return module
