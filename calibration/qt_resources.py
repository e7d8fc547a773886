"""Read one file out of Qt's binary resource archives (`.rcc`).

Layout, all big-endian, as Qt's `qresource.cpp` reads it: a header with the magic "qres", the version and the
offsets of tree, data and names; a tree of nodes of 14 bytes (22 from version 2); names in UTF-16.
"""

from __future__ import annotations

import struct
import zlib

_COMPRESSED, _FOLDER = 1, 2  # flags of a node; 4 (zstd) is not read


def read_resource(archive: bytes, path: str) -> bytes:
    """The content of the file at `path` ("folder/name") in the archive.

    Raises:
        ValueError: when this is no such archive, or there is no such file that can be read.
    """
    magic, version, tree, data, names = struct.unpack_from(">4s4i", archive)
    if magic != b"qres":
        raise ValueError("not an archive of Qt resources")
    node_size = 22 if version >= 2 else 14

    def name(offset: int) -> str:
        start = names + offset
        (length,) = struct.unpack_from(">H", archive, start)
        return archive[start + 6 : start + 6 + 2 * length].decode("utf-16-be")

    flags, node = _FOLDER, tree
    for part in path.split("/"):
        count, first = struct.unpack_from(">II", archive, node + 6) if flags & _FOLDER else (0, 0)
        children = [tree + node_size * index for index in range(first, first + count)]
        matches = [child for child in children if name(*struct.unpack_from(">I", archive, child)) == part]
        if not matches:
            raise ValueError(f"{path}: not in the archive")
        node = matches[0]
        (flags,) = struct.unpack_from(">H", archive, node + 4)
    if flags not in (0, _COMPRESSED):
        raise ValueError(f"{path}: a folder, or of a compression that is not read")
    start = data + struct.unpack_from(">I", archive, node + 10)[0]
    (length,) = struct.unpack_from(">I", archive, start)
    content = archive[start + 4 : start + 4 + length]
    return zlib.decompress(content[4:]) if flags == _COMPRESSED else content
