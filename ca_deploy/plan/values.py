"""The values that options take."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ca_deploy.errors import UserError, did_you_mean
from ca_deploy.machine import available_cores

_LEARNING_MINUTES = 15.0
_LARGEST_BATCH = 1024
"""Images; beyond it the maps of a small network already take gigabytes."""


def one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    """The value, which is a known one.

    Raises:
        UserError: when it is not.
    """
    if value not in known:
        meant = did_you_mean(value, known)
        raise UserError(f"{option} {value}: unknown{meant}; choose from {', '.join(known)}")
    return value


def several_of(option: str, values: Sequence[str] | None, known: tuple[str, ...]) -> tuple[str, ...] | None:
    """The values of an option that takes several, each of them known, without repetition.

    Raises:
        UserError: when one is not known, or there is none.
    """
    if values is None:
        return None
    for value in values:
        one_of(option, value, known)
    if not values:
        raise UserError(f"{option}: is empty; choose from {', '.join(known)}")
    return tuple(dict.fromkeys(values))


def parsed_size(text: str) -> tuple[int, int]:
    """`224` or `160x320` (height x width) as two positive numbers.

    Raises:
        UserError: when it is neither.
    """
    parts = text.lower().split("x")
    if len(parts) not in (1, 2) or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UserError(f"--input-size {text}: give pixels as SIZE or HEIGHTxWIDTH, such as 224 or 160x320")
    return int(parts[0]), int(parts[-1])


def stated_version(text: str | None) -> str | None:
    """A version of TensorFlow Lite, as it was written; None for any, which "none" says.

    Raises:
        UserError: when it is none.
    """
    if text == "none":
        return None
    if text is not None and not re.fullmatch(r"\d+\.\d+(\.\d+)?", text, re.ASCII):
        raise UserError(f"--min-runtime {text}: give a version of TensorFlow Lite, such as 2.14, or none")
    return text


def stated_seed(seed: int | None) -> int:
    """A seed; 0 when none is given.

    Raises:
        UserError: when it is out of range.
    """
    if seed is not None and not 0 <= seed < 2**63:
        raise UserError(f"--seed {seed}: must be from 0 to 2^63 - 1")
    return seed or 0


def stated_batch(images: int | None) -> int:
    """How many images a file takes at once; 1 when nothing is given.

    Raises:
        UserError: when it is out of range.
    """
    if images is not None and not 1 <= images <= _LARGEST_BATCH:
        raise UserError(f"--batch {images}: must be from 1 to {_LARGEST_BATCH}")
    return images or 1


def stated_minutes(minutes: float | None) -> float:
    """How long --optimize best may learn; 15 minutes when nothing is given.

    Raises:
        UserError: when it is less than 0, or no number.
    """
    if minutes is not None and not 0 <= minutes < math.inf:
        raise UserError(f"--optimize-minutes {minutes:g}: must be 0 or more")
    return _LEARNING_MINUTES if minutes is None else minutes


def stated_threads(threads: int | None) -> int:
    """A number of threads; all cores when none is given.

    Raises:
        UserError: when it is less than 1.
    """
    if threads is not None and threads < 1:
        raise UserError(f"--threads {threads}: must be at least 1")
    return threads or available_cores()
