"""The kernels' types of an .ort in a fixed order, so that equal models give equal files.

ONNX Runtime lists, for each operator, which of its arguments have which type parameter, in the order of a
hash table that is seeded anew in every process. Nothing else in the file depends on it.
"""

from __future__ import annotations

import struct
from typing import Any

import flatbuffers
from onnxruntime.tools.ort_format_model.ort_flatbuffers_py import fbs

_VERSION, _MODEL, _TYPES = 4, 6, 10
"""Where the table InferenceSession (ort.fbs) keeps what it points to."""
_ALIGNMENT = 16  # of the weights


def with_ordered_types(data: bytes) -> bytes:
    """An .ort whose types are sorted by operator and by name.

    A flatbuffer is written from its end: the session's table comes first in the file, the types that were
    written just before it next, and the model behind them. So new types can take the place of the old ones,
    and the model moves by the difference.

    Args:
        data: the content of an .ort.
    """
    session = fbs.InferenceSession.InferenceSession.GetRootAs(data, 0)
    table, model = session._tab, session.Model()._tab
    end = min(model.Pos, _vtable(model))
    types, root = _ordered(session.KernelTypeStrResolver())
    ahead = bytearray(data[: _end(table)])
    ahead += bytes(-len(ahead) % _ALIGNMENT)
    _point(ahead, table, _TYPES, len(ahead) + root)
    types += bytes(end % _ALIGNMENT)
    moved = len(ahead) + len(types) - end
    for place in (_VERSION, _MODEL):
        _point(ahead, table, place, _target(table, place) + moved)
    return bytes(ahead) + types + data[end:]


def _ordered(resolver: Any) -> tuple[bytes, int]:
    """The types written anew, a multiple of the alignment long, and where their table is."""
    builder = flatbuffers.Builder()
    entries = [resolver.OpKernelTypeStrArgs(i) for i in range(resolver.OpKernelTypeStrArgsLength())]
    written = [_operator(builder, entry) for entry in sorted(entries, key=lambda entry: entry.OpId())]
    listed = _listed(builder, written)
    types = fbs.KernelTypeStrResolver
    types.Start(builder)
    types.AddOpKernelTypeStrArgs(builder, listed)
    root = types.End(builder)
    content = bytes(builder.Bytes[builder.Head() :])
    content = bytes(-len(content) % _ALIGNMENT) + content
    return content, len(content) - root


def _operator(builder: Any, entry: Any) -> int:
    """One operator and its type parameters."""
    given = [entry.KernelTypeStrArgs(i) for i in range(entry.KernelTypeStrArgsLength())]
    written = [_parameter(builder, one) for one in sorted(given, key=lambda one: one.KernelTypeStr())]
    return _named(builder, entry.OpId(), written)


def _parameter(builder: Any, entry: Any) -> int:
    """One type parameter and the arguments that have it."""
    written = [_argument(builder, entry.Args(i)) for i in range(entry.ArgsLength())]
    return _named(builder, entry.KernelTypeStr(), written)


def _argument(builder: Any, entry: Any) -> int:
    arguments = fbs.ArgTypeAndIndex
    arguments.Start(builder)
    arguments.AddArgType(builder, entry.ArgType())
    arguments.AddIndex(builder, entry.Index())
    return int(arguments.End(builder))


def _named(builder: Any, name: bytes, tables: list[int]) -> int:
    """A table of a name and a vector of tables, which an operator's entry and a type parameter's both are."""
    listed, text = _listed(builder, tables), builder.CreateString(name)
    builder.StartObject(2)
    builder.PrependUOffsetTRelativeSlot(0, text, 0)
    builder.PrependUOffsetTRelativeSlot(1, listed, 0)
    return int(builder.EndObject())


def _listed(builder: Any, tables: list[int]) -> int:
    """A vector of tables."""
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


def _vtable(table: Any) -> int:
    """Where a table's list of fields is."""
    return int(table.Pos - struct.unpack_from("<i", table.Bytes, table.Pos)[0])


def _end(table: Any) -> int:
    """Behind the fields of a table, whose length its list states."""
    return int(table.Pos + struct.unpack_from("<H", table.Bytes, _vtable(table) + 2)[0])


def _target(table: Any, place: int) -> int:
    """What a field points to."""
    field = table.Pos + table.Offset(place)
    return int(field + struct.unpack_from("<I", table.Bytes, field)[0])


def _point(content: bytearray, table: Any, place: int, target: int) -> None:
    """Let a field point elsewhere."""
    field = table.Pos + table.Offset(place)
    struct.pack_into("<I", content, field, target - field)
