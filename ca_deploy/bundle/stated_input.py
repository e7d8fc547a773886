"""What a .tflite's own metadata say of its image input and its classes, ours or another tool's."""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from flatbuffers import encode
from flatbuffers.number_types import Float32Flags, UOffsetTFlags
from flatbuffers.table import Table

from ca_deploy.bundle.tflite_metadata import LABELS

_SUBGRAPHS, _INPUTS, _PROCESS_UNITS, _OPTIONS, _MEAN, _STD = 3, 2, 4, 1, 0, 1  # metadata_schema.fbs


@dataclass(frozen=True)
class StatedInput:
    """How images are prepared and what the classes are called.

    Attributes:
        mean: subtracted per channel, on pixels scaled to 0..1.
        std: divided by per channel.
        labels: one per class; None when the file holds none.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    labels: tuple[str, ...] | None


def stated_input(path: Path, content: bytes) -> StatedInput | None:
    """Read the normalisation and labels of a file; None when it states no normalisation.

    Args:
        path: the .tflite, which holds its labels as a zip archive does.
        content: its metadata entry.
    """
    try:
        root = Table(bytearray(content), encode.Get(UOffsetTFlags.packer_type, content, 0))
        table = root
        for slot in (_SUBGRAPHS, _INPUTS, _PROCESS_UNITS):
            table = _first(table, slot)
        options = _child(table, _OPTIONS)
        mean, std = _floats(options, _MEAN), _floats(options, _STD)
    except (LookupError, ValueError, struct.error):
        return None
    return StatedInput(mean, std, _labels(path))


def _labels(path: Path) -> tuple[str, ...] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(archive.read(LABELS).decode().splitlines())
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError):
        return None


def _offset(table: Any, slot: int) -> int:
    """Where a field lies, from the table's position.

    Raises:
        LookupError: when the table does not have it.
    """
    offset = int(table.Offset(4 + 2 * slot))
    if not offset:
        raise LookupError(slot)
    return offset


def _child(table: Any, slot: int) -> Any:
    return Table(table.Bytes, table.Indirect(_offset(table, slot) + table.Pos))


def _first(table: Any, slot: int) -> Any:
    """The first table of a vector of tables."""
    offset = _offset(table, slot)
    if not table.VectorLen(offset):
        raise LookupError(slot)
    return Table(table.Bytes, table.Indirect(table.Vector(offset)))


def _floats(table: Any, slot: int) -> tuple[float, float, float]:
    """Three numbers of pixels from 0 to 255, one per channel, scaled to 0..1; a single one stands for all."""
    values = np.atleast_1d(table.GetVectorAsNumpy(Float32Flags, _offset(table, slot)))
    red, green, blue = (float(value) / 255 for value in np.broadcast_to(values, 3))
    return red, green, blue
