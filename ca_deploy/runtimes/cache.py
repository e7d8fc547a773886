"""What is fetched or built on demand, kept in the user's cache folder and never beside the artifacts."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    """`ca-deploy` in $XDG_CACHE_HOME, or in `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ca-deploy"


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """A folder of the cache, made once.

    It is made under another name and renamed when it is whole, so that neither a kill nor a second process
    leaves half of it.

    Args:
        name: its name, which must change with whatever `make` depends on.
        make: fills the empty folder that it is given.
    """
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        make(unfinished)
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another process was faster, and its folder serves
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder
