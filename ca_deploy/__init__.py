"""From a PyTorch MobileNet with coordinate attention to verified, quantized Android and iOS models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ca_deploy.pipeline import export as export
    from ca_deploy.result import ExportResult as ExportResult

__version__ = "0.1.0"
__all__ = ["ExportResult", "__version__", "export"]

_HOMES = {"export": "ca_deploy.pipeline", "ExportResult": "ca_deploy.result"}


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used, so that `ca-deploy --help` stays quick."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
