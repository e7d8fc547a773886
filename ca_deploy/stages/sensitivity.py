"""What each operator's int8 costs the network's outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ca_deploy.stages.formulating import formulated
from ca_deploy.stages.kinds.tflite import lowered
from ca_deploy.stages.work import Work

if TYPE_CHECKING:
    from ca_deploy.quantization.sensitivity import Sensitivity


def sensitivity(work: Work) -> list[Sensitivity]:
    """Operators of the first target's int8 file, by what keeping each in float would gain.

    Raises:
        UserError: when the network cannot be simulated.
    """
    from ca_deploy.quantization.keep_float import ranking

    plan, progress = work.plan, work.progress
    progress.step(f"Lowering the graph for {plan.targets[0]}")
    _, float32 = lowered(work, (*work.equalization(), *formulated(work, plan.targets[0], "int8")))
    progress.step("Rounding one operator at a time")
    return ranking(float32.data, work.calibration, plan.optimize, plan.ranges, plan.threads, progress)
