"""Which files a run measures, and what it calls them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ca_deploy.errors import UserError
from ca_deploy.runtimes import open_runtime
from ca_deploy.runtimes.sources import only_input

SUFFIXES = (".tflite", ".onnx", ".ort")


def collect(places: Sequence[Path]) -> list[Path]:
    """The artifacts of files and folders, in the order given, each once; those of a folder by name.

    Folders inside folders, `rejected/` among them, are left out.

    Raises:
        UserError: when a place does not exist, or a folder holds no artifact.
    """
    if not places:
        raise UserError("nothing to measure: name a .tflite or .onnx file, or a folder of them")
    return list({path.resolve(): path for place in places for path in _artifacts(place)}.values())


def check_loadable(files: Iterable[Path]) -> None:
    """Load artifacts in this process.

    Raises:
        UserError: when one cannot be loaded, or takes something else than one image.
    """
    for path in files:
        only_input(open_runtime(path).inputs, path)


def labels(paths: Sequence[Path]) -> dict[Path, str]:
    """A different short name for each path: its last part, or as many more as tell them all apart."""
    whole = [path.resolve().parts[1:] for path in paths]
    for length in range(1, max(map(len, whole), default=0) + 1):
        names = ["/".join(parts[-length:]) for parts in whole]
        if len(set(names)) == len(set(whole)):
            return dict(zip(paths, names, strict=True))
    return {}


def _artifacts(place: Path) -> list[Path]:
    if not place.exists():
        raise UserError(f"{place}: there is no such file or folder")
    if place.is_file():
        return [place]
    inside = sorted(path for path in place.iterdir() if path.suffix in SUFFIXES and path.is_file())
    if not inside:
        raise UserError(f"{place}: holds no .tflite, .onnx or .ort file; run `ca-deploy export` first")
    return inside
