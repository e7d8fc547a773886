from __future__ import annotations

import pytest
from pass_support import apply
from torch import Tensor, nn

from ca_deploy.passes.reshapes import MovesToReshapes


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x).sigmoid()


RESHAPES = {
    "permuted": lambda x: x.permute(0, 1, 3, 2),
    "transposed": lambda x: x.transpose(2, 3),
    "transposed matrices": lambda x: x.mT,
    "batch behind": lambda x: x.permute(1, 2, 0, 3),
    "viewed": lambda x: x.view(1, 3, 2, 3),
    "flattened": lambda x: x.flatten(1),
    "squeezed": lambda x: x.squeeze(-1),
    "squeezed and back": lambda x: x.squeeze(3).unsqueeze(2),
    "through others": lambda x: x.reshape(-1).view(3, 6).unflatten(1, (2, 3)).unsqueeze(0),
}


@pytest.mark.parametrize("name", RESHAPES)
def test_what_keeps_the_order_is_one_reshape(name):
    outcome = apply(MovesToReshapes(), Call(RESHAPES[name]), 1, 3, 6, 1)
    assert outcome.operators == ["reshape", "sigmoid"]


def test_there_and_back_is_nothing():
    outcome = apply(MovesToReshapes(), Call(lambda x: x.transpose(2, 3).permute(0, 1, 3, 2)), 1, 3, 6, 1)
    assert outcome.operators == ["sigmoid"]


def test_moving_elements_is_left_alone_with_a_reason():
    outcome = apply(MovesToReshapes(), Call(lambda x: x.permute(0, 2, 3, 1)), 1, 3, 6, 1)
    assert outcome.operators == ["permute", "sigmoid"]
    assert outcome.reasons == "moves axes longer than 1: (1, 3, 6, 1) becomes (1, 6, 1, 3)"


def test_a_transpose_without_unit_axes_is_no_near_miss():
    outcome = apply(MovesToReshapes(), Call(lambda x: x.transpose(1, 2)), 1, 3, 6, 1)
    assert outcome.operators == ["transpose", "sigmoid"]
    assert outcome.refusals == ()


def test_a_reshape_that_is_one_already_does_not_count():
    assert apply(MovesToReshapes(), Call(lambda x: x.reshape(3, 6)), 1, 3, 6, 1).count == 0
