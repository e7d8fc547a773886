"""model.onnx: the canonical graph in float32, for ONNX Runtime."""

from __future__ import annotations

from ca_deploy.artifact import Artifact
from ca_deploy.stages.work import Work, Written


def write(work: Work) -> Written:
    """Write the canonical graph as it is."""
    if not work.plan.precisions_in("onnx"):
        return Written()
    from ca_deploy.exporters.onnx import to_onnx

    path = work.folder / "model.onnx"
    work.progress.step(f"Writing {path.name}")
    path.write_bytes(to_onnx(work.canonical.graph, work.examples[0]).SerializeToString())
    return Written((Artifact(path, "onnx", "fp32", "any", work.pass_names()),))
