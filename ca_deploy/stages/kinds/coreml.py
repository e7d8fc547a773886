"""model_*.mlpackage: what an iOS app hands pixels to and reads a label and scores from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ca_deploy.artifact import Artifact
from ca_deploy.stages.description import model_version
from ca_deploy.stages.work import Formulated, Work, Written

if TYPE_CHECKING:
    from ca_deploy.passes import PassesResult
    from ca_deploy.quantization.graph.quantize import QuantizedGraph

_TARGET = "ios"
_FEW = 512
"""Weights of a layer that stay float16 where only the size counts; integers multiply integers only."""
_INT8_WEIGHTS_ABOVE = {"fp16": None, "int8_weights": _FEW, "int8": 0}


def write(work: Work) -> Written:
    """Write float16, int8 weights, and int8 weights and activations, as the plan's precisions ask for.

    Raises:
        UserError: coremltools is not installed, or an operator is not written for Core ML.
    """
    precisions = work.plan.precisions_in("coreml")
    if not precisions:
        return Written()
    written = Written()
    exact = work.formed(_apart())
    if "fp16" in precisions:
        written += _float16(work, exact)
    if "int8" in precisions:
        written += _int8_weights(work, exact)
        written += _int8(work)
    return written


def _apart() -> tuple[Any, ...]:
    """No concatenation, no split, no transpose in coordinate attention."""
    from ca_deploy.passes.formulations.move_reshapes import MoveReshapes
    from ca_deploy.passes.formulations.split_concatenations import SplitConcatenations

    return SplitConcatenations(), MoveReshapes()


def _float16(work: Work, formed: PassesResult) -> Written:
    from ca_deploy.quantization.graph.quantize import QuantizedGraph

    return _package(work, "fp16", formed, QuantizedGraph(formed.graph, {}))


def _int8_weights(work: Work, formed: PassesResult) -> Written:
    from ca_deploy.quantization.graph.quantize import quantize_weights

    quantized = quantize_weights(formed.graph, work.calibration, work.plan.optimize, _FEW)
    return _package(work, "int8_weights", formed, quantized)


def _int8(work: Work) -> Written:
    """Activations in int8, too: symmetric, as the Neural Engine multiplies them (A17 Pro and later)."""
    from ca_deploy.quantization.graph.parameters import Scheme
    from ca_deploy.quantization.graph.quantize import quantize_graph

    formed = work.formed((*work.equalization(), *_apart()))
    scheme = Scheme("int8", symmetric=True, per_channel_linear=True)
    quantized = quantize_graph(formed.graph, work.calibration, scheme, work.plan.optimize, work.progress)
    return _package(work, "int8", formed, quantized)


def _package(work: Work, precision: str, formed: PassesResult, quantized: QuantizedGraph) -> Written:
    """Write one package."""
    from ca_deploy.exporters.coreml.package import write_package
    from ca_deploy.exporters.coreml.program import mil_program

    path = work.folder / f"model_{precision}.mlpackage"
    work.progress.step(f"Writing {path.name}")
    spec = work.plan.recipe.input
    program = mil_program(quantized.graph, spec.mean, spec.std, quantized.params, quantized.exact)
    write_package(path, program, _description(work), _INT8_WEIGHTS_ABOVE[precision])
    artifact = Artifact(
        path, "coreml", precision, _TARGET, work.pass_names(formed.records), interface="pixels"
    )
    formulated = Formulated(_TARGET, (precision,), formed.records, quantized.unscaled)
    return Written((artifact,), (formulated,), tuple(f"{path.name}: {one}" for one in quantized.warnings))


def _description(work: Work) -> Any:
    from ca_deploy.exporters.coreml.package import Description

    recipe = work.plan.recipe
    return Description(
        text=recipe.description or recipe.name,
        version=model_version(work.plan),
        author=recipe.author or "",
        license=recipe.license or "",
        labels=recipe.label_names(),
        facts={"ca_deploy.input": recipe.input.model_dump_json()},
    )
