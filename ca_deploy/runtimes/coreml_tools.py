"""coremltools, quietly and without TensorFlow, for whatever needs it.

It imports TensorFlow wherever that is installed (seconds, and pages of log), for converters that are not used
here; and it warns of versions of PyTorch that these converters do not know.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator

from ca_deploy.errors import UserError


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without coremltools' log lines and progress bars."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(level)


@contextlib.contextmanager
def _without(module: str) -> Iterator[None]:
    """Let an import of this module fail, unless it is there already."""
    present = module in sys.modules
    if not present:
        sys.modules[module] = None  # type: ignore[assignment]  # Python's own sign for "not to be found"
    try:
        yield
    finally:
        if not present:
            sys.modules.pop(module, None)


try:
    with quiet(), _without("tensorflow"):
        import coremltools as ct
        from coremltools.converters.mil import Builder as mb  # noqa: N813  Apple's own name for it
except ImportError as missing:
    raise UserError(
        "Core ML needs coremltools: pip install 'ca-deploy[coreml]', or leave coreml out of --formats"
    ) from missing

__all__ = ["LOGITS", "ct", "mb", "quiet"]

LOGITS = "logits"
"""The output of our packages that is compared, beside a classifier's scores."""
