"""model_int8.onnx, model_fp32.ort and model_int8.ort: ONNX Runtime on phones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ca_deploy.artifact import Artifact
from ca_deploy.stages.work import Formulated, Work, Written

if TYPE_CHECKING:
    from ca_deploy.passes import PassRecord

_TARGET = "onnxruntime"


def write(work: Work) -> Written:
    """Write what the plan's precisions ask for."""
    precisions = work.plan.precisions_in("ort")
    written = Written()
    if "fp32" in precisions:
        written += _float32(work)
    if "int8" in precisions:
        written += _int8(work)
    return written


def _float32(work: Work) -> Written:
    from ca_deploy.exporters.onnx import to_onnx
    from ca_deploy.exporters.ort import to_ort
    from ca_deploy.passes.formulations.onnx_runtime import ONNX_RUNTIME

    path = work.folder / "model_fp32.ort"
    work.progress.step(f"Writing {path.name}")
    formed = work.formed(ONNX_RUNTIME)
    path.write_bytes(to_ort(to_onnx(formed.graph, work.examples[0]), standard_operators=True))
    artifact = Artifact(path, "ort", "fp32", _TARGET, work.pass_names(formed.records))
    return Written((artifact,), (_formulated("fp32", formed.records),))


def _int8(work: Work) -> Written:
    """One QDQ model, as .onnx and as .ort."""
    from ca_deploy.exporters.onnx import to_onnx, value_names
    from ca_deploy.exporters.ort import to_ort
    from ca_deploy.passes.formulations.onnx_runtime import ONNX_RUNTIME
    from ca_deploy.quantization.graph.parameters import Scheme
    from ca_deploy.quantization.graph.quantize import quantize_graph
    from ca_deploy.quantization.qdq import write_qdq

    onnx, ort = (work.folder / f"model_int8{suffix}" for suffix in (".onnx", ".ort"))
    work.progress.step(f"Writing {onnx.name} and {ort.name}")
    formed = work.formed((*work.equalization(), *ONNX_RUNTIME))
    quantized = quantize_graph(
        formed.graph, work.calibration, Scheme("uint8"), work.plan.optimize, work.progress
    )
    names = value_names(quantized.graph)
    params = {name: held for node, held in quantized.params.items() for name in names[node]}
    exact = {
        (value, result)
        for node, reader in quantized.exact
        for value in names[node]
        for result in names[reader]
    }
    model = write_qdq(to_onnx(quantized.graph, work.examples[0]), params, exact)
    onnx.write_bytes(model.SerializeToString())
    ort.write_bytes(to_ort(model))
    passes = work.pass_names(formed.records)
    return Written(
        (Artifact(onnx, "onnx", "int8", _TARGET, passes), Artifact(ort, "ort", "int8", _TARGET, passes)),
        (_formulated("int8", formed.records, quantized.unscaled),),
        tuple(f"{onnx.name}: {warning}" for warning in quantized.warnings),
    )


def _formulated(
    precision: str, records: tuple[PassRecord, ...], unscaled: tuple[str, ...] = ()
) -> Formulated:
    return Formulated(_TARGET, (precision,), records, unscaled)
