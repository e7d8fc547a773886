"""manifest.json (what the artifacts are) and report.json (what was found on the way)."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from ca_deploy import __version__
from ca_deploy.artifact import PRODUCER, sha256_artifact, size_of
from ca_deploy.formats import FORMATS
from ca_deploy.metrics import Parity
from ca_deploy.plan import SHIPPED_IMAGES, Plan
from ca_deploy.report.finite import finite
from ca_deploy.result import Exported, ExportResult

SCHEMA_VERSION = 1
_LIBRARIES = (
    "torch",
    "onnx",
    "onnxscript",
    "onnxsim",
    "onnxruntime",
    "tensorflow",
    "ai-edge-litert",
    "numpy",
    "pillow",
)


def manifest(result: ExportResult) -> dict[str, Any]:
    """What lies in the folder and how it came to be, so that it can be checked and rebuilt."""
    plan = result.plan
    return {
        "producer": PRODUCER,
        "schema_version": SCHEMA_VERSION,
        "versions": versions(plan.formats),
        "recipe": {
            **plan.recipe.model_dump(mode="json"),
            "labels": plan.recipe.label_names(),
            "sha256": plan.recipe.sha256(),
        },
        "network": result.origin,
        "targets": list(plan.targets),
        "formats": list(plan.formats),
        "optimize": plan.optimize,
        "optimize_minutes": plan.optimize_minutes,
        "adaround": plan.adaround,
        "ranges": plan.ranges,
        "float_gates": plan.float_gates,
        "keep_float": list(plan.keep_float),
        "tuned_on": None if result.tuning is None else result.tuning.device,
        "batch": plan.batch,
        "seed": plan.seed,
        "threads": plan.threads,
        "min_runtime": plan.min_runtime,
        "made_from": None if plan.made_from is None else plan.made_from.document(),
        "calibration": {"images": _source(plan), **_images(result.images.calibration)},
        "parity_images": _images(result.images.parity),
        "artifacts": [_artifact(one, result) for one in result.exported],
    }


def report(result: ExportResult) -> dict[str, Any]:
    """What happened on the way: passes, refusals, parity, latency, delegation, warnings."""
    return {
        "schema_version": SCHEMA_VERSION,
        "passed": result.passed,
        "recipe": result.plan.recipe.name,
        "passes": [finite(asdict(record)) for record in result.passes],
        "formulations": [
            {
                "target": one.target,
                "precisions": list(one.precisions),
                "passes": [finite(asdict(record)) for record in one.passes],
                "unscaled": list(one.unscaled),
            }
            for one in result.formulated
        ],
        "tuning": None if result.tuning is None else result.tuning.document(),
        "artifacts": [
            {
                **_measured(one, result),
                "delegation": None if one.delegation is None else asdict(one.delegation),
                "clients": [asdict(check) for check in one.clients],
            }
            for one in result.exported
        ],
        "skipped_images": [asdict(one) for one in result.images.skipped],
        "warnings": list(result.warnings),
    }


def versions(formats: Sequence[str]) -> dict[str, str]:
    """Versions of everything that shapes an artifact, the packages of optional formats among it."""
    packages = [package for name in formats if (package := FORMATS[name].package)]
    return {
        "ca-deploy": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in (*_LIBRARIES, *packages)},
    }


def _artifact(one: Exported, result: ExportResult) -> dict[str, Any]:
    return {
        **_measured(one, result),
        "sha256": sha256_artifact(one.artifact.path),
        "passes": list(one.artifact.passes),
    }


def _measured(one: Exported, result: ExportResult) -> dict[str, Any]:
    """Identity, size, parity and latency of one artifact."""
    artifact = one.artifact
    return {
        "file": artifact.path.relative_to(result.folder).as_posix(),
        "format": artifact.format,
        "precision": artifact.precision,
        "target": artifact.target,
        "interface": artifact.interface,
        **finite({"simulation_db": artifact.simulation_db}),
        "reconstruction": None if artifact.reconstruction is None else finite(artifact.reconstruction),
        "min_runtime": artifact.min_runtime,
        "bytes": size_of(artifact.path),
        "status": "passed" if one.verdict.passed else "failed",
        "failures": list(one.verdict.failures),
        "verified_with": one.verdict.runtime,
        "parity": parity_document(one.verdict.parity),
        "latency": [measurement.document() for measurement in one.latency],
    }


def parity_document(parity: Parity) -> dict[str, Any]:
    """Parity as JSON, which knows no infinity: the SQNR of equal outputs is null."""
    return finite(asdict(parity))


def _source(plan: Plan) -> str:
    """Where the images came from, whatever the folder that the command was started in."""
    stated = plan.recipe.calibration.images
    return stated if stated == SHIPPED_IMAGES or plan.images == "noise" else str(plan.images.resolve())


def _images(image_set: Any) -> dict[str, Any]:
    return {"count": len(image_set), "sha256": sorted(image_set.identities)}
