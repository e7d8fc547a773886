"""Trouble while artifacts are being timed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ca_deploy.progress import Silent


class Saboteur(Silent):
    """Does something a second after artifacts begin to be timed."""

    def __init__(self, deed: Callable[[], None]) -> None:
        self.deed = deed

    def step(self, description: str) -> None:
        if description.startswith("Timing"):
            threading.Timer(1, self.deed).start()
