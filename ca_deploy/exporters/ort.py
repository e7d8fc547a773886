"""ONNX Runtime's own format (.ort), which its mobile packages load without the ONNX parser."""

from __future__ import annotations

import tempfile
from pathlib import Path

from onnx import ModelProto

_ERRORS_ONLY = 3


def to_ort(model: ModelProto, standard_operators: bool = False) -> bytes:
    """Optimize a model as ONNX Runtime does when it loads it, and write the result as .ort.

    Like `onnxruntime.tools.convert_onnx_models_to_ort` in its style "Fixed": the optimizations are in the
    file, because those that style "Runtime" saves are replayed only where an app asks for it (int8 took 4
    times as long without, measured). NCHWc layouts, which only x86 processors run, are left out.

    Args:
        model: the model.
        standard_operators: leave ONNX's own operators, which NNAPI and Core ML take, as they are.
    """
    import onnxruntime

    from ca_deploy.exporters.ort_types import with_ordered_types

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = (
        levels.ORT_ENABLE_BASIC if standard_operators else levels.ORT_ENABLE_ALL
    )
    options.add_session_config_entry("session.save_model_format", "ORT")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.ort"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["NchwcTransformer"],
        )
        return with_ordered_types(path.read_bytes())
