"""Artifacts, and the folder that they are published in with one rename."""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import glob
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ca_deploy.errors import UserError
from ca_deploy.formats import Format

MANIFEST = "manifest.json"
REPORT = "report.json"
REJECTED = "rejected"
PRODUCER = "ca-deploy"

Interface = Literal["normalised", "pixels"]


@dataclass(frozen=True)
class Artifact:
    """One file, or folder of a format that is one, that an export leaves.

    Attributes:
        path: where it lies.
        format: what kind of file it is.
        precision: of its weights and activations, such as "fp32" or "int8".
        target: the target that its graph was formed for.
        passes: names of the passes behind it, in order.
        interface: what it takes: images normalised as the recipe says, for which it gives the network's own
            outputs; or pixels from 0 to 255, for which a classifier gives scores.
        simulation_db: how far a simulation that decided something is from the kernels; None without one.
        reconstruction: what was learned for it, and what that gained; None where nothing was to be learned.
        min_runtime: the oldest TFLite that knows its operators; None for other formats.
    """

    path: Path
    format: Format
    precision: str
    target: str
    passes: tuple[str, ...]
    interface: Interface = "normalised"
    simulation_db: float | None = None
    reconstruction: dict[str, Any] | None = None
    min_runtime: str | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def moved_to(self, path: Path) -> Artifact:
        """The same artifact at another place."""
        return replace(self, path=path)


def sha256_file(path: Path) -> str:
    """Lower-case hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_files(path: Path) -> list[Path]:
    """The file, or all files of a folder in the order of their names."""
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def sha256_artifact(path: Path) -> str:
    """A file's SHA-256, or that of a folder's listing: "sha256  name" for each file, by name."""
    if not path.is_dir():
        return sha256_file(path)
    files = content_files(path)
    listing = "".join(f"{sha256_file(one)}  {one.relative_to(path).as_posix()}\n" for one in files)
    return hashlib.sha256(listing.encode()).hexdigest()


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    return sum(one.stat().st_size for one in content_files(path))


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people and machines: indented, keys as given, a line break at the end."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def check_target(out: Path, overwrite: bool) -> None:
    """Make sure that `out` may be written, before any long work.

    Raises:
        UserError: when something lies there that would be lost, or the place cannot be written.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UserError(f"{out}: exists and is not a folder; choose another --out")
    if out.is_dir() and any(out.iterdir()):
        if not _is_ours(out):
            raise UserError(f"{out}: holds files that ca-deploy did not write; choose another --out")
        if not overwrite:
            raise UserError(f"{out}: holds an earlier export; pass --overwrite to replace it")
    parent = _nearest_existing(out.parent)
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise UserError(f"{out}: cannot write in {parent}; choose another --out")


@contextmanager
def staging(out: Path, overwrite: bool) -> Iterator[Path]:
    """Give an empty folder beside `out` which becomes `out` in one step when the block succeeds.

    Whatever ends the block early (an error, Ctrl-C) leaves `out` as it was and removes the staging folder. A
    staging folder that a killed run left behind is removed by the next run.

    Raises:
        UserError: when `out` may not be replaced, or the disk is full or not writable.
    """
    check_target(out, overwrite)
    out = out.absolute()
    try:
        created = _make_parents(out.parent)
        _clean_up_after_kills(out)
        folder = out.parent / f".{out.name}.staging-{os.getpid()}-{secrets.token_hex(4)}"
        folder.mkdir()
    except OSError as error:
        raise _unwritable(out, error) from error
    try:
        yield folder
        _publish(folder, out)
    except OSError as error:
        if not _concerns(error, folder, out):
            raise
        raise _unwritable(out, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for parent in created:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()


def _unwritable(out: Path, error: OSError) -> UserError:
    return UserError(f"{out}: cannot be written ({error.strerror}); free space or choose another --out")


def _concerns(error: OSError, *places: Path) -> bool:
    """Whether an error of the system is about writing at one of these places."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return True
    touched = Path(os.fsdecode(error.filename)) if error.filename else Path()
    return any(place in (touched, *touched.parents) for place in places)


def _is_ours(folder: Path) -> bool:
    """Whether the folder is an earlier export."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("producer") == PRODUCER


def _nearest_existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def _make_parents(path: Path) -> list[Path]:
    """Create missing parents; return those created, deepest first."""
    missing = [parent for parent in (path, *path.parents) if not parent.exists()]
    path.mkdir(parents=True, exist_ok=True)
    return missing


def _clean_up_after_kills(out: Path) -> None:
    """Remove staging folders whose process is gone; put back what such a process had set aside."""
    for folder in sorted(out.parent.glob(f".{glob.escape(out.name)}.staging-*")):
        owner = re.fullmatch(r"(\d+)-[0-9a-f]+(\.old)?", folder.name.partition(".staging-")[2], re.ASCII)
        if owner is None or _is_alive(owner[1]):
            continue
        if owner[2] and not out.exists():
            folder.rename(out)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:  # it runs, under another user
        return True
    return True


def _publish(folder: Path, out: Path) -> None:
    """Put `folder` where `out` is; the old content is gone only once the new is in place."""
    if not out.exists():
        folder.rename(out)
    elif _exchange(folder, out):
        shutil.rmtree(folder)
    else:  # a file system that cannot exchange: the old folder steps aside for an instant
        aside = folder.with_name(folder.name + ".old")
        out.rename(aside)
        folder.rename(out)
        shutil.rmtree(aside)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one system call; False where the system or the file system has none."""
    libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
    at_fdcwd, exchange = -100, 2  # <linux/fcntl.h>, <linux/fs.h> RENAME_EXCHANGE; Darwin's RENAME_SWAP
    try:
        if sys.platform == "darwin":
            return bool(libc.renamex_np(os.fsencode(one), os.fsencode(other), exchange) == 0)
        status = libc.renameat2(at_fdcwd, os.fsencode(one), at_fdcwd, os.fsencode(other), exchange)
        return bool(status == 0)
    except AttributeError:
        return False
