"""From a PyTorch MobileNet with coordinate attention to verified, quantized Android and iOS models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ca_deploy.accuracy import evaluate as evaluate
    from ca_deploy.evaluation import EvaluationResult as EvaluationResult
    from ca_deploy.pipeline import export as export
    from ca_deploy.pipeline import quantize as quantize
    from ca_deploy.result import ExportResult as ExportResult

__version__ = "0.1.0"
__all__ = ["EvaluationResult", "ExportResult", "__version__", "evaluate", "export", "quantize"]

_HOMES = {
    "EvaluationResult": "ca_deploy.evaluation",
    "ExportResult": "ca_deploy.result",
    "evaluate": "ca_deploy.accuracy",
    "export": "ca_deploy.pipeline",
    "quantize": "ca_deploy.pipeline",
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used, so that `ca-deploy --help` stays quick."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
