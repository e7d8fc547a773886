"""Exceptions with exit statuses: one line that says what is wrong, where, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CaDeployError(Exception):
    """Base of all errors that ca-deploy raises on purpose; `exit_status` is what the command line returns."""

    exit_status = 1


class UserError(CaDeployError):
    """The user's input cannot be used: a file, an option, a recipe, a network."""

    exit_status = 2


class StoppedError(CaDeployError):
    """The user, or the system, asked the command to stop."""

    exit_status = 130


class VerificationError(CaDeployError):
    """An artifact, or a pass, stayed below its tolerance."""

    exit_status = 3


class DeviceError(CaDeployError):
    """A device could not be reached or failed while measuring."""

    exit_status = 4


def last_line(said: str, otherwise: str = "it gave no reason") -> str:
    """The last line of what a failed program said, where most put the reason; `otherwise` if silent."""
    return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), otherwise)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, as ` (did you mean 'X'?)`; nothing where none is close."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean '{close[0]}'?)" if close else ""
