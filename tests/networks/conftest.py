from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ca_deploy.networks import MobileNetV2


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower on several threads, by far so when the machine is busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def network() -> MobileNetV2:
    """A small network with distinct values in all its parameters and statistics."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = MobileNetV2("ca", width=0.35, classes=6).eval()
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.1, 0.9)
    return network


@pytest.fixture
def weights(network: MobileNetV2) -> dict[str, Tensor]:
    """The network's weights, which a test may change."""
    return {key: tensor.clone() for key, tensor in network.state_dict().items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test writes its checkpoint."""
    return tmp_path / "weights.pth"


@pytest.fixture(scope="session")
def images() -> Tensor:
    """Eight images of smooth random colours, (8, 3, 64, 64): like photographs, neighbours are alike."""
    coarse = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    return torch.nn.functional.interpolate(coarse, size=64, mode="bicubic")
