"""How many threads PyTorch uses, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Set PyTorch's number of threads, which belongs to the whole process, and put it back.

    With one, results do not depend on the machine: the order of sums, and with it the last bits, depends on
    the number of threads. And small operators spend more time waiting for other threads than those save.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
