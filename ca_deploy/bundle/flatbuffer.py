"""Writing a small flatbuffer from plain values, for schemas that no package of ours brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import flatbuffers


@dataclass(frozen=True)
class Byte:
    """A value of an enumeration or the type of a union, which both take one byte."""

    value: int


@dataclass(frozen=True)
class Unsigned:
    """A 32-bit number without sign."""

    value: int


@dataclass(frozen=True)
class Table:
    """A table: its fields by their number in the schema, counted from 0; a union is two, type and value."""

    fields: Mapping[int, Value]


Value: TypeAlias = str | Byte | Unsigned | Table | Sequence[float] | Sequence[Table]


def packed(root: Table, identifier: bytes) -> bytes:
    """The bytes of a flatbuffer with this root table and file identifier; equal values give equal bytes."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, root), file_identifier=identifier)
    return bytes(builder.Output())


def _table(builder: Any, table: Table) -> int:
    """Write a table, what it refers to first; return where it lies."""
    offsets = {
        slot: _elsewhere(builder, value)
        for slot, value in table.fields.items()
        if not isinstance(value, (Byte, Unsigned))
    }
    builder.StartObject(max(table.fields, default=-1) + 1)
    for slot, value in table.fields.items():
        if isinstance(value, Byte):
            builder.PrependUint8Slot(slot, value.value, 0)
        elif isinstance(value, Unsigned):
            builder.PrependUint32Slot(slot, value.value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, offsets[slot], 0)
    return int(builder.EndObject())


def _elsewhere(builder: Any, value: str | Table | Sequence[float] | Sequence[Table]) -> int:
    """Write what a table refers to; return where it lies."""
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, Table):
        return _table(builder, value)
    entries = [_table(builder, one) if isinstance(one, Table) else one for one in value]
    builder.StartVector(4, len(entries), 4)
    for entry in reversed(entries):
        if isinstance(entry, float):
            builder.PrependFloat32(entry)
        else:
            builder.PrependUOffsetTRelative(entry)
    return int(builder.EndVector())
