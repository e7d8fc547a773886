"""A new export: options, recipe and defaults put together."""

from __future__ import annotations

from pathlib import Path

from ca_deploy.errors import UserError
from ca_deploy.plan.assemble import assembled
from ca_deploy.plan.checks import check_plan
from ca_deploy.plan.options import Options
from ca_deploy.plan.plan import Plan
from ca_deploy.plan.values import parsed_size
from ca_deploy.recipe import NetworkSpec, Recipe, load_recipe


def resolve(options: Options) -> Plan:
    """Put options, recipe and defaults together.

    Raises:
        UserError: when one of them cannot be used.
    """
    recipe, warnings = _recipe(options)
    if options.input_size is not None:
        size = parsed_size(options.input_size)
        recipe = recipe.model_copy(update={"input": recipe.input.at_size(*size)})
    weights = options.weights or recipe.weights_path()
    if options.model is not None and recipe.network != NetworkSpec():
        raise UserError(f"recipe {recipe.name} states a [network] and --model is another; give one of them")
    if weights is None and options.model is None:
        raise UserError(f"recipe {recipe.name} ships no weights; give yours with --weights FILE")
    if options.model is not None and weights is None:
        warnings = (
            *warnings,
            f"no --weights given: {options.model} is exported with the weights it makes itself",
        )
    plan = assembled(recipe, weights, options, warnings)
    check_plan(plan, options)
    return plan


def _recipe(options: Options) -> tuple[Recipe, tuple[str, ...]]:
    """The named recipe, or one for a checkpoint or network that comes without."""
    if options.recipe is not None:
        return load_recipe(options.recipe), ()
    if options.weights is not None:
        name = options.weights.stem
    elif options.model is not None:
        name = options.model.rpartition(":")[2]
    else:
        raise UserError(
            "nothing to export: name a recipe (ca-deploy list shows them), or give --weights or --model"
        )
    size = options.input_size or "224"
    warning = f"no recipe given: input {size} pixels with ImageNet's mean and standard deviation is assumed"
    return Recipe(name=name, folder=Path.cwd()), (warning,)
