"""The search takes what is faster beyond doubt and agrees, axis after axis."""

import pytest

from ca_deploy.recipe import Formulation
from ca_deploy.tuning import AXES, FLOAT_AXES, Trial, TunedBlocks, Tuning, candidates, search

START = Formulation(
    convolution="apart", pooling="mean", h_swish="relu6", gates="as-written", arithmetic="int8"
)


def measuring(costs, doubt=0.0, wrong=()):
    """Measures candidates by a table: the sum of what each key says."""

    def cost(formulation):
        return 10 + sum(costs.get(value, 0) for value in formulation.model_dump().values())

    def measure(one, current):
        ratio = cost(one) / cost(current)
        agrees = not set(wrong) & set(one.model_dump().values())
        return Trial(one, cost(one), "ms", ratio, ratio * (1 + doubt), 30.0, agrees)

    return measure


def never():
    return False


def test_each_axis_s_fastest_is_taken():
    found = search(START, AXES, measuring({"before-pooling": -1, "swapped": -2, "operator": 3}), never)
    assert found.complete
    assert found.formulation == START.model_copy(update={"convolution": "before-pooling", "gates": "swapped"})
    assert len(found.trials) == 5 + 1 + 2


@pytest.mark.parametrize(("doubt", "wrong"), [(0.2, ()), (0.0, ("before-pooling", "swapped"))])
def test_a_tie_and_a_candidate_that_does_not_agree_leave_what_was_there(doubt, wrong):
    assert search(START, AXES, measuring({"before-pooling": -1, "swapped": -1}, doubt, wrong), never)\
        .formulation == START  # fmt: skip


def test_keys_that_influence_each_other_are_tried_together():
    def measure(one, current):
        ratio = 0.5 if {"before-pooling", "convolution"} <= set(one.model_dump().values()) else 1.0
        return Trial(one, 1, "ms", ratio, ratio, 30.0, agrees=True)

    found = search(START, AXES[:1], measure, never).formulation
    assert (found.convolution, found.pooling) == ("before-pooling", "convolution")


def test_float_is_a_candidate_only_when_allowed():
    assert all(one.arithmetic == "int8" for axis in AXES for one in candidates(START, axis))
    assert any(one.arithmetic == "float" for axis in FLOAT_AXES for one in candidates(START, axis))


def test_out_of_time_keeps_what_was_found_and_says_so():
    candidates_of_convolution, in_time = 5, 4
    left = iter([*[False] * in_time, True])
    found = search(START, AXES, measuring({"joined": -1, "swapped": -2}), lambda: next(left))
    assert not found.complete
    assert len(found.trials) == in_time < candidates_of_convolution
    assert found.formulation.convolution == "joined"
    assert found.formulation.gates == START.gates
    blocks = TunedBlocks("x86", "int8", "int8", ("body.1", "body.2"), (1, 8, 4, 4), START, found)
    tuning = Tuning("local", (blocks,))
    assert "body.1, body.2" in tuning.warnings()[0]
    assert tuning.formulations() == {"x86": {"int8": dict.fromkeys(["body.1", "body.2"], found.formulation)}}
    assert tuning.document()["blocks"][0]["changed"]["convolution"] == "joined"
