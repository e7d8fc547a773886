"""The stages of an export: each hands values from one room to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ca_deploy.artifact import REJECTED, Artifact, sha256_file
from ca_deploy.errors import UserError
from ca_deploy.plan import Plan
from ca_deploy.progress import Progress
from ca_deploy.recipe import Tolerance

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.fx import GraphModule

    from ca_deploy.bench.devices import Measurement
    from ca_deploy.exporters.tflite import Converter
    from ca_deploy.passes import Pass, PassRecord
    from ca_deploy.quantization.calibration_set import ImageSet, ImageSplit
    from ca_deploy.verify.delegates import Delegation
    from ca_deploy.verify.ladder import FloatArray, Verdict

BATCH = 32
_EQUALIZED_ON = 64  # images: enough for the range of every channel


@dataclass(frozen=True)
class LoadedNetwork:
    """The network of a plan and where its weights came from.

    Attributes:
        module: in evaluation mode.
        origin: path, sha256, layout and architecture for the manifest.
    """

    module: nn.Module
    origin: dict[str, Any]


@dataclass(frozen=True)
class Form:
    """A graph that some artifacts of a target share, and what the passes behind the canonical ones did."""

    target: str
    precisions: tuple[str, ...]
    passes: tuple[PassRecord, ...]


@dataclass(frozen=True)
class Written:
    """The artifacts of an export, the graphs that they were lowered from, and what the user should know."""

    artifacts: list[Artifact]
    forms: tuple[Form, ...]
    warnings: tuple[str, ...]


@contextmanager
def converter(progress: Progress) -> Iterator[Converter]:
    """TensorFlow's converter in its own process, which starts while this one goes on."""
    progress.step("Starting")
    from ca_deploy.exporters.tflite import Converter

    with Converter() as running:
        yield running


def network(plan: Plan, progress: Progress) -> LoadedNetwork:
    """Build the plan's network and load its weights.

    Raises:
        UserError: when the checkpoint or the factory cannot be used, or contradicts the recipe.
    """
    progress.step("Loading the network")
    from ca_deploy import networks

    if plan.factory is not None:
        module = networks.load_factory(plan.factory)
        origin: dict[str, Any] = {"factory": plan.factory}
        if plan.weights is not None:
            networks.load_user_weights(module, plan.weights)
            origin |= {"path": str(plan.weights.resolve()), "sha256": sha256_file(plan.weights)}
        return LoadedNetwork(module.eval(), origin)
    assert plan.weights is not None
    checkpoint = networks.read_checkpoint(plan.weights)
    spec = plan.recipe.network
    source = f"recipe {plan.recipe.name}"
    stated = networks.StatedArchitecture(source, spec.attention, spec.width, spec.classes)
    module = networks.build_network(checkpoint, stated)
    origin = {
        "path": str(plan.weights.resolve()),
        "sha256": checkpoint.sha256,
        "layout": checkpoint.layout,
        "attention": checkpoint.architecture.attention,
        "width": checkpoint.architecture.width,
        "classes": checkpoint.architecture.classes,
    }
    return LoadedNetwork(module, origin)


def images(plan: Plan, progress: Progress) -> ImageSplit:
    """Split the images into those that calibrate and those that parity is measured on."""
    progress.step("Reading images")
    from ca_deploy.quantization.calibration_set import split_images

    spec = plan.recipe.calibration
    return split_images(plan.images, plan.recipe.input, plan.seed, spec.count, spec.parity, progress=progress)


def image_warnings(split: ImageSplit) -> list[str]:
    """What the user must know about the images."""
    found = [] if split.warning is None else [split.warning]
    if split.skipped:
        first = split.skipped[0]
        found.append(f"{len(split.skipped)} broken images were skipped, such as {first}")
    return found


def reference(plan: Plan, loaded: LoadedNetwork, parity: ImageSet, progress: Progress) -> FloatArray:
    """Outputs of the network as loaded, before any pass: the root that everything is compared with."""
    progress.step("Running the PyTorch network")
    from ca_deploy.runtimes.pytorch import PyTorch
    from ca_deploy.verify.ladder import outputs_of

    # One thread: on the small maps of a mobile network PyTorch's threads mostly wait for one another.
    runtime = PyTorch(loaded.module, (None, 3, *plan.recipe.input.size), threads=1)
    outputs = outputs_of(runtime, parity.batches(BATCH), len(parity), progress)
    labels = plan.recipe.label_names()
    if labels is not None and len(labels) != outputs.shape[1]:
        raise UserError(
            f"recipe {plan.recipe.name} has {len(labels)} labels, but the network has {outputs.shape[1]} "
            "classes; correct the recipe's `labels`"
        )
    return outputs


def canonical_graph(
    plan: Plan, loaded: LoadedNetwork, parity: ImageSet, progress: Progress
) -> tuple[GraphModule, tuple[PassRecord, ...]]:
    """The one graph that every target starts from, and what each canonical pass did."""
    progress.step("Rewriting the graph")
    from ca_deploy.passes import CANONICAL, capture, run_passes

    examples = _examples(plan, parity)
    with _one_torch_thread():
        result = run_passes(capture(loaded.module, examples[0]), CANONICAL, examples, progress)
    return result.graph, result.records


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Rewriting runs many tiny operators, where waiting for other threads costs more than they bring."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _examples(plan: Plan, parity: ImageSet) -> list[Tensor]:
    """One random and one real input, for proving passes."""
    import torch

    generator = torch.Generator().manual_seed(plan.seed)
    random = torch.randn((1, 3, *plan.recipe.input.size), generator=generator)
    return [random, torch.from_numpy(parity.first(1))]


def artifacts(
    plan: Plan,
    folder: Path,
    canonical: GraphModule,
    records: Sequence[PassRecord],
    split: ImageSplit,
    running: Converter,
    progress: Progress,
) -> Written:
    """Write the plan's artifacts into `folder`."""
    from ca_deploy.exporters.onnx import to_onnx
    from ca_deploy.passes import run_passes
    from ca_deploy.passes.formulations import FORMULATIONS
    from ca_deploy.quantization.write import at_precision

    examples = _examples(plan, split.parity)
    equalization = _equalization(plan, split.calibration) if "int8" in plan.precisions else ()
    canonical_names = names_of(records)
    written: list[Artifact] = []
    forms: list[Form] = []
    warnings: list[str] = []
    if "fp32" in plan.precisions:
        progress.step("Writing model.onnx")
        path = folder / "model.onnx"
        path.write_bytes(to_onnx(canonical, examples[0]).SerializeToString())
        written.append(Artifact(path, "onnx", "fp32", "any", canonical_names))
    for target in plan.targets:
        suffix = "" if target == plan.targets[0] else f".{target}"
        formulations = dict(FORMULATIONS[target])
        formulations["int8"] = (*equalization, *formulations["int8"])
        for passes, precisions in _forms(formulations, plan.precisions):
            progress.step(f"Lowering the graph for {target} ({', '.join(precisions)})")
            with _one_torch_thread():
                formed = run_passes(canonical, passes, examples)
            float32 = running.convert(to_onnx(formed.graph, examples[0]).SerializeToString()).data
            for precision in precisions:
                path = folder / f"model_{precision}{suffix}.tflite"
                progress.step(f"Writing {path.name}")
                quantized = at_precision(
                    precision, float32, split.calibration, plan.optimize, plan.threads, progress
                )
                path.write_bytes(quantized.data)
                warnings += [f"{path.name}: {warning}" for warning in quantized.warnings]
                names = (*canonical_names, *names_of(formed.records))
                written.append(Artifact(path, "tflite", precision, target, names))
            forms.append(Form(target, tuple(precisions), formed.records))
    return Written(written, tuple(forms), tuple(warnings))


def _equalization(plan: Plan, calibration: ImageSet) -> tuple[Pass, ...]:
    """What prepares a graph for int8, whatever its form."""
    import torch

    from ca_deploy.passes.equalization import EqualizeStreams

    if plan.optimize == "fast":
        return ()
    images = torch.from_numpy(calibration.first(_EQUALIZED_ON))
    return (EqualizeStreams([image[None] for image in images]),)


def names_of(records: Sequence[PassRecord]) -> tuple[str, ...]:
    """Names of the passes that changed something."""
    return tuple(record.name for record in records if record.count)


def _forms(
    formulations: Mapping[str, tuple[Pass, ...]], precisions: Sequence[str]
) -> list[tuple[tuple[Pass, ...], list[str]]]:
    """Formulations that a target needs, each with the precisions that share its graph."""
    forms: list[tuple[tuple[Pass, ...], list[str]]] = []
    for precision in precisions:
        passes = formulations[precision]
        for known, sharing in forms:
            if known == passes:
                sharing.append(precision)
                break
        else:
            forms.append((passes, [precision]))
    return forms


def tolerance(plan: Plan, artifact: Artifact) -> Tolerance:
    """The bounds that an artifact must hold."""
    kind = "onnx" if artifact.format == "onnx" else artifact.precision
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
    from ca_deploy.runtimes import open_runtime
    from ca_deploy.verify.ladder import judge, outputs_of

    found = []
    for artifact in written:
        progress.step(f"Verifying {artifact.name}")
        runtime = open_runtime(artifact.path, plan.threads)
        outputs = outputs_of(
            runtime, parity.batches(BATCH), len(parity), progress, channels_last=artifact.format == "tflite"
        )
        found.append(judge(expected, outputs, tolerance(plan, artifact)))
    return found


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


def latency(plan: Plan, written: Sequence[Artifact], progress: Progress) -> list[tuple[Measurement, ...]]:
    """Latency of every artifact on this machine, interleaved: on one thread and on the plan's."""
    from ca_deploy.bench.devices import open_device
    from ca_deploy.bench.interleave import Effort

    effort = Effort(rounds=5, runs=20, seconds=0.25, warm_up_seconds=0.5, cold_start=False)
    threads = sorted({1, plan.threads})
    files = [one.path for one in written]
    measured = open_device("local").measure(files, threads, effort, progress)
    return [tuple(measured[place :: len(files)]) for place in range(len(files))]


def delegations(written: Sequence[Artifact]) -> list[Delegation | None]:
    """What LiteRT's XNNPACK takes of every .tflite; None for other formats."""
    from ca_deploy.verify.delegates import check_delegation

    return [check_delegation(one.path) if one.format == "tflite" else None for one in written]
