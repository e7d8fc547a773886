"""The search for the fastest formulation of an attention block; what measures a candidate is given to it."""

from ca_deploy.tuning.candidates import AXES, FLOAT_AXES, Axis, candidates
from ca_deploy.tuning.search import Found, Trial, search
from ca_deploy.tuning.tuning import TunedBlocks, Tuning

__all__ = ["AXES", "FLOAT_AXES", "Axis", "Found", "Trial", "TunedBlocks", "Tuning", "candidates", "search"]
