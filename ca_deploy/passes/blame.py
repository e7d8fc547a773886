"""Where in the user's network an exception came from."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import FrameType

import torch
from torch import nn

_LIBRARY = Path(torch.__file__).parent


def origin(error: BaseException, network: nn.Module) -> str:
    """Module path and source line of the innermost user code that `error` passed through.

    Returns:
        Such as `features.3.conv.6 (net.py, line 20)`; the network itself is called `forward`.
    """
    names = {id(module): name for name, module in network.named_modules()}
    path, line = "", ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        path = names.get(id(_receiver(frame)), path)
        file = Path(frame.f_code.co_filename)
        if file.is_file() and not file.is_relative_to(_LIBRARY) and id(_receiver(frame)) in names:
            line = f" ({file.name}, line {number})"
    return (path or "forward") + line


def first_line(error: BaseException) -> str:
    """The exception's message as one line, without what torch adds below it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _receiver(frame: FrameType) -> object:
    """What a method's frame calls `self`; None in a function without arguments."""
    arguments = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    return frame.f_locals.get(arguments[0]) if arguments else None
