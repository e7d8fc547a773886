"""Where Core ML means to run a package's operators, from its compute plan.

Core ML makes that plan on Apple's systems only. This was written after coremltools' documentation and tested
with a double of the plan; no Mac has run it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

UNKNOWN = "units that Core ML chooses"

_UNITS = {
    "MLNeuralEngineComputeDevice": "Neural Engine",
    "MLGPUComputeDevice": "GPU",
    "MLCPUComputeDevice": "CPU",
}


def planned_units(compiled: str) -> str:
    """The units that Core ML prefers for a compiled model's operators, such as "Neural Engine 90, CPU 3".

    Args:
        compiled: the .mlmodelc folder that loading a package makes.
    """
    from coremltools.models.compute_plan import MLComputePlan

    try:
        return units_of(MLComputePlan.load_from_path(compiled))
    except Exception:  # coremltools raises plain ones, and systems before macOS 14.4 have no plans
        return UNKNOWN


def units_of(plan: Any) -> str:
    """How many operators of the main function go to each unit, by coremltools' `MLComputePlan`."""
    operations = plan.model_structure.program.functions["main"].block.operations
    usages = map(plan.get_compute_device_usage_for_mlprogram_operation, operations)
    # Constants run nowhere and have no usage.
    found = Counter(type(one.preferred_compute_device).__name__ for one in usages if one is not None)
    named = [f"{unit} {found[device]}" for device, unit in _UNITS.items() if found[device]]
    return ", ".join(named) or UNKNOWN
