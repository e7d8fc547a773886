"""--tune: how to choose formulations by measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ca_deploy.errors import UserError
from ca_deploy.plan.options import Options
from ca_deploy.recipe_file import check_recipe_target

_MINUTES = 15.0


@dataclass(frozen=True)
class TuningPlan:
    """How to tune.

    Attributes:
        device: where to measure.
        minutes: how long at most.
        save: a recipe, by name or path, and the file to write it to with what was chosen; or None.
    """

    device: str
    minutes: float
    save: tuple[str, Path] | None


def tuning_plan(options: Options, targets: Sequence[str]) -> TuningPlan | None:
    """What --tune, --tune-minutes and --tune-save say together; None without --tune.

    Raises:
        UserError: when they contradict each other or the targets.
    """
    if options.tune is None:
        if options.tune_save is not None:
            raise UserError("--tune-save has nothing to save without --tune DEVICE")
        if options.tune_minutes is not None:
            raise UserError("--tune-minutes has nothing to end without --tune DEVICE")
        return None
    minutes = _MINUTES if options.tune_minutes is None else options.tune_minutes
    if not minutes > 0:
        raise UserError(f"--tune-minutes {minutes:g}: must be more than 0")
    if len(targets) > 1:
        raise UserError(
            f"--tune {options.tune}: one device says nothing of several targets ({', '.join(targets)}); name "
            "the one that it stands for with --targets"
        )
    return TuningPlan(options.tune, minutes, _save(options.recipe, options.tune_save))


def _save(recipe: str | None, target: Path | None) -> tuple[str, Path] | None:
    if target is None:
        return None
    if recipe is None:
        raise UserError(f"--tune-save {target}: there is no recipe to save; name one, or write it first")
    check_recipe_target(recipe, target)
    return recipe, target
