"""Keep what a C++ library logs to standard error on every load away from the user's terminal."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# LiteRT writes these prefixes on its own, and no environment variable of version 2.3.0 lowers its level; the
# last two are ExecuTorch's.
CHATTER = (
    "INFO:",
    "VERBOSE:",
    "WARNING: [npu_registry",
    "WARNING: [gpu_registry",
    "[threadpool.cpp",
    "[cpuinfo_utils.cpp",
)

_standard_error = 2
_redirecting = threading.Lock()  # the file descriptor belongs to the whole process


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Drop the lines of `CHATTER` that native code writes to standard error meanwhile; pass the others on."""
    with _redirecting, tempfile.TemporaryFile() as caught:
        sys.stderr.flush()
        original = os.dup(_standard_error)
        os.dup2(caught.fileno(), _standard_error)
        try:
            yield
        finally:
            os.dup2(original, _standard_error)
            os.close(original)
            caught.seek(0)
            for line in caught:
                if not line.startswith(tuple(c.encode() for c in CHATTER)):
                    os.write(_standard_error, line)
