"""Checkpoints: files with weights, in the layouts that they come in."""

from ca_deploy.networks.checkpoints.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from ca_deploy.networks.checkpoints.user import load_user_weights

__all__ = ["Checkpoint", "load_user_weights", "read_checkpoint", "save_checkpoint"]
