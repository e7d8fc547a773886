"""LiteRT.js and ONNX Runtime Web: fetched from npm once, checked, and kept in the user's cache.

`runtimes.json` names each package with its version, integrity, licence and the files that the page needs.
It holds no address: npm asks the registry that the user has set.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from ca_deploy.errors import DeviceError
from ca_deploy.runtimes.cache import cached

_LOCK = Path(__file__).with_name("runtimes.json")
_LONGEST_SECONDS = 600

# LiteRT.js imports its helper by its npm name, which a worker cannot resolve without a bundler.
_ENTRY = "litert/index.js"
_BY_NAME, _BY_PLACE = b'from "@litertjs/wasm-utils"', b'from "./wasm-utils.js"'


def runtime_versions() -> dict[str, str]:
    """Versions of the runtimes that the page runs, by the names that people use."""
    lock = _lock()
    return {
        "LiteRT.js": lock["@litertjs/core"]["version"],
        "ONNX Runtime Web": lock["onnxruntime-web"]["version"],
    }


def runtime_files() -> dict[str, Path]:
    """The runtimes' files, by the names under which the page loads them.

    Raises:
        DeviceError: when npm is missing, cannot fetch a package, or brings another than the pinned one.
    """
    names = [name for package in _lock().values() for name in package["files"].values()]
    version = hashlib.sha256(_LOCK.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:12]
    folder = cached(f"browser-runtimes-{version}", _fetch)
    return {name: folder / name for name in names}


def _lock() -> dict[str, Any]:
    return dict(json.loads(_LOCK.read_text("utf-8")))


def _fetch(folder: Path) -> None:
    npm = shutil.which("npm")
    if not npm:
        raise DeviceError(
            "npm, which fetches LiteRT.js and ONNX Runtime Web, is not installed: run `apt-get install npm`"
        )
    for name, package in _lock().items():
        archive = _pack(npm, f"{name}@{package['version']}", folder)
        check_integrity(archive, package["integrity"])
        unpack(archive, package["files"], folder)
        archive.unlink()
    entry = folder / _ENTRY
    entry.write_bytes(_replace_once(entry.read_bytes(), _BY_NAME, _BY_PLACE))


def _pack(npm: str, package: str, folder: Path) -> Path:
    """Fetch a package's archive into `folder`."""
    command = (npm, "pack", package, "--ignore-scripts", "--silent", "--pack-destination", str(folder))
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_LONGEST_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"fetching {package} took over {_LONGEST_SECONDS} s; is npm online?") from error
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        complaint = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[0]
        raise DeviceError(f"npm cannot fetch {package}: {complaint}")
    return archives[0]


def check_integrity(archive: Path, integrity: str) -> None:
    """Compare an archive with its pinned hash, in npm's form `sha512-BASE64`.

    Raises:
        DeviceError: when they differ.
    """
    kind, _, wanted = integrity.partition("-")
    with archive.open("rb") as file:
        got = base64.b64encode(hashlib.file_digest(file, kind).digest()).decode()
    if got != wanted:
        raise DeviceError(f"{archive.name} is not the package that ca-deploy pins: its {kind} is {got}")


def unpack(archive: Path, files: dict[str, str], folder: Path) -> None:
    """Write the named files of an npm archive, and no others, under their new names.

    Raises:
        DeviceError: when one is missing.
    """
    with tarfile.open(archive) as package:
        for inside, name in files.items():
            member = f"package/{inside}"
            source = package.extractfile(member) if member in package.getnames() else None
            if source is None:
                raise DeviceError(f"{archive.name} holds no file {inside}")
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)


def _replace_once(text: bytes, old: bytes, new: bytes) -> bytes:
    if text.count(old) != 1:
        raise DeviceError(f"LiteRT.js no longer imports its helper as `{old.decode()}`")
    return text.replace(old, new)
