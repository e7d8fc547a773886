"""Exact rewrites of an exported PyTorch graph, one per file, each proved on every export."""

from ca_deploy.passes.capture import capture
from ca_deploy.passes.clips import SpellClips
from ca_deploy.passes.drop_expands import DropExpands
from ca_deploy.passes.drop_identities import DropIdentities
from ca_deploy.passes.fold_batch_norm import FoldBatchNorm
from ca_deploy.passes.fold_batch_norm_forward import FoldBatchNormForward
from ca_deploy.passes.fold_constants import FoldConstants
from ca_deploy.passes.global_pools import PoolsToMeans
from ca_deploy.passes.hard_activations import RecogniseHardActivations
from ca_deploy.passes.merge_duplicates import MergeDuplicates
from ca_deploy.passes.protocol import Pass, Refusal, Rewritten
from ca_deploy.passes.reshapes import MovesToReshapes
from ca_deploy.passes.runner import PassesResult, PassRecord, run_passes

CANONICAL: tuple[Pass, ...] = (
    FoldConstants(),
    DropIdentities(),
    MergeDuplicates(),
    SpellClips(),
    RecogniseHardActivations(),
    FoldBatchNorm(),
    FoldBatchNormForward(),
    PoolsToMeans(),
    MovesToReshapes(),
    DropExpands(),
)
"""The passes that every target starts from, in order."""

__all__ = [
    "CANONICAL",
    "Pass",
    "PassRecord",
    "PassesResult",
    "Refusal",
    "Rewritten",
    "capture",
    "run_passes",
]
