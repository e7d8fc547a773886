"""--keep-float: operators of int8 files that stay float32."""

from __future__ import annotations

from collections.abc import Sequence

from ca_deploy.errors import UserError
from ca_deploy.plan.plan import Plan
from ca_deploy.precisions import needs_calibration

_NOTHING = ("none",)
"""Takes back what an earlier export kept."""


def kept_float(wanted: tuple[str, ...], targets: Sequence[str], precisions: Sequence[str]) -> tuple[str, ...]:
    """What stays float; nothing for "none".

    Raises:
        UserError: when it would mean another operator in each file, or cannot be found out.
    """
    if wanted == _NOTHING:
        return ()
    named = [one for one in wanted if not one.startswith("auto:")]
    if named and len(targets) > 1:
        raise UserError(
            f"--keep-float {named[0]}: each target's graph has names of its own; write one at a time "
            f"(--targets {targets[0]}), or give auto:N or none"
        )
    if len(named) < len(wanted) and "int16x8" in precisions:
        raise UserError(
            "--keep-float auto:N: costs are those of int8 activations, which int16x8 has not; give names or "
            "none, or leave int16x8 to a run of its own"
        )
    return wanted


def check_kept_float(plan: Plan, asked: Sequence[str] | None) -> None:
    """Make sure that --keep-float, if it was given now, has an effect.

    Raises:
        UserError: when it names nothing, or no file of the plan has operators to keep.
    """
    if asked is None or tuple(asked) == _NOTHING:
        return
    if not asked:
        raise UserError("--keep-float: is empty; give names of operators, auto:N or none")
    if not needs_calibration(plan.precisions_in("tflite")):
        raise UserError(
            "--keep-float: no .tflite with int8 is to be written; leave it out, or write one with "
            "--formats tflite --precision int8"
        )
    from ca_deploy.quantization.keep_float import check_wanted

    check_wanted(asked)
