"""An earlier export, taken up again with other options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ca_deploy import formats
from ca_deploy.plan.assemble import assembled
from ca_deploy.plan.checks import check_plan
from ca_deploy.plan.options import Options
from ca_deploy.plan.plan import Plan
from ca_deploy.published import Published


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
    written, warnings = _formats(before, options)
    earlier = {
        "images": before["calibration"]["images"],
        "out": published.folder,
        "targets": before["targets"],
        "formats": written,
        "optimize": before["optimize"],
        "optimize_minutes": before.get("optimize_minutes"),
        "adaround": before.get("adaround"),
        "ranges": before.get("ranges"),
        "seed": before["seed"],
        "batch": before.get("batch"),
        "min_runtime": before["min_runtime"],
        "float_gates": _float_gates(before),
        "keep_float": before.get("keep_float"),
    }
    taken = {name: value for name, value in earlier.items() if getattr(options, name) is None}
    stated = replace(options, model=published.factory, **taken)
    if weights is None:
        warnings = (*warnings, f"{published.factory} makes its weights itself; they may be others now")
    plan = replace(assembled(published.recipe, weights, stated, warnings), made_from=published)
    check_plan(plan, options)
    return plan


def _formats(before: Mapping[str, Any], options: Options) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The formats of the earlier export, with what targets that are new want; and warnings.

    None, which leaves it to the targets, for an export of a time before manifests named formats.
    """
    earlier = before.get("formats")
    if earlier is None or options.formats is not None:
        return earlier, ()
    new = [target for target in options.targets or () if target not in before["targets"]]
    brought, warnings = formats.brought_by(new)
    return tuple(dict.fromkeys((*earlier, *brought))), warnings


def _float_gates(before: Mapping[str, Any]) -> bool | None:
    """Whether every gate was multiplied in float; None where the recipe says of which, as after --tune."""
    return True if before["float_gates"] and not before.get("tuned_on") else None
