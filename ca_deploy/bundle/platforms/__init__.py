"""Platforms: what an app needs there beside the model. Each is one file and one line in `PLATFORMS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ca_deploy.bundle.package import Model, Package
from ca_deploy.bundle.platforms import android, ios


@dataclass(frozen=True)
class Platform:
    """What a platform's file offers.

    Attributes:
        usable: whether apps there can use an artifact.
        preferred: the usable artifacts that go into a bundle when the user names none; given in the
            manifest's order, at least one.
        files: by name in the bundle, what is written beside the models, labels, license and manifest: a
            README.md, and code that runs the models. Raises UserError when a model does not fit.
    """

    usable: Callable[[Model], bool]
    preferred: Callable[[Sequence[Model]], tuple[Model, ...]]
    files: Callable[[Package], Mapping[str, str]]


PLATFORMS: dict[str, Platform] = {
    "android": Platform(android.usable, android.preferred, android.files),
    "ios": Platform(ios.usable, ios.preferred, ios.files),
}
