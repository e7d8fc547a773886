"""Every artifact on its runtime, held to the network as it was loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ca_deploy.artifact import REJECTED, Artifact, Interface
from ca_deploy.plan import Plan
from ca_deploy.progress import Progress
from ca_deploy.recipe import Tolerance
from ca_deploy.stages.loading import LoadedNetwork, check_labels

if TYPE_CHECKING:
    from ca_deploy.quantization.calibration_set import ImageSet
    from ca_deploy.runtimes import Runtime
    from ca_deploy.verify.delegates import Delegation
    from ca_deploy.verify.ladder import FloatArray, Verdict

BATCH = 32


def reference(plan: Plan, loaded: LoadedNetwork, parity: ImageSet, progress: Progress) -> FloatArray:
    """Outputs of the network as loaded, before any pass: the root that everything is compared with."""
    progress.step("Running the PyTorch network")
    from ca_deploy.runtimes.pytorch import PyTorch
    from ca_deploy.verify.ladder import outputs_of

    # One thread: on the small maps of a mobile network PyTorch's threads mostly wait for one another.
    runtime = PyTorch(loaded.module, (None, 3, *plan.recipe.input.size), threads=1)
    outputs = outputs_of(runtime, parity.batches(BATCH), len(parity), progress)
    check_labels(plan.recipe, outputs.shape[1])
    return outputs


def tolerance(plan: Plan, artifact: Artifact) -> Tolerance:
    """The bounds that an artifact must hold."""
    named = {
        ("onnx", "fp32"): "onnx",
        ("coreml", "int8"): "coreml_int8",
    }
    kind = named.get((artifact.format, artifact.precision), artifact.precision)
    bounds: Tolerance = getattr(plan.recipe.tolerances, kind)
    return bounds


def verdicts(
    plan: Plan,
    written: Sequence[Artifact],
    parity: ImageSet,
    expected: FloatArray,
    progress: Progress,
) -> list[Verdict]:
    """Run every artifact on its runtime and hold it to its tolerance."""
    from ca_deploy.verify.ladder import judge, outputs_of

    found = []
    for artifact in written:
        progress.step(f"Verifying {artifact.name}")
        runtime = open_artifact(artifact.path, artifact.interface, plan.threads)
        pixels = artifact.interface == "pixels"
        batches = parity.pixel_batches(BATCH) if pixels else parity.batches(BATCH)
        outputs = outputs_of(
            runtime, batches, len(parity), progress, channels_last=artifact.format == "tflite"
        )
        verdict = judge(expected, outputs, tolerance(plan, artifact))
        failures = (*verdict.failures, *_too_new(plan, artifact))
        found.append(replace(verdict, failures=failures, runtime=f"{runtime.name} {runtime.version}"))
    return found


def open_artifact(path: Path, interface: Interface, threads: int) -> Runtime:
    """An artifact on its runtime, for its logits: one that ends in scores stops before them."""
    from ca_deploy.runtimes import open_runtime

    if interface != "pixels" or path.suffix != ".tflite":
        return open_runtime(path, threads)
    from ca_deploy.quantization.app_interface import without_scores
    from ca_deploy.runtimes.litert import LiteRT

    return LiteRT(without_scores(path.read_bytes()), threads)


def _too_new(plan: Plan, artifact: Artifact) -> list[str]:
    """What the oldest runtime that the user asked for does not know of a .tflite."""
    if plan.min_runtime is None or artifact.format != "tflite":
        return []
    from ca_deploy.quantization.runtime_versions import parsed, too_new

    wanted = parsed(plan.min_runtime)
    return [f"--min-runtime {plan.min_runtime}: {one}" for one in too_new(artifact.path.read_bytes(), wanted)]


def set_rejected_aside(folder: Path, written: Sequence[Artifact], found: Sequence[Verdict]) -> list[Artifact]:
    """Move artifacts below their tolerance to `rejected/`."""
    kept = []
    for artifact, verdict in zip(written, found, strict=True):
        if not verdict.passed:
            (folder / REJECTED).mkdir(exist_ok=True)
            moved = folder / REJECTED / artifact.name
            artifact.path.rename(moved)
            artifact = artifact.moved_to(moved)
        kept.append(artifact)
    return kept


def delegations(written: Sequence[Artifact]) -> list[Delegation | None]:
    """What LiteRT's XNNPACK takes of every .tflite; None for other formats."""
    from ca_deploy.verify.delegates import check_delegation

    return [check_delegation(one.path) if one.format == "tflite" else None for one in written]
