"""The stages of an export: each hands values from one room to the next.

`loading` → `rewriting` → `tuning` (when asked for) → `kinds` (one file per kind of artifact) → `checking` →
`timing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ca_deploy.progress import Progress
from ca_deploy.stages.checking import delegations, open_artifact, reference, set_rejected_aside, verdicts
from ca_deploy.stages.clients import client_checks, fetch_clients
from ca_deploy.stages.kinds import artifacts
from ca_deploy.stages.loading import LoadedNetwork, calibration, image_warnings, images, network
from ca_deploy.stages.rewriting import canonical_graph, examples_of
from ca_deploy.stages.sensitivity import sensitivity
from ca_deploy.stages.timing import latency
from ca_deploy.stages.tuning import check_device, tuned
from ca_deploy.stages.work import Formulated, Work, Written

if TYPE_CHECKING:
    from ca_deploy.exporters.tflite import Converter

__all__ = [
    "Formulated",
    "LoadedNetwork",
    "Work",
    "Written",
    "artifacts",
    "calibration",
    "canonical_graph",
    "check_device",
    "client_checks",
    "converter",
    "delegations",
    "examples_of",
    "fetch_clients",
    "image_warnings",
    "images",
    "latency",
    "network",
    "open_artifact",
    "reference",
    "sensitivity",
    "set_rejected_aside",
    "tuned",
    "verdicts",
]


@contextmanager
def converter(progress: Progress) -> Iterator[Converter]:
    """TensorFlow's converter in its own process, which starts while this one goes on."""
    progress.step("Starting")
    from ca_deploy.exporters.tflite import Converter

    with Converter() as running:
        yield running
