"""Networks: MobileNetV2 with attention, its checkpoints, and networks of the user's own."""

from ca_deploy.networks.attention import ATTENTIONS
from ca_deploy.networks.build import StatedArchitecture, build_network
from ca_deploy.networks.checkpoints import Checkpoint, load_user_weights, read_checkpoint, save_checkpoint
from ca_deploy.networks.factory import load_factory
from ca_deploy.networks.mobilenet_v2 import Architecture, MobileNetV2
from ca_deploy.networks.untrained import untrained_network

__all__ = [
    "ATTENTIONS",
    "Architecture",
    "Checkpoint",
    "MobileNetV2",
    "StatedArchitecture",
    "build_network",
    "load_factory",
    "load_user_weights",
    "read_checkpoint",
    "save_checkpoint",
    "untrained_network",
]
