"""Tuning: every kind of attention block, cut out of the graph, in every formulation, on a device."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ca_deploy.errors import UserError
from ca_deploy.plan import Plan
from ca_deploy.precisions import PRECISIONS, FormulatedPrecision
from ca_deploy.stages.work import Work
from ca_deploy.stages.workbench import Kind, Workbench

if TYPE_CHECKING:
    from torch import Tensor

    from ca_deploy.passes.blocks import Block
    from ca_deploy.quantization.calibration_set import ImageSet
    from ca_deploy.tuning import Tuning

_IMAGES = 4  # that a block's ranges are taken from, and as many others that it is compared on


def check_device(plan: Plan) -> None:
    """Find out before any work whether what --tune names is a device; nothing is connected yet.

    Raises:
        UserError: when there is no such device.
    """
    from ca_deploy.bench.devices import open_device

    if plan.tuning is None:
        return
    try:
        open_device(plan.tuning.device)
    except UserError as error:
        raise UserError(str(error).replace("--device", "--tune", 1)) from error


def tuned(work: Work) -> Tuning:
    """The fastest formulation of each attention block, for every target and precision of the plan.

    Blocks of the same operators and shapes are measured once. Once the time is up, what is left stays as
    the target has it.

    Args:
        work: the canonical graph and what goes with it; its plan says where and for how long to measure.

    Raises:
        UserError: when there is no such device.
        DeviceError: when it fails.
    """
    from ca_deploy.bench.devices import open_device
    from ca_deploy.passes.formulations import default_formulation
    from ca_deploy.tuning import AXES, FLOAT_AXES, TunedBlocks, Tuning, search

    plan, progress = work.plan, work.progress
    assert plan.tuning is not None
    device = open_device(plan.tuning.device)
    end = time.monotonic() + 60 * plan.tuning.minutes
    kinds = _kinds(work)
    tuned_blocks: list[TunedBlocks] = []
    for target in plan.targets:
        for precision, written in _precisions(plan).items():
            progress.step(f"Tuning {precision} for {target} on {device.name}")
            axes = FLOAT_AXES if plan.float_gates and precision == "int8" else AXES
            start = default_formulation(target, precision)
            tolerance = getattr(plan.recipe.tolerances, written)
            for kind in progress.track(kinds, len(kinds), "kinds of blocks"):
                bench = Workbench(kind, written, plan.optimize, tolerance, device, work.converter)
                found = search(start, axes, bench.measure, lambda: time.monotonic() >= end)
                tuned_blocks.append(
                    TunedBlocks(target, precision, written, kind.paths, kind.shape, start, found)
                )
    return Tuning(device.name, tuple(tuned_blocks))


def _precisions(plan: Plan) -> dict[FormulatedPrecision, str]:
    """What graphs are formulated as, and of each the first .tflite that is written, which is measured."""
    measured: dict[FormulatedPrecision, str] = {}
    for name in plan.precisions_in("tflite"):
        measured.setdefault(PRECISIONS[name].formulated_as, name)
    return measured


def _kinds(work: Work) -> list[Kind]:
    """The graph's attention blocks, those of the same cost together, with what the first of them sees."""
    import torch

    from ca_deploy.passes.blocks import attention_blocks, cut_out, values_of
    from ca_deploy.quantization.calibration import Calibration
    from ca_deploy.runtimes.torch_threads import torch_threads

    groups: dict[object, list[Block]] = {}
    for block in attention_blocks(work.canonical.graph):
        groups.setdefault(block.signature, []).append(block)
    sources = [blocks[0].source for blocks in groups.values()]
    images = np.concatenate([work.calibration.images.first(_IMAGES), work.images.parity.first(_IMAGES)])
    with torch_threads(1):
        seen = [values_of(work.canonical.graph, sources, image[None]) for image in torch.from_numpy(images)]
    return [
        Kind(
            tuple(block.path for block in blocks),
            cut_out(blocks[0]),
            Calibration(_as_images([one[blocks[0].source] for one in seen[:_IMAGES]], work)),
            [one[blocks[0].source] for one in seen[_IMAGES:]],
        )
        for blocks in groups.values()
    ]


def _as_images(maps: Sequence[Tensor], work: Work) -> ImageSet:
    """Maps, each (1, C, H, W) float32, as a calibration set of arrays that are normalised already."""
    from ca_deploy.quantization.calibration_set import ImageSet

    names = tuple(map(str, range(len(maps))))
    return ImageSet(names, tuple(one[0].numpy() for one in maps), work.plan.recipe.input)
