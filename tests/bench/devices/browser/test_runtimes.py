"""What comes from npm is what was pinned, or nothing comes."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

import pytest

from ca_deploy.bench.devices.browser import runtimes
from ca_deploy.errors import DeviceError

LOCK = json.loads(runtimes._LOCK.read_text())


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ca-deploy"


def packed(path: Path, files: dict[str, bytes]) -> Path:
    """An npm archive."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def put_npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """An npm that is the whole PATH."""
    (folder / "bin").mkdir()
    (folder / "bin" / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bin" / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder / "bin"))


def test_every_package_is_pinned_with_a_hash_and_a_licence_and_without_an_address() -> None:
    for package in LOCK.values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])
        assert package["licence"] in ("Apache-2.0", "MIT")
    assert "://" not in runtimes._LOCK.read_text()


def test_no_two_packages_write_the_same_file_and_none_writes_elsewhere() -> None:
    names = [name for package in LOCK.values() for name in package["files"].values()]

    assert len(set(names)) == len(names)
    assert not [name for name in names if name.startswith("/") or ".." in Path(name).parts]


def test_an_archive_is_held_to_its_hash(tmp_path: Path) -> None:
    archive = packed(tmp_path / "one.tgz", {"index.js": b"0"})
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()

    runtimes.check_integrity(archive, f"sha512-{digest}")
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(DeviceError, match=r"one\.tgz is not the package that ca-deploy pins"):
        runtimes.check_integrity(archive, f"sha512-{digest}")


def test_only_the_named_files_are_taken(tmp_path: Path) -> None:
    archive = packed(tmp_path / "one.tgz", {"dist/a.js": b"a", "../../evil.js": b"no", "dist/b.js": b"b"})

    runtimes.unpack(archive, {"dist/a.js": "here/a.js"}, tmp_path / "out")

    assert [p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*.js")] == [Path("here/a.js")]
    with pytest.raises(DeviceError, match=r"one\.tgz holds no file dist/c\.js"):
        runtimes.unpack(archive, {"dist/c.js": "c.js"}, tmp_path / "out")


def test_a_missing_npm_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(DeviceError, match="is not installed: run `apt-get install npm`"):
        runtimes.runtime_files()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'npm error network is unreachable' >&2; exit 1", "cannot fetch @litertjs/core@.*unreachable"),
        ('while [ "$1" != --pack-destination ]; do shift; done; : > "$2/x.tgz"', "is not the package"),
    ],
)
def test_what_cannot_be_fetched_leaves_nothing_in_the_cache(
    script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    put_npm(tmp_path, monkeypatch, script)

    with pytest.raises(DeviceError, match=message):
        runtimes.runtime_files()
    assert list(empty_cache.iterdir()) == []
