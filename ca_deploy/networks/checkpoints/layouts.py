"""Layouts: under which keys a checkpoint holds the weights of MobileNetV2.

To read another layout, add it to `LAYOUTS`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """A layout and how its keys become those of `MobileNetV2`.

    Attributes:
        name: what messages call it.
        renames: regular expressions for the beginning of a key, and what replaces it; the first match counts.
    """

    name: str
    renames: tuple[tuple[str, str], ...] = ()

    def translate(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the keys; one that would hide another key keeps its name, and so is found to be extra."""
        renamed = {key: self._rename(key) for key in tensors}
        uses = Counter(renamed.values())
        return {key if uses[renamed[key]] > 1 else renamed[key]: tensor for key, tensor in tensors.items()}

    def _rename(self, key: str) -> str:
        for beginning, replacement in self.renames:
            if match := re.match(beginning, key):
                return match.expand(replacement) + key[match.end() :]
        return key


LAYOUTS = (
    Layout("official"),  # the published coordinate attention checkpoint, and what `save_checkpoint` writes
    Layout(
        "snippet",  # the published attention block by itself, in the same network
        (
            (r"(features\.\d+\.conv\.6)\.conv_h\.", r"\1.conv2."),
            (r"(features\.\d+\.conv\.6)\.conv_w\.", r"\1.conv3."),
        ),
    ),
    Layout(
        "torchvision",  # its mobilenet_v2, which has no attention
        (
            (r"features\.18\.", "conv."),
            (r"features\.1\.conv\.0\.", "features.1.conv."),
            (r"features\.1\.conv\.1\.", "features.1.conv.3."),
            (r"features\.1\.conv\.2\.", "features.1.conv.4."),
            (r"(features\.\d+\.conv)\.0\.", r"\1."),
            (r"(features\.\d+\.conv)\.1\.0\.", r"\1.3."),
            (r"(features\.\d+\.conv)\.1\.1\.", r"\1.4."),
            (r"(features\.\d+\.conv)\.2\.", r"\1.6."),
            (r"(features\.\d+\.conv)\.3\.", r"\1.7."),
        ),
    ),
)
