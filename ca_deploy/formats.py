"""The formats that an export writes: which precisions each has, and what each needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from ca_deploy.errors import UserError
from ca_deploy.precisions import PRECISIONS

Format = Literal["onnx", "tflite", "ort", "coreml", "executorch"]


@dataclass(frozen=True)
class FileFormat:
    """One format.

    Attributes:
        precisions: those that it has.
        package: what has to be installed; the extra that brings it is called like the format.
    """

    precisions: tuple[str, ...]
    package: str | None = None


FORMATS: dict[str, FileFormat] = {
    "onnx": FileFormat(("fp32",)),
    "tflite": FileFormat(tuple(PRECISIONS)),
    "ort": FileFormat(("fp32", "int8")),
    "coreml": FileFormat(("fp16", "int8"), "coremltools"),
    "executorch": FileFormat(("fp32", "int8"), "executorch"),
}

DEFAULT: tuple[Format, ...] = ("onnx", "tflite")
_BROUGHT_BY: dict[str, Format] = {"ios": "coreml"}
"""Targets that want one more format than the default ones."""


def for_targets(targets: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is written when nobody names formats, and a warning for each that cannot be."""
    brought, warnings = brought_by(targets)
    return (*DEFAULT, *brought), warnings


def brought_by(targets: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What targets want beyond the default formats, and a warning for each that cannot be written."""
    formats: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    for target, name in _BROUGHT_BY.items():
        if target not in targets:
            continue
        if missing := missing_package(name):
            warnings += (f"target {target} gets no {name}, which {missing}",)
        else:
            formats += (name,)
    return formats, warnings


def missing_package(name: str) -> str | None:
    """What a format needs that is not there, and what brings it; None when it can be written."""
    package = FORMATS[name].package
    if package is None or find_spec(package) is not None:
        return None
    return f"needs the package {package}; pip install 'ca-deploy[{name}]' brings it"


def precisions_in(name: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """Those of some precisions that a format has, in their order."""
    return tuple(one for one in wanted if one in FORMATS[name].precisions)


def check_each_format_written(formats: Sequence[str], precisions: Sequence[str]) -> None:
    """Make sure that every format has one of the precisions.

    Raises:
        UserError: when one has none, so that nothing would be written in it.
    """
    for name in formats:
        if not precisions_in(name, precisions):
            raise UserError(
                f"--formats {name}: nothing is written at {', '.join(precisions)}; --precision "
                f"{','.join(FORMATS[name].precisions)} is what {name} has"
            )


def check_each_precision_written(precisions: Sequence[str], formats: Sequence[str]) -> None:
    """Make sure that every precision is one of some format's.

    Raises:
        UserError: when none has it, so that nothing would be written at it.
    """
    for one in precisions:
        if not any(precisions_in(name, [one]) for name in formats):
            known = "; ".join(f"{name} has {', '.join(FORMATS[name].precisions)}" for name in formats)
            raise UserError(f"--precision {one}: nothing is written at it; {known}")
