"""bundle(): from an exported folder to what an app needs, in one folder or zip archive."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ca_deploy import __version__
from ca_deploy.artifact import MANIFEST, PRODUCER, sha256_artifact, sha256_file, staging, write_json
from ca_deploy.errors import UserError, VerificationError
from ca_deploy.plan.values import one_of
from ca_deploy.progress import Progress, Silent
from ca_deploy.published import Published, read_published

if TYPE_CHECKING:
    from ca_deploy.bundle.package import Model, Package
    from ca_deploy.verify.clients import ClientCheck

SCHEMA_VERSION = 1
_KIND = "bundle"
_CHECKED_ON = 50  # photographs
_NOT_OF_THE_MODEL = ("latency", "reconstruction", "status", "failures")
"""Facts of an artifact that stay with the export: times, by which equal exports differ, and verdicts."""


def bundle(
    folder: str | Path,
    platform: str,
    *,
    models: Sequence[str] | None = None,
    out: str | Path | None = None,
    zip_archive: bool = False,
    check: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Put what an app needs into one folder or archive; equal exports give equal bytes.

    Args:
        folder: what an export left.
        platform: "android" or "ios".
        models: names of artifacts; default: the one that suits the platform best.
        out: default: the folder's name with the platform's appended, and .zip for an archive.
        zip_archive: write one file instead of a folder.
        check: run the model in the platform's clients on photographs that ship, and put what was found into
            the manifest; fetches each client into the cache first.
        overwrite: replace an earlier bundle at `out`.
        progress: what to report to; silent by default.

    Returns:
        The bundle's manifest, with "path" in front.

    Raises:
        UserError: when an input cannot be used; nothing is written.
        VerificationError: when a client does not run the model as LiteRT does here.
    """
    progress = progress or Silent()
    published = read_published(Path(folder))
    package = _package(published, platform, models)
    if check and platform not in _CHECKS:
        raise UserError(f"--check: no client of {platform} runs on this machine")
    target = Path(out) if out else _default_target(published.folder, platform, zip_archive)
    _check_target(target, zip_archive, overwrite)
    if not zip_archive:
        with staging(target, overwrite) as staged:
            manifest = _write(staged, published, package, platform, check, progress)
        return {"path": str(target), **manifest}
    from ca_deploy.bundle.archive import zipped

    scratch = target.with_name(f".{target.name}.unpacked")  # always the same: what a kill leaves is replaced
    try:
        with staging(scratch, overwrite=True) as staged:
            manifest = _write(staged, published, package, platform, check, progress)
        archive = scratch / "archive"
        archive.write_bytes(zipped(scratch))
        archive.replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return {"path": str(target), **manifest}


def _default_target(folder: Path, platform: str, zip_archive: bool) -> Path:
    name = f"{folder.resolve().name}-{platform}"
    return folder.resolve().parent / (f"{name}.zip" if zip_archive else name)


def _check_target(target: Path, zip_archive: bool, overwrite: bool) -> None:
    """Make sure that nothing but an earlier bundle is replaced.

    Raises:
        UserError: when something else lies there, or a bundle and `overwrite` was not asked for.
    """
    if not target.exists() or (target.is_dir() and not zip_archive and not any(target.iterdir())):
        return
    if target.is_dir() == zip_archive or not _is_bundle(target):
        raise UserError(f"{target}: is no bundle of that kind and is not replaced; choose another --out")
    if not overwrite:
        raise UserError(f"{target}: holds an earlier bundle; pass --overwrite to replace it")


def _is_bundle(target: Path) -> bool:
    """Whether a folder or an archive is an earlier bundle."""
    try:
        if target.is_dir():
            content = (target / MANIFEST).read_bytes()
        else:
            with zipfile.ZipFile(target) as archive:
                content = archive.read(MANIFEST)
        manifest = json.loads(content)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return False
    return isinstance(manifest, dict) and (manifest.get("producer"), manifest.get("kind")) == (
        PRODUCER,
        _KIND,
    )


def _package(published: Published, platform: str, names: Sequence[str] | None) -> Package:
    """The models that go in, and what is known of them."""
    from ca_deploy.bundle.package import Package
    from ca_deploy.bundle.platforms import PLATFORMS

    one_of("--platform", platform, tuple(PLATFORMS))
    usable = [model for model in _models(published) if PLATFORMS[platform].usable(model)]
    if not usable:
        raise UserError(f"{published.folder}: holds nothing for {platform}; export with --targets {platform}")
    if names is None:
        chosen = PLATFORMS[platform].preferred(usable)
    else:
        known = {model.name: model for model in usable}
        for name in names:
            if name not in known:
                raise UserError(
                    f"--model {name}: not for {platform}, or rejected; choose from {', '.join(known)}"
                )
        chosen = tuple(known[name] for name in dict.fromkeys(names))
    for model in chosen:
        if sha256_artifact(model.path) != model.facts["sha256"]:
            raise UserError(f"{model.path}: has changed since it was exported; export again")
    return Package(published.recipe, published.recipe.label_names(), chosen)


def _models(published: Published) -> list[Model]:
    """The artifacts that held their tolerance."""
    from ca_deploy.bundle.package import Model

    entries = {published.folder / one["file"]: one for one in published.manifest["artifacts"]}
    for path in published.files:
        if not path.exists():
            raise UserError(f"{path}: is in the manifest and not in the folder; export again")
    return [Model(path, published.interface(path), entries[path]) for path in published.files]


def _write(
    folder: Path, published: Published, package: Package, platform: str, check: bool, progress: Progress
) -> dict[str, Any]:
    """Fill the folder; return its manifest."""
    from ca_deploy.bundle.license import license_text
    from ca_deploy.bundle.platforms import PLATFORMS
    from ca_deploy.bundle.tflite_metadata import LABELS, label_file

    progress.step(f"Bundling for {platform}")
    texts = {**PLATFORMS[platform].files(package), "LICENSE.txt": license_text(package.recipe)}
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    if package.labels is not None:
        (folder / LABELS).write_bytes(label_file(package.labels))
    for model in package.models:
        copy = shutil.copytree if model.path.is_dir() else shutil.copyfile
        copy(model.path, folder / model.name)
    checks = _CHECKS[platform](package, progress) if check else []
    manifest = {
        "producer": PRODUCER,
        "schema_version": SCHEMA_VERSION,
        "kind": _KIND,
        "platform": platform,
        "versions": {"ca-deploy": __version__, "exported by": published.manifest["versions"]["ca-deploy"]},
        "recipe": package.recipe.name,
        "author": package.recipe.author,
        "license": package.recipe.license,
        "input": package.recipe.input.model_dump(mode="json"),
        "models": [
            {key: value for key, value in model.facts.items() if key not in _NOT_OF_THE_MODEL}
            for model in package.models
        ],
        "checks": [asdict(one) for one in checks],
        "files": {
            path.relative_to(folder).as_posix(): {"sha256": sha256_file(path), "bytes": path.stat().st_size}
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
    }
    write_json(folder / MANIFEST, manifest)
    return manifest


def _check_android(package: Package, progress: Progress) -> list[ClientCheck]:
    """What MediaPipe Tasks and an old TFLite make of the models.

    Raises:
        VerificationError: when one of them gives other best classes than LiteRT here.
    """
    import numpy as np

    from ca_deploy.images import decode, find_images, normalise, resize_and_crop
    from ca_deploy.resources import data_folder
    from ca_deploy.verify.clients import check_clients

    spec = package.recipe.input
    progress.step("Reading photographs")
    photographs = [decode(path) for path in find_images(data_folder("calibration") / "photos")[:_CHECKED_ON]]
    pixels = np.stack([resize_and_crop(image, spec) for image in photographs])
    found: list[ClientCheck] = []
    for model in package.models:
        progress.step(f"Running {model.name} in other clients")
        takes_pixels = model.interface == "pixels"
        images = pixels.transpose(0, 3, 1, 2).astype(np.float32) if takes_pixels else normalise(pixels, spec)
        whole = [np.asarray(image) for image in photographs]
        found += check_clients(model.path, model.facts["precision"], takes_pixels, images, whole)
    if faults := [one.fault for one in found if one.fault]:
        raise VerificationError("; ".join(faults))
    return found


_CHECKS: dict[str, Callable[[Package, Progress], list[ClientCheck]]] = {"android": _check_android}
"""By platform; those without an entry have no client that runs here."""
