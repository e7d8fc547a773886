"""PyTorch: runs a network, or the graph that torch.export made of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from ca_deploy.runtimes.batches import check_fits, run_in_batches
from ca_deploy.runtimes.protocol import FloatBatch, TensorInfo
from ca_deploy.runtimes.torch_threads import torch_threads


class PyTorch:
    """A module in evaluation mode (the caller's `eval()`), on the CPU.

    Args:
        module: takes one tensor of images (N,C,H,W) and gives a tensor or a tuple of tensors.
        input_shape: what it takes; None first when the number of images is free, as in a network, or the
            number that an exported graph was traced with.
        threads: how many threads one operator may use.
    """

    name = "PyTorch"
    version: str = torch.__version__
    delegate = "none"

    def __init__(self, module: nn.Module, input_shape: tuple[int | None, ...], threads: int = 1) -> None:
        self.threads = threads
        self._module = module
        self._input = TensorInfo("images", input_shape, np.dtype(np.float32))
        self.inputs = (self._input,)
        one_batch = np.zeros([n or 1 for n in input_shape], np.float32)
        self.outputs = tuple(
            TensorInfo(f"output {i}", (input_shape[0], *o.shape[1:]), np.dtype(np.float32), index=i)
            for i, o in enumerate(self._run(one_batch))
        )

    def run(self, batch: FloatBatch) -> tuple[FloatBatch, ...]:
        """Run float32 images (N,C,H,W); see `Runtime.run`."""
        check_fits(self._input, batch)
        return run_in_batches(self._run, batch, self._input.shape[0])

    def bind(self, batch: FloatBatch) -> Callable[[], None]:
        """Make the tensor once and give a call that runs the module; see `Runtime.bind`."""
        check_fits(self._input, batch)
        images = torch.from_numpy(np.ascontiguousarray(batch))

        def run() -> None:
            self._forward(images)

        return run

    def _run(self, images: FloatBatch) -> tuple[FloatBatch, ...]:
        outputs = self._forward(torch.from_numpy(np.ascontiguousarray(images)))
        return tuple(o.detach().to(torch.float32).numpy() for o in outputs)

    def _forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with torch.inference_mode(), torch_threads(self.threads):
            outputs = self._module(images)
        return tuple(leaf for leaf in tree_leaves(outputs) if leaf is not None)
