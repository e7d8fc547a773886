"""export(): the walk from a recipe to verified artifacts; quantize() takes it up again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from ca_deploy import stages
from ca_deploy.artifact import MANIFEST, REPORT, staging, write_json
from ca_deploy.plan import Choices, Options, Plan, rebuild, resolve
from ca_deploy.plan.values import one_of
from ca_deploy.progress import Progress, Silent
from ca_deploy.published import read_published
from ca_deploy.recipe import TARGETS
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
    input_size: str | None = None,
    out: str | Path | None = None,
    threads: int | None = None,
    overwrite: bool = False,
    tune: str | None = None,
    tune_minutes: float | None = None,
    tune_save: str | Path | None = None,
    progress: Progress | None = None,
    **chosen: Unpack[Choices],
) -> ExportResult:
    """Export a network to verified artifacts.

    Args:
        recipe: name of a recipe that ships, or path of a TOML file.
        weights: checkpoint; overrides the recipe's.
        model: `package.module:factory` of your own network.
        input_size: pixels as "224" or "160x320" (height x width).
        out: folder to publish; default: build/<recipe>.
        threads: of the runtimes while calibrating and verifying; default: all cores.
        overwrite: replace an earlier export at `out`.
        tune: device to choose each attention block's formulation on, such as "local" or
            "emulated:cortex-a76".
        tune_minutes: how long that may take; default: 15.
        tune_save: recipe file to write the choice into; the recipe itself, or a new one.
        progress: what to report to; silent by default.
        **chosen: which artifacts are written, from which images, and how: see `Choices`.

    Raises:
        UserError: when an input cannot be used; nothing is left behind.
        VerificationError: when a pass changed the mathematics. Artifacts below their tolerance do not raise:
            they lie under `rejected/`, and `ExportResult.passed` is False.
    """
    options = Options(
        recipe=recipe,
        weights=None if weights is None else Path(weights),
        model=model,
        input_size=input_size,
        out=None if out is None else Path(out),
        threads=threads,
        overwrite=overwrite,
        tune=tune,
        tune_minutes=tune_minutes,
        tune_save=None if tune_save is None else Path(tune_save),
        **chosen,
    )
    return run(resolve(options), progress or Silent())


def quantize(
    folder: str | Path,
    *,
    out: str | Path | None = None,
    threads: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **chosen: Unpack[Choices],
) -> ExportResult:
    """Quantize the network of an earlier export anew: the same walk as `export`, with other options.

    Args:
        folder: what an export left; its manifest names recipe, weights and images.
        out: folder to publish; default: beside `folder`, with "-quantized" behind its name.
        threads: of the runtimes; default: all cores.
        overwrite: replace an earlier export at `out`.
        progress: what to report to; silent by default.
        **chosen: see `Choices`; None takes what `folder` was exported with, but for the precision: int8.

    Raises:
        UserError: when `folder` is no export, its weights are gone or have changed, or an option cannot be
            used; nothing is left behind.
        VerificationError: see `export`.
    """
    folder = Path(folder).absolute()
    options = Options(
        out=folder.with_name(f"{folder.name}-quantized") if out is None else Path(out),
        threads=threads,
        overwrite=overwrite,
        **chosen,
    )
    if options.precision is None:
        options = replace(options, precision=("int8",))
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
        images=images,
        precision=("int8",),
        targets=None if target is None else (one_of("--target", target, TARGETS),),
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
