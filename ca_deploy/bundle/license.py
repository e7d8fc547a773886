"""The license that goes with the weights."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from ca_deploy.recipe import Recipe

_OURS = "Apache-2.0"


def license_text(recipe: Recipe) -> str:
    """What a bundle says of the license of its weights; its whole text where that is ca-deploy's own too."""
    if not recipe.license:
        return (
            f"The recipe {recipe.name} states no license for its weights. Add `license` and `author` to it "
            "before you give them to others.\n"
        )
    author = f" by {recipe.author}" if recipe.author else ""
    head = f"The weights of {recipe.name}{author} are under {recipe.license} (an SPDX identifier).\n"
    text = _our_text() if recipe.license == _OURS else None
    return head if text is None else f"{head}\n{text}"


def _our_text() -> str | None:
    """The license as it was installed; None in a checkout that is not installed."""
    try:
        return distribution("ca-deploy").read_text("licenses/LICENSE")
    except PackageNotFoundError:
        return None
