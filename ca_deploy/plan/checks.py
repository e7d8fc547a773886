"""What a plan could not carry out, said before any work."""

from __future__ import annotations

from ca_deploy import formats
from ca_deploy.errors import UserError
from ca_deploy.plan.kept_float import check_kept_float
from ca_deploy.plan.options import Options
from ca_deploy.plan.pixels import check_archive
from ca_deploy.plan.plan import Plan
from ca_deploy.precisions import INT8_ACTIVATIONS


def check_plan(plan: Plan, asked: Options) -> None:
    """Make sure that a plan can be carried out, and that each option that was given has an effect.

    Args:
        plan: what will be done.
        asked: the options that were given now; what an earlier export was made with is taken as it is.

    Raises:
        UserError: when something cannot be used, or would change nothing.
    """
    plan.recipe.label_names()  # their file can be read
    formats.check_each_format_written(asked.formats or (), plan.precisions)
    check_kept_float(plan, asked.keep_float)
    _check_learning(plan, asked)
    _check_tflite_options(plan, asked)
    check_archive(plan)
    if plan.batch > 1 and plan.check_clients:
        raise UserError(
            f"--batch {plan.batch}: --check-clients hands over one image at a time; leave one of them out"
        )


def _check_learning(plan: Plan, asked: Options) -> None:
    options = {"--optimize-minutes": asked.optimize_minutes, "--adaround": asked.adaround or None}
    for name, value in options.items():
        if value is not None and plan.optimize != "best":
            stated = name if value is True else f"{name} {value:g}"
            raise UserError(
                f"{stated}: --optimize {plan.optimize} learns nothing; leave it out, or give --optimize best"
            )
    if asked.adaround and not plan.optimize_minutes:
        raise UserError("--adaround: --optimize-minutes 0 leaves no time for it; give it some")


def _check_tflite_options(plan: Plan, asked: Options) -> None:
    """Options of .tflite files need one that is written; options of int8 activations, one that has them."""
    written = plan.precisions_in("tflite")
    about_any = {
        "--batch": asked.batch is not None and asked.batch > 1,
        "--min-runtime": asked.min_runtime not in (None, "none"),
        "--check-clients": asked.check_clients,
        "--tune": asked.tune is not None,
    }
    about_int8 = {
        "--ranges": asked.ranges is not None,
        "--float-gates": asked.float_gates,
        "--optimize-minutes": asked.optimize_minutes is not None,
        "--adaround": asked.adaround,
    }
    for option, given in about_any.items():
        if given and not written:
            raise UserError(
                f"{option}: no .tflite is to be written; leave it out, or write one with --formats tflite"
            )
    for option, given in about_int8.items():
        if given and not set(written) & set(INT8_ACTIVATIONS):
            raise UserError(
                f"{option}: no .tflite with int8 activations is to be written; leave it out, or write one "
                "with --formats tflite --precision int8"
            )
