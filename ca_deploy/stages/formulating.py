"""How each attention block is written for a target and precision: the target's way, or the recipe's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ca_deploy.errors import UserError
from ca_deploy.recipe import Formulation
from ca_deploy.stages.work import Work

if TYPE_CHECKING:
    from ca_deploy.passes import Pass


def formulated(work: Work, target: str, precision: str) -> tuple[Pass, ...]:
    """The passes that write the canonical graph.

    Raises:
        UserError: the recipe states a formulation of a block that the network does not have.
    """
    from ca_deploy.passes.formulations import formulation_passes

    return formulation_passes(_default(work, target, precision), _own(work, target, precision))


def float_blocks(work: Work, target: str) -> list[str]:
    """Paths of the blocks whose gates an int8 file multiplies in float."""
    from ca_deploy.passes.formulations import completed

    default, own = _default(work, target, "int8"), _own(work, target, "int8")
    return [p for p in _paths(work) if completed(own.get(p, default), default).arithmetic == "float"]


def _default(work: Work, target: str, precision: str) -> Formulation:
    """How blocks are written unless the recipe says otherwise of one of them."""
    from ca_deploy.passes.formulations import default_formulation

    # Tuning states the arithmetic of every block that it has looked at.
    float_gates = work.plan.float_gates and work.plan.tuning is None
    return default_formulation(target, precision, float_gates and precision == "int8")


def _own(work: Work, target: str, precision: str) -> Mapping[str, Formulation]:
    """What the recipe says of single blocks, by their paths."""
    recipe = work.plan.recipe
    own = recipe.formulations_of(target, precision)
    known = _paths(work) if own else []
    for path in own:
        if path not in known:
            raise UserError(
                f"recipe {recipe.name}: formulations.{target}.{precision} names {path}, which is no "
                f"attention block of the network; it has {', '.join(known) or 'none'}"
            )
    return own


def _paths(work: Work) -> list[str]:
    from ca_deploy.passes.blocks import attention_blocks

    return [block.path for block in attention_blocks(work.canonical.graph)]
