"""Messages on the pipes between `Converter` and its worker: a length, then that many bytes."""

from __future__ import annotations

import struct
from typing import IO

LENGTH = struct.Struct("<Q")


def write_frame(stream: IO[bytes], message: bytes) -> None:
    """Send one message."""
    stream.write(LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes:
    """Receive one message.

    Raises:
        EOFError: the other side closed the pipe.
    """
    return _exactly(stream, LENGTH.unpack(_exactly(stream, LENGTH.size))[0])


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data
