"""Learned rounding, biases and steps of an int8 file, from images without labels."""

from ca_deploy.quantization.reconstruction.reconstruct import (
    Candidate,
    Learning,
    Reconstruction,
    reconstructed,
)

__all__ = ["Candidate", "Learning", "Reconstruction", "reconstructed"]
