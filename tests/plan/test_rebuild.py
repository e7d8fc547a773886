from pathlib import Path

from ca_deploy.plan import Options, rebuild
from ca_deploy.published import Published
from ca_deploy.recipe import Recipe


def test_an_earlier_export_s_choices_are_taken_and_can_be_taken_back():
    manifest = {
        "network": {"factory": "m:n"},
        "calibration": {"images": "noise"},
        "targets": ["android"],
        "optimize": "fast",
        "seed": 3,
        "min_runtime": "2.14",
        "float_gates": True,
        "keep_float": ["conv"],
        "batch": 2,
    }
    earlier = Published(Path("build/mine"), manifest, Recipe(name="mine", folder=Path()))
    same = rebuild(earlier, Options())
    assert (same.keep_float, same.float_gates, same.min_runtime) == (("conv",), True, "2.14")
    assert (same.seed, same.optimize, same.out) == (3, "fast", Path("build/mine"))
    assert same.batch == 2
    back = rebuild(earlier, Options(keep_float=["none"], float_gates=False, seed=0))
    assert (back.keep_float, back.float_gates, back.seed) == ((), False, 0)
