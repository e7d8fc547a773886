"""From the network to the one graph that every artifact starts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ca_deploy.plan import Plan
from ca_deploy.progress import Progress
from ca_deploy.stages.loading import LoadedNetwork

if TYPE_CHECKING:
    from torch import Tensor

    from ca_deploy.passes import PassesResult, PassRecord
    from ca_deploy.quantization.calibration_set import ImageSet


def canonical_graph(loaded: LoadedNetwork, examples: Sequence[Tensor], progress: Progress) -> PassesResult:
    """The one graph that every target starts from, and what each canonical pass did."""
    progress.step("Rewriting the graph")
    from ca_deploy.passes import CANONICAL, capture, run_passes
    from ca_deploy.runtimes.torch_threads import torch_threads

    with torch_threads(1):
        return run_passes(capture(loaded.module, examples[0]), CANONICAL, examples, progress)


def examples_of(plan: Plan, parity: ImageSet) -> list[Tensor]:
    """One random and one real input, for proving passes."""
    import torch

    generator = torch.Generator().manual_seed(plan.seed)
    random = torch.randn((1, 3, *plan.recipe.input.size), generator=generator)
    return [random, torch.from_numpy(parity.first(1))]


def names_of(records: Sequence[PassRecord]) -> tuple[str, ...]:
    """Names of the passes that changed something."""
    return tuple(record.name for record in records if record.count)
