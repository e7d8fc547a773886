"""An earlier export, taken up again with other options."""

from __future__ import annotations

from dataclasses import replace

from ca_deploy.plan.assemble import assembled
from ca_deploy.plan.checks import check_plan
from ca_deploy.plan.options import Options
from ca_deploy.plan.plan import Plan
from ca_deploy.published import Published

_ITS_OWN_WEIGHTS = "makes its weights itself; they may be others now"


def rebuild(published: Published, options: Options) -> Plan:
    """The plan that a folder was exported with, with other options put in.

    Args:
        published: the folder; network, weights and input are its own.
        options: None takes what the folder was exported with; `recipe`, `weights`, `model` and `input_size`
            have to be.

    Raises:
        UserError: when its weights are gone or others, or an option cannot be used.
    """
    weights, before = published.weights(), published.manifest
    earlier = {
        "images": before["calibration"]["images"],
        "out": published.folder,
        "targets": before["targets"],
        "formats": before.get("formats"),
        "optimize": before["optimize"],
        "ranges": before.get("ranges"),
        "seed": before["seed"],
        "batch": before.get("batch"),
        "min_runtime": before["min_runtime"],
        "float_gates": before["float_gates"],
        "keep_float": before.get("keep_float"),
    }
    taken = {name: value for name, value in earlier.items() if getattr(options, name) is None}
    stated = replace(options, model=published.factory, **taken)
    warnings = () if weights is not None else (f"{published.factory} {_ITS_OWN_WEIGHTS}",)
    plan = replace(assembled(published.recipe, weights, stated, warnings), made_from=published)
    check_plan(plan, options)
    return plan
