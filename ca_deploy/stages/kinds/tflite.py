"""model_*.tflite: each target's own formulation, at every precision that was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from ca_deploy.artifact import Artifact
from ca_deploy.plan import Plan
from ca_deploy.precisions import INT8_ACTIVATIONS, PRECISIONS, needs_calibration
from ca_deploy.stages.description import written_with_metadata
from ca_deploy.stages.formulating import float_blocks, formulated
from ca_deploy.stages.kinds.pixels import write_pixel_variant
from ca_deploy.stages.work import Formulated, Work, Written

if TYPE_CHECKING:
    from torch.fx import GraphModule

    from ca_deploy.passes import Pass, PassesResult
    from ca_deploy.quantization.older_operators import ForRuntime
    from ca_deploy.quantization.quantized import Quantized
    from ca_deploy.quantization.reconstruction import Learning


def write(work: Work) -> Written:
    """Write every target's formulations; the first target names its files without a suffix.

    Raises:
        UserError: the recipe states a formulation of a block that the network does not have.
    """
    precisions = work.plan.precisions_in("tflite")
    if not precisions:
        return Written()
    equalization = work.equalization() if needs_calibration(precisions) else ()
    written = Written()
    for target in work.plan.targets:
        passes: dict[str, tuple[Pass, ...]] = {}
        for precision in precisions:
            passes[precision] = formulated(work, target, PRECISIONS[precision].formulated_as)
            if PRECISIONS[precision].calibrated:
                passes[precision] = (*equalization, *passes[precision])
        for shared, sharing in _shared(passes):
            written += _write_formulated(work, target, shared, sharing)
    return written


def lowered(work: Work, passes: Sequence[Pass]) -> tuple[PassesResult, ForRuntime]:
    """The canonical graph after these passes, and its float32 .tflite for the oldest runtime of the plan."""
    from ca_deploy.exporters.onnx import to_onnx
    from ca_deploy.quantization.older_operators import for_runtime
    from ca_deploy.quantization.runtime_versions import parsed

    formed, oldest = work.formed(passes), work.plan.min_runtime
    data = work.converter.convert(to_onnx(formed.graph, work.examples[0]).SerializeToString()).data
    return formed, for_runtime(data, None if oldest is None else parsed(oldest))


def _write_formulated(work: Work, target: str, passes: Sequence[Pass], precisions: Sequence[str]) -> Written:
    """Lower one formulation of the graph and write it at each of its precisions."""
    plan, progress = work.plan, work.progress
    progress.step(f"Lowering the graph for {target} ({', '.join(precisions)})")
    formed, float32 = lowered(work, passes)
    suffix = "" if target == plan.targets[0] else f".{target}"
    unscaled = _unscaled(float32.data, plan.optimize, precisions)
    written = Written(
        formulated=(Formulated(target, tuple(precisions), formed.records, unscaled),),
        warnings=_rewritten(target, precisions, float32),
    )
    for precision in precisions:
        path = work.folder / f"model_{precision}{suffix}.tflite"
        progress.step(f"Writing {path.name}")
        artifact = Artifact(path, "tflite", precision, target, work.pass_names(formed.records))
        written += _files(work, artifact, _quantized(work, artifact, formed.graph, float32))
    return written


def _quantized(work: Work, artifact: Artifact, graph: GraphModule, float32: ForRuntime) -> Quantized:
    """The float32 .tflite of a graph at an artifact's precision, as the plan says."""
    from ca_deploy.exporters.onnx import value_name
    from ca_deploy.passes.blocks import gate_products
    from ca_deploy.passes.channel_means import channel_means
    from ca_deploy.quantization.float_gates import with_float_products
    from ca_deploy.quantization.write import at_precision

    plan = work.plan
    quantized = at_precision(
        artifact.precision,
        float32.data,
        work.calibration,
        plan.optimize,
        plan.threads,
        work.progress,
        keep_float=(*plan.keep_float, *float32.kept_float(artifact.precision)),
        method=plan.ranges,
        stated_means={value_name(graph, node): mean.numpy() for node, mean in channel_means(graph).items()},
        learning=_learning(plan),
    )
    if artifact.precision not in INT8_ACTIVATIONS:
        return quantized
    products = gate_products(graph, float_blocks(work, artifact.target))
    names = [value_name(graph, node) for node in products]
    return replace(quantized, data=with_float_products(quantized.data, names))


def _files(work: Work, artifact: Artifact, quantized: Quantized) -> Written:
    """Write an artifact, and what apps want of it beside it."""
    learned = quantized.reconstruction
    artifact = replace(
        artifact,
        simulation_db=quantized.simulation_db,
        reconstruction=None if learned is None else asdict(learned),
    )
    written = Written(
        (written_with_metadata(work.plan, artifact, quantized.data),),
        warnings=tuple(f"{artifact.name}: {warning}" for warning in quantized.warnings),
    )
    return written + write_pixel_variant(work, artifact, quantized.data)


def _learning(plan: Plan) -> Learning | None:
    """How long int8 may be learned, and where finished blocks are kept; None where it may not."""
    from ca_deploy.quantization.reconstruction import Learning
    from ca_deploy.runtimes.cache import cache_folder

    if plan.optimize != "best" or not plan.optimize_minutes:
        return None
    folder = cache_folder() / "reconstruction"
    return Learning(plan.optimize_minutes, plan.seed, plan.adaround, folder)


def _rewritten(target: str, precisions: Sequence[str], float32: ForRuntime) -> tuple[str, ...]:
    """What was written in another way than the fastest, for the sake of an old runtime."""
    if not float32.rewritten:
        return ()
    kinds = ", ".join(float32.rewritten)
    return (f"{target}, {', '.join(precisions)}: {kinds} written with older operators, for --min-runtime",)


def _unscaled(float32: bytes, optimize: str, precisions: Sequence[str]) -> tuple[str, ...]:
    """What int8 could not prepare of a graph, and why."""
    from ca_deploy.quantization.tflite_clips import unscaled_clips

    prepared = optimize != "fast" and any(name in INT8_ACTIVATIONS for name in precisions)
    return unscaled_clips(float32) if prepared else ()


def _shared(formulations: Mapping[str, tuple[Pass, ...]]) -> list[tuple[tuple[Pass, ...], list[str]]]:
    """Formulations of a target by precision, each with the precisions that share its graph."""
    graphs: list[tuple[tuple[Pass, ...], list[str]]] = []
    for precision, passes in formulations.items():
        for known, sharing in graphs:
            if known == passes:
                sharing.append(precision)
                break
        else:
            graphs.append((passes, [precision]))
    return graphs
