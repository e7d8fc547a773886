"""Accuracy on labelled images: counts that stream, and the intervals that say what they are worth."""

from ca_deploy.evaluation.accuracy import Accuracy, ClassChange, Comparison, Move
from ca_deploy.evaluation.intervals import Estimate
from ca_deploy.evaluation.judging import Contestant, class_count, judge
from ca_deploy.evaluation.result import Evaluated, EvaluationResult
from ca_deploy.evaluation.tally import Tally

__all__ = [
    "Accuracy",
    "ClassChange",
    "Comparison",
    "Contestant",
    "Estimate",
    "Evaluated",
    "EvaluationResult",
    "Move",
    "Tally",
    "class_count",
    "judge",
]
