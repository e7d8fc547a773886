"""Every .tflite in the clients that apps use, when the plan asks for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ca_deploy.artifact import Artifact
from ca_deploy.errors import VerificationError
from ca_deploy.plan import Plan
from ca_deploy.progress import Progress

if TYPE_CHECKING:
    from ca_deploy.quantization.calibration_set import ImageSet
    from ca_deploy.verify.clients import ClientCheck
    from ca_deploy.verify.ladder import Verdict

_IMAGES = 50


def fetch_clients(plan: Plan, progress: Progress) -> None:
    """Make the clients' environments before any long work.

    Raises:
        UserError: when one of them cannot be made.
    """
    if not plan.check_clients:
        return
    from ca_deploy.verify.clients import fetch_clients

    progress.step("Fetching clients")
    fetch_clients()


def client_checks(
    plan: Plan,
    written: Sequence[Artifact],
    found: Sequence[Verdict],
    parity: ImageSet,
    progress: Progress,
) -> tuple[list[Verdict], list[tuple[ClientCheck, ...]]]:
    """What the clients make of each artifact, and the verdicts with what that adds to them."""
    verdicts: list[Verdict] = []
    checks: list[tuple[ClientCheck, ...]] = []
    for artifact, verdict in zip(written, found, strict=True):
        made: tuple[ClientCheck, ...] = ()
        faults: tuple[str, ...] = ()
        if plan.check_clients and artifact.format == "tflite":
            progress.step(f"Running {artifact.name} in other clients")
            made, faults = _checked(artifact, parity)
        checks.append(made)
        verdicts.append(replace(verdict, failures=(*verdict.failures, *faults)))
    return verdicts, checks


def _checked(artifact: Artifact, parity: ImageSet) -> tuple[tuple[ClientCheck, ...], tuple[str, ...]]:
    """What the clients make of a .tflite, and a line for each that fails."""
    from ca_deploy.verify.clients import check_clients

    takes_pixels = artifact.interface == "pixels"
    images = next(parity.pixel_batches(_IMAGES) if takes_pixels else parity.batches(_IMAGES))
    try:
        checks = tuple(check_clients(artifact.path, artifact.precision, takes_pixels, images))
    except VerificationError as error:  # a client does not load it
        return (), (str(error).replace(str(artifact.path), artifact.name),)
    return checks, tuple(one.fault for one in checks if one.fault)
