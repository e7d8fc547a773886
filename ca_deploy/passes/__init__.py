"""Exact rewrites of an exported PyTorch graph, one per file, each proved on every export."""

from ca_deploy.passes.capture import capture
from ca_deploy.passes.fold_batch_norm import FoldBatchNorm
from ca_deploy.passes.protocol import Pass, Refusal, Rewritten
from ca_deploy.passes.runner import PassesResult, PassRecord, run_passes

CANONICAL: tuple[Pass, ...] = (FoldBatchNorm(),)
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
