"""model_*.pte: ExecuTorch with XNNPACK, float32 and int8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ca_deploy.artifact import Artifact
from ca_deploy.stages.work import Formulated, Work, Written

if TYPE_CHECKING:
    from torch.fx import GraphModule

    from ca_deploy.passes import PassesResult

_TARGET = "executorch"


def write(work: Work) -> Written:
    """Write what the plan's precisions ask for.

    Raises:
        UserError: executorch is not installed, or cannot lower an operator.
    """
    precisions = work.plan.precisions_in("executorch")
    if not precisions:
        return Written()
    from ca_deploy.passes.formulations.executorch import EXECUTORCH

    written = Written()
    if "fp32" in precisions:
        formed = work.formed(EXECUTORCH["fp32"])
        written += _file(work, "fp32", formed, formed.graph)
    if "int8" in precisions:
        written += _int8(work, work.formed((*work.equalization(), *EXECUTORCH["int8"])))
    return written


def _int8(work: Work, formed: PassesResult) -> Written:
    from ca_deploy.quantization.graph.decomposed import with_integers
    from ca_deploy.quantization.graph.parameters import Scheme
    from ca_deploy.quantization.graph.quantize import quantize_graph

    scheme = Scheme("int8", per_channel_linear=True)
    quantized = quantize_graph(formed.graph, work.calibration, scheme, work.plan.optimize, work.progress)
    written = _file(work, "int8", formed, with_integers(quantized), quantized.unscaled)
    return written + Written(warnings=tuple(f"model_int8.pte: {one}" for one in quantized.warnings))


def _file(
    work: Work, precision: str, formed: PassesResult, graph: GraphModule, unscaled: tuple[str, ...] = ()
) -> Written:
    """Lower a graph; say so when XNNPACK does not take it whole."""
    from ca_deploy.exporters.executorch import to_pte

    path = work.folder / f"model_{precision}.pte"
    work.progress.step(f"Writing {path.name}")
    lowered = to_pte(graph, work.examples[0])
    path.write_bytes(lowered.data)
    artifact = Artifact(path, "executorch", precision, _TARGET, work.pass_names(formed.records))
    outside = ", ".join(sorted(set(lowered.outside)))
    warnings = (f"{path.name}: XNNPACK takes it in {lowered.subgraphs} subgraphs, without {outside}",)
    formulated = Formulated(_TARGET, (precision,), formed.records, unscaled)
    return Written((artifact,), (formulated,), warnings if lowered.outside else ())
