from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ca_deploy.runtimes.pytorch import PyTorch


class Mean(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(2, 3))


class TwoOutputs(nn.Module):
    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return images.mean(dim=(2, 3)), images.amax(dim=(1, 2, 3))


def test_a_network_takes_any_number_of_images(images: np.ndarray, means: np.ndarray) -> None:
    (outputs,) = PyTorch(Mean(), (None, 3, 6, 4)).run(images)

    np.testing.assert_allclose(outputs, means, atol=1e-6)


def test_an_exported_graph_gets_its_own_batch(images: np.ndarray, means: np.ndarray) -> None:
    graph = torch.export.export(Mean(), (torch.zeros(2, 3, 6, 4),)).module()

    (outputs,) = PyTorch(graph, (2, 3, 6, 4)).run(images)

    np.testing.assert_allclose(outputs, means, atol=1e-6)


def test_every_output_is_given(images: np.ndarray) -> None:
    runtime = PyTorch(TwoOutputs(), (None, 3, 6, 4))

    _, highest = runtime.run(images)

    np.testing.assert_array_equal(highest, images.max(axis=(1, 2, 3)))
    assert [o.shape for o in runtime.outputs] == [(None, 3), (None,)]


def test_the_number_of_threads_is_put_back(images: np.ndarray) -> None:
    seen: list[int] = []

    class Asks(Mean):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            seen.append(torch.get_num_threads())
            return super().forward(images)

    before = torch.get_num_threads()
    PyTorch(Asks(), (None, 3, 6, 4), threads=before + 1).bind(images[:1])()

    assert seen == [before + 1, before + 1]
    assert torch.get_num_threads() == before


def test_images_that_do_not_fit_are_named(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="takes"):
        PyTorch(Mean(), (None, 3, 6, 4)).run(images[:, :2])
