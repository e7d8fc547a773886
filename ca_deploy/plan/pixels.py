"""Core ML models take pixels: images that were none cannot show that one is right."""

from __future__ import annotations

from pathlib import Path

from ca_deploy.errors import UserError
from ca_deploy.plan.plan import Plan


def check_archive(plan: Plan) -> None:
    """Look at the first image of an archive, before any work.

    Raises:
        UserError: when the archive cannot be read, or a format of the plan wants pixels and it holds others.
    """
    if not isinstance(plan.images, Path) or not plan.images.is_file() or not plan.precisions_in("coreml"):
        return
    from ca_deploy.images import ImageArchive

    check_pixels(plan, ImageArchive(plan.images, plan.recipe.input).begins_with_pixels())


def check_pixels(plan: Plan, are_pixels: bool) -> None:
    """Make sure that images are what Core ML models take.

    Raises:
        UserError: when they are not.
    """
    if are_pixels:
        return
    raise UserError(
        f"{plan.images}: its images were no whole pixels from 0 to 255 before normalisation, which Core ML "
        "models take; give photographs, or name formats without coreml (--formats onnx,tflite)"
    )
