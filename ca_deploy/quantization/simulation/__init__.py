"""A float32 .tflite in PyTorch, with int8 rounding put in exactly where the int8 file rounds."""

from ca_deploy.quantization.simulation.proof import distance_db, objection, outputs_of
from ca_deploy.quantization.simulation.simulation import Simulation

__all__ = ["Simulation", "distance_db", "objection", "outputs_of"]
