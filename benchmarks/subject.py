"""What everybody converts: one network, its weights, and images, as files that any environment can read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

Images = NDArray[np.float32]

WEIGHTS = "weights.safetensors"

_CHECKED = 4  # images that show that what a rival gets is the same network


@dataclass(frozen=True)
class Subject:
    """A network with its images, in a folder.

    Attributes:
        recipe: the recipe that says how its images are prepared.
        folder: holds `weights.safetensors`, `calibration.npy`, `parity.npy` and `reference.npy`. Images are
            normalized, float32 (N, 3, H, W); the reference is the network's logits for those of parity,
            float32 (N, classes).
        batch: how many images the files to compare take at once.
    """

    recipe: str
    folder: Path
    batch: int = 1

    @property
    def weights(self) -> Path:
        """The weights, which also tell attention, width and classes."""
        return self.folder / WEIGHTS

    def network(self) -> nn.Module:
        """Build the network as published, in evaluation mode; its logits are those of the reference."""
        import torch

        from benchmarks.published import as_published
        from ca_deploy.networks import StatedArchitecture, build_network, read_checkpoint

        built = build_network(read_checkpoint(self.weights), StatedArchitecture(str(self.weights)))
        network = as_published(built)
        with torch.no_grad():
            logits = network(torch.from_numpy(self.parity()[:_CHECKED])).numpy()
        np.testing.assert_allclose(logits, self.reference()[:_CHECKED], rtol=0, atol=1e-5)
        return network

    def calibration(self) -> Images:
        """The images that set ranges, the same for everybody."""
        return self._array("calibration")

    def calibration_batches(self) -> list[Images]:
        """The same, as many at once as the files take; all of them, since their number is a multiple."""
        images = self.calibration()
        return np.split(images, len(images) // self.batch)

    def sample(self) -> Images:
        """One batch, (batch, 3, H, W), for tracing."""
        return self.calibration()[: self.batch]

    def parity(self) -> Images:
        """The images that nobody has calibrated on."""
        return self._array("parity")

    def reference(self) -> Images:
        """The logits that PyTorch gives for them."""
        return self._array("reference")

    def _array(self, name: str) -> Images:
        array: Images = np.load(self.folder / f"{name}.npy")
        return array
