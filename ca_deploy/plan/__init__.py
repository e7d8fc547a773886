"""What one export will do: a user's options, resolved against the recipe before any long work.

`options` (as the user gave them) become a `plan` by `resolve` (a new export) or `rebuild` (an earlier one,
taken up again). Both end in `assemble` and `checks`.
"""

from ca_deploy.plan.assemble import SHIPPED_IMAGES
from ca_deploy.plan.options import OPTIMIZE, RANGES, Choices, Options
from ca_deploy.plan.pixels import check_pixels
from ca_deploy.plan.plan import Plan
from ca_deploy.plan.rebuild import rebuild
from ca_deploy.plan.resolve import resolve
from ca_deploy.plan.tuning import TuningPlan

__all__ = [
    "OPTIMIZE",
    "RANGES",
    "SHIPPED_IMAGES",
    "Choices",
    "Options",
    "Plan",
    "TuningPlan",
    "check_pixels",
    "rebuild",
    "resolve",
]
