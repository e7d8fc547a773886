"""export(): the walk from a recipe to verified artifacts; quantize() takes it up again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ca_deploy import stages
from ca_deploy.artifact import MANIFEST, REPORT, staging, write_json
from ca_deploy.plan import Options, Plan, rebuild, resolve
from ca_deploy.progress import Progress, Silent
from ca_deploy.published import read_published
from ca_deploy.recipe_file import save_formulations
from ca_deploy.report.documents import manifest, report
from ca_deploy.result import Exported, ExportResult

if TYPE_CHECKING:
    from ca_deploy.quantization.sensitivity import Sensitivity


def export(
    recipe: str | None = None,
    *,
    weights: str | Path | None = None,
    model: str | None = None,
    images: str | Path | None = None,
    out: str | Path | None = None,
    input_size: str | None = None,
    batch: int = 1,
    precision: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    formats: Sequence[str] | None = None,
    optimize: str = "balanced",
    ranges: str = "minmax",
    seed: int = 0,
    threads: int | None = None,
    overwrite: bool = False,
    min_runtime: str | None = None,
    check_clients: bool = False,
    float_gates: bool = False,
    keep_float: Sequence[str] | None = None,
    tune: str | None = None,
    tune_minutes: float = 15.0,
    tune_save: str | Path | None = None,
    progress: Progress | None = None,
) -> ExportResult:
    """Export a network to verified artifacts.

    Args:
        recipe: name of a recipe that ships, or path of a TOML file.
        weights: checkpoint; overrides the recipe's.
        model: `package.module:factory` of your own network.
        images: folder or .npz of images for calibration and parity, or "noise"; default: the recipe's.
        out: folder to publish; default: build/<recipe>.
        input_size: pixels as "224" or "160x320" (height x width).
        batch: images that every .tflite takes at once.
        precision: which of `ca_deploy.precisions.PRECISIONS`; default: fp32, fp16 and int8.
        targets: which of android, x86, web and ios; default: the recipe's.
        formats: which of `ca_deploy.formats.FORMATS`; default: the recipe's, or onnx and tflite, and coreml
            for the target ios where coremltools is installed.
        optimize: how int8 is made: "fast" with measured ranges only, "balanced" with equalized residual
            streams and corrected biases too, "best" with sums and products in float as well.
        ranges: how ranges of int8 activations in .tflite files are chosen: "minmax", "moving_average",
            "percentile", "mse" or "entropy".
        seed: of the split into calibration and parity images.
        threads: of the runtimes while calibrating and verifying; default: all cores.
        overwrite: replace an earlier export at `out`.
        min_runtime: the oldest TFLite that every .tflite must run on, such as "2.14"; one that needs a newer
            one fails its verification.
        check_clients: run every .tflite in tflite-runtime 2.14.0, and those for apps in MediaPipe Tasks too;
            both are fetched into the cache first.
        keep_float: operators of int8 .tflite files that stay float32: names of the tensors that they write,
            or "auto:N" for the N whose rounding costs most.
        float_gates: let int8 files multiply by gates in float; with `tune`, only where that is faster.
        tune: device to choose each attention block's formulation on, such as "local" or
            "emulated:cortex-a76".
        tune_minutes: how long that may take.
        tune_save: recipe file to write the choice into; the recipe itself, or a new one.
        progress: what to report to; silent by default.

    Raises:
        UserError: when an input cannot be used; nothing is left behind.
        VerificationError: when a pass changed the mathematics. Artifacts below their tolerance do not raise:
            they lie under `rejected/`, and `ExportResult.passed` is False.
    """
    options = Options(
        recipe=recipe,
        weights=None if weights is None else Path(weights),
        model=model,
        images=None if images is None else str(images),
        out=None if out is None else Path(out),
        input_size=input_size,
        batch=batch,
        precision=precision,
        targets=targets,
        formats=formats,
        optimize=optimize,
        ranges=ranges,
        seed=seed,
        threads=threads,
        overwrite=overwrite,
        min_runtime=min_runtime,
        check_clients=check_clients,
        float_gates=float_gates,
        keep_float=keep_float,
        tune=tune,
        tune_minutes=tune_minutes,
        tune_save=None if tune_save is None else Path(tune_save),
    )
    return run(resolve(options), progress or Silent())


def quantize(
    folder: str | Path,
    *,
    precision: Sequence[str] = ("int8",),
    optimize: str | None = None,
    ranges: str | None = None,
    images: str | Path | None = None,
    targets: Sequence[str] | None = None,
    seed: int | None = None,
    keep_float: Sequence[str] | None = None,
    threads: int | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ExportResult:
    """Quantize the network of an earlier export anew: the same walk as `export`, with other options.

    Args:
        folder: what an export left; its manifest names recipe, weights and images.
        precision: what to write.
        optimize: how int8 is made; default: as before.
        ranges: how ranges are chosen, see `export`; default: as before.
        images: for calibration and parity; default: the same.
        targets: what graphs are formulated for; default: the same.
        seed: of the split of the images; default: the same.
        keep_float: operators that stay float32, see `export`; ("none",) for none; default: the same.
        threads: of the runtimes; default: all cores.
        out: folder to publish; default: beside `folder`, with "-quantized" behind its name.
        overwrite: replace an earlier export at `out`.
        progress: what to report to; silent by default.

    Raises:
        UserError: when `folder` is no export, its weights are gone or have changed, or an option cannot be
            used; nothing is left behind.
        VerificationError: see `export`.
    """
    folder = Path(folder).absolute()
    options = Options(
        images=None if images is None else str(images),
        out=folder.with_name(f"{folder.name}-quantized") if out is None else Path(out),
        precision=precision,
        targets=targets,
        optimize=optimize,
        ranges=ranges,
        seed=seed,
        keep_float=keep_float,
        threads=threads,
        overwrite=overwrite,
    )
    return run(rebuild(read_published(folder), options), progress or Silent())


def sensitivity(
    folder: str | Path,
    *,
    optimize: str | None = None,
    images: str | Path | None = None,
    target: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Sensitivity]:
    """Find what each operator's int8 costs the network of an earlier export, in a simulation.

    Args:
        folder: what an export left; nothing in it changes.
        optimize: how int8 is made; default: as before.
        images: for calibration; default: the same.
        target: whose graph; default: the export's first.
        threads: of the runtimes; default: all cores.
        progress: what to report to; silent by default.

    Raises:
        UserError: see `quantize`; or when the network cannot be simulated.
    """
    options = Options(
        images=None if images is None else str(images),
        precision=("int8",),
        targets=None if target is None else (target,),
        formats=("tflite",),  # what is simulated, whatever else was exported
        optimize=optimize,
        threads=threads,
    )
    plan, progress = rebuild(read_published(Path(folder).absolute()), options), progress or Silent()
    with stages.converter(progress) as converter:
        network = stages.network(plan, progress)
        split = stages.images(plan, progress)
        examples = stages.examples_of(plan, split.parity)
        canonical = stages.canonical_graph(network, examples, progress)
        calibration = stages.calibration(plan, network, split.calibration, progress)
        work = stages.Work(plan, plan.out, canonical, examples, split, calibration, converter, progress)
        return stages.sensitivity(work)


def run(plan: Plan, progress: Progress) -> ExportResult:
    """Carry out a plan; see `export`."""
    stages.check_device(plan)
    with staging(plan.out, plan.overwrite) as folder:
        stages.fetch_clients(plan, progress)
        with stages.converter(progress) as converter:
            network = stages.network(plan, progress)
            images = stages.images(plan, progress)
            examples = stages.examples_of(plan, images.parity)
            canonical = stages.canonical_graph(network, examples, progress)
            reference = stages.reference(plan, network, images.parity, progress)
            calibration = stages.calibration(plan, network, images.calibration, progress)
            work = stages.Work(plan, folder, canonical, examples, images, calibration, converter, progress)
            tuning = stages.tuned(work) if plan.tuning else None
            if tuning is not None:
                plan = plan.tuned(tuning.formulations())
            written = stages.artifacts(replace(work, plan=plan))
        verdicts = stages.verdicts(plan, written.artifacts, images.parity, reference, progress)
        verdicts, clients = stages.client_checks(plan, written.artifacts, verdicts, images.parity, progress)
        artifacts = stages.set_rejected_aside(folder, written.artifacts, verdicts)
        timings = stages.latency(plan, artifacts, progress)
        delegations = stages.delegations(artifacts)
        exported = tuple(map(Exported, artifacts, verdicts, timings, delegations, clients))
        warnings = (
            *plan.warnings,
            *stages.image_warnings(plan, images),
            *calibration.warnings,
            *written.warnings,
        )
        if tuning is not None:
            warnings += tuning.warnings()
        result = ExportResult(
            folder,
            plan,
            network.origin,
            images,
            canonical.records,
            written.formulated,
            exported,
            warnings,
            tuning,
        )
        write_json(folder / MANIFEST, manifest(result))
        write_json(folder / REPORT, report(result))
    if tuning and plan.tuning and plan.tuning.save and result.passed:
        save_formulations(*plan.tuning.save, tuning.formulations())
    return result.moved_to(plan.out)
