import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_deploy.networks.checkpoints.width import COMMON_WIDTHS, nearest_width
from ca_deploy.networks.mobilenet_v2 import channel_counts


@pytest.mark.parametrize("width", [*COMMON_WIDTHS, 0.1, 0.6, 0.8, 1.1, 1.2, 2.0])
def test_round_widths_come_back_themselves(width):
    assert nearest_width(channel_counts(width)) == width


@given(st.floats(0.005, 4.0))
def test_every_width_gives_one_with_the_same_channels(width):
    channels = channel_counts(width)
    assert channel_counts(nearest_width(channels)) == channels


def test_single_false_counts_do_not_change_it():
    channels = list(channel_counts(0.75))
    channels[0], channels[9] = 999, 0
    assert nearest_width(channels) == 0.75


def test_the_width_with_the_most_agreements_is_taken_when_none_fits():
    assert nearest_width([0] * len(channel_counts(1.0))) == COMMON_WIDTHS[0]
