"""A user's network as a graph: torch.export, cleaned of everything that inference does not need."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx import Graph, GraphModule, Node

from ca_deploy.passes.graph import cleaned, on_meta


def capture(network: nn.Module, example: Tensor) -> GraphModule:
    """Trace `network` in evaluation mode into a functional graph with static shapes."""
    network = network.eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(network, (example,))
    return _graph_of(program)


def _graph_of(program: ExportedProgram) -> GraphModule:
    constants = {**program.state_dict, **program.constants}
    kinds = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
    root: dict[str, Tensor] = {}
    graph, nodes = Graph(), dict[Node, Node]()
    for node in program.graph.nodes:
        if node.op == "output":
            kept = [nodes[value] for value in node.args[0]]
            graph.output(kept[0] if len(kept) == 1 else tuple(kept))
            continue
        spec = kinds.get(node.name) if node.op == "placeholder" else None
        if spec is not None and spec.kind is not InputKind.USER_INPUT:
            root[spec.target] = constants[spec.target].detach()
            nodes[node] = graph.get_attr(spec.target)
        else:
            nodes[node] = graph.node_copy(node, nodes.__getitem__)
        nodes[node].meta = {key: node.meta[key] for key in ("nn_module_stack", "stack_trace") if key in node.meta}
        nodes[node].meta["val"] = on_meta(node.meta["val"])
    return cleaned(GraphModule(root, graph))
