"""The width multiplier behind observed channel counts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ca_deploy.networks.mobilenet_v2 import channel_counts

COMMON_WIDTHS = (1.0, 0.75, 0.5, 0.35, 0.25, 1.4, 1.3)  # those that MobileNetV2's authors published, and 0.25
MARGIN = 1e-9  # steps over a bound, which may itself round to the count below


def nearest_width(observed: Sequence[int]) -> float:
    """The width whose channel counts agree with the most observed ones.

    Rounding to multiples of 8 makes many widths the same network; a common one is preferred, then few
    decimals. The widths that give one count form an interval. Those that give all counts form the
    intersection, which begins where one of the intervals begins, so trying every beginning finds it.

    Args:
        observed: channel counts in the order of `channel_counts`, 0 for those that are not known.
    """
    beginnings = {_beginning(count, base) for count, base in zip(observed, channel_counts(1.0), strict=True)}
    candidates = [*COMMON_WIDTHS, *_just_above(sorted(beginnings))]
    return max(candidates, key=lambda width: _agreements(observed, width))


def _beginning(count: int, base: int) -> float:
    """Lower end of the widths w for which `rounded_channels(base · w)` is `count`.

    The rule gives n from n - 4 on by rounding, and from (n - 8) / 0.9 on because n - 8 is then below 90 %.
    """
    return max(0.0, min(count - 4, (count - 8) / 0.9)) / base


def _just_above(beginnings: Sequence[float]) -> Iterator[float]:
    """Widths little above each beginning: with one to three decimals, then as near as possible."""
    for steps in (10, 100, 1000):
        yield from ((math.floor(beginning * steps) + 1) / steps for beginning in beginnings)
    yield from (beginning * (1 + MARGIN) for beginning in beginnings if beginning > 0)


def _agreements(observed: Sequence[int], width: float) -> int:
    return sum(a == b for a, b in zip(observed, channel_counts(width), strict=True))
