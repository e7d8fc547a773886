"""What makes the figures of a session doubtful, whatever the device."""

from __future__ import annotations

from ca_deploy.bench.timing import Timing

_NOISY = 0.5  # (p90 - p10) / median; an idle machine stays far below


def timing_warnings(wall: Timing, stable: bool | None, threads: int, cores: int) -> list[str]:
    """What a series of runs says against itself.

    Args:
        wall: the runs.
        stable: they had become stable when they began; None where that is not known.
        threads: how many were asked for.
        cores: how many the device has.
    """
    found = []
    if stable is False:
        found.append("did not become stable while warming up")
    if wall.spread > _NOISY:
        found.append(f"noisy: p10 to p90 span {wall.spread:.0%} of the median")
    if threads > cores:
        found.append(f"{threads} threads on {cores} cores")
    return found
