"""Looking at this machine without importing what it has."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from ca_deploy.doctor.abilities import ABILITIES, Ability

_PATIENCE = 3.0  # seconds for a program to say its version
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_ASKED_OTHERWISE = {"ssh": "-V"}
_LIBRARIES = ("libc.so.6", "libstdc++.so.6")  # the compiler comes without the second


@dataclass(frozen=True)
class Finding:
    """What this machine has of an ability.

    Attributes:
        ability: what was looked for.
        versions: of what is there, by name; None for a program that does not say its version.
        missing: one line for each thing that is not there, or is too old.
    """

    ability: Ability
    versions: dict[str, str | None]
    missing: tuple[str, ...]

    @property
    def works(self) -> bool:
        """Whether everything is there."""
        return not self.missing


def inspect() -> list[Finding]:
    """Look for what every ability needs."""
    programs = {program for ability in ABILITIES for program in ability.programs}
    versions = _versions_of(programs)
    return [_finding(ability, versions) for ability in ABILITIES]


def _finding(ability: Ability, programs: dict[str, str | None]) -> Finding:
    found: dict[str, str | None] = {}
    missing: list[str] = []
    for package in ability.packages:
        version = _installed(package)
        if version is None:
            missing.append(package)
            continue
        found[package] = version
        if bounds := _unmet(package, version):
            missing.append(f"{package} {bounds} (here is {version})")
    for program in ability.programs:
        if program not in programs:
            missing.append(program)
            continue
        version, bounds = programs[program], ability.bounds.get(program, "")
        found[program] = version
        if version is not None and not SpecifierSet(bounds).contains(version):
            missing.append(f"{program} {bounds} (here is {version})")
    for compiler in ability.compilers:
        missing += [f"{name} of {compiler}" for name in _missing_libraries(compiler)]
    missing += [module for module in ability.modules if find_spec(module) is None]
    return Finding(ability, found, tuple(missing))


def _installed(package: str) -> str | None:
    """The version of an installed package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _unmet(package: str, version: str) -> str:
    """The bounds that ca-deploy sets for a package, where a version does not meet them."""
    bounds = _bounds().get(package)
    return (
        ""
        if bounds is None or bounds.specifier.contains(version, prereleases=True)
        else str(bounds.specifier)
    )


@cache
def _bounds() -> dict[str, Requirement]:
    """What ca-deploy's own metadata ask of each package, extras too; nothing where it is not installed."""
    try:
        stated = metadata.requires("ca-deploy") or []
    except metadata.PackageNotFoundError:
        return {}
    return {requirement.name: requirement for requirement in map(Requirement, stated)}


def _versions_of(programs: Iterable[str]) -> dict[str, str | None]:
    """The versions of the programs that are on the PATH, all asked at the same time."""
    there = sorted(program for program in programs if shutil.which(program))
    with ThreadPoolExecutor(max(1, len(there))) as pool:
        versions = dict(zip(there, pool.map(_version_of, there), strict=True))
    ours = platform.python_version()
    return versions | {f"python{ours.rpartition('.')[0]}": ours}


def _missing_libraries(compiler: str) -> list[str]:
    """Those libraries that programs of a compiler need, and that it does not find; none without compiler."""
    if not shutil.which(compiler):
        return []
    return [
        name for name in _LIBRARIES if not Path(_said_by(compiler, f"-print-file-name={name}")).is_absolute()
    ]


def _version_of(program: str) -> str | None:
    found = _VERSION.search(_said_by(program, _ASKED_OTHERWISE.get(program, "--version")))
    return found[0] if found else None


def _said_by(program: str, option: str) -> str:
    """What a program answers to an option; nothing when it fails to start or takes too long."""
    try:
        done = subprocess.run(
            [program, option],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() or done.stderr
