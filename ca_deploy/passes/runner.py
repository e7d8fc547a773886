"""Run passes in order, each proved on the graph before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import GraphModule

from ca_deploy.errors import VerificationError
from ca_deploy.passes.graph import as_dtype
from ca_deploy.passes.protocol import Pass, Refusal
from ca_deploy.progress import Progress, Silent
from ca_deploy.runtimes.torch_threads import torch_threads

TOLERANCE = 1e-9


@dataclass(frozen=True)
class PassRecord:
    """What one pass did.

    Attributes:
        name: the pass's name.
        count: how many rewrites it made.
        error: largest absolute difference from the graph before it, relative to the output's scale, over all
            examples, in float64; 0 when it changed nothing.
        refusals: what it left alone, and why.
    """

    name: str
    count: int
    error: float
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class PassesResult:
    """The rewritten graph in float32, and a record for each pass, in order."""

    graph: GraphModule
    records: tuple[PassRecord, ...]


def run_passes(
    graph: GraphModule, passes: Sequence[Pass], examples: Sequence[Tensor], progress: Progress | None = None
) -> PassesResult:
    """Apply `passes` in order; whatever changes is compared with what it was, in float64, on `examples`.

    Parameters stay in float64 from the first pass to the last and are rounded to float32 once, at the end, so
    that folding adds one rounding and not one for each pass.

    Args:
        graph: a captured graph; it stays as it is.
        passes: the passes, in order.
        examples: inputs of the captured shape, NCHW float32; random and real ones.
        progress: what to report to.

    Raises:
        VerificationError: a pass moved an output by more than 1e-9 of its scale; the message names it.
    """
    current = as_dtype(graph, torch.float64)
    inputs = [example.to(torch.float64) for example in examples]
    outputs = _outputs(current, inputs)
    records = []
    steps = (progress or Silent()).track(passes, len(passes), "passes")
    for step in steps:
        rewritten = step(current)
        error = 0.0
        if rewritten.count:
            before, outputs = outputs, _outputs(rewritten.graph, inputs)
            error = _largest_error(before, outputs)
            if not error <= TOLERANCE:
                raise VerificationError(
                    f"the pass '{step.name}' moved the network's output by {error:.1e} of its scale "
                    f"({TOLERANCE:.0e} allowed), so nothing was written; please report the network"
                )
        current = rewritten.graph
        records.append(PassRecord(step.name, rewritten.count, error, rewritten.refusals))
    return PassesResult(as_dtype(current, torch.float32), tuple(records))


def _outputs(graph: GraphModule, inputs: Sequence[Tensor]) -> list[list[Tensor]]:
    """The outputs of each input.

    On one thread: float64 depthwise convolutions are thousands of small steps, which threads slow down.
    """
    with torch_threads(1), torch.no_grad():
        results = [graph(example) for example in inputs]
    return [[result] if isinstance(result, Tensor) else list(result) for result in results]


def _largest_error(before: list[list[Tensor]], after: list[list[Tensor]]) -> float:
    """Largest difference of any output over all examples, each output relative to its scale."""
    errors = []
    for expected, actual in zip(zip(*before, strict=True), zip(*after, strict=True), strict=True):
        reference, result = torch.stack(expected), torch.stack(actual)
        scale = float(reference.abs().max())
        difference = float((reference - result).abs().max())
        errors.append(difference / scale if scale > 0.0 else difference)
    return max(errors)
