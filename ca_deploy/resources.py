"""Where the recipes and calibration images that ship are, in a wheel, an editable install or a checkout."""

from __future__ import annotations

from pathlib import Path

from ca_deploy.errors import CaDeployError

_PACKAGE = Path(__file__).resolve().parent


def data_folder(name: str) -> Path:
    """The shipped folder `models` or `calibration`.

    A wheel maps both into the package; a checkout and an editable install keep them beside it.

    Raises:
        CaDeployError: when the installation is incomplete.
    """
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        if (root / name).is_dir():
            return root / name
    raise CaDeployError(f"{_PACKAGE}: the folder '{name}' is missing; install ca-deploy again")
