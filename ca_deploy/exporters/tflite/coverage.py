"""How much of each operator is covered, as onnx's own cases show it, and the page that tells users.

`python -m ca_deploy.exporters.tflite.coverage > docs/operators.md` writes the page anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from fnmatch import fnmatch

from ca_deploy.exporters.tflite.ops import LOWERINGS

EVERY = "every operator"
FUNCTIONS = "operators that ONNX defines by those that are lowered"
_TYPES = "element types other than float32, int32, int64 and bool"
_AXES = "other than two spatial axes"
_TRAINING = "training mode; export the network in eval mode"

EXCLUSIONS: dict[str, dict[str, str]] = {
    EVERY: dict.fromkeys(("*int8*", "*int16*", "*uint32*", "*uint64*", "*float16*", "*_string*"), _TYPES)
    | dict.fromkeys(("*_empty_set*", "*_zero_size_*"), "axes of length 0"),
    FUNCTIONS: {
        "test_castlike_*": _TYPES,
        "*_fp16_*": _TYPES,
        "*_double_*": _TYPES,
        "test_causal_conv_*": _AXES,
        "test_center_crop_pad_*": "pads that depend on an input",
    },
    "ArgMax": {"*_select_last_index*": "`select_last_index`"},
    "ArgMin": {"*_select_last_index*": "`select_last_index`"},
    "AveragePool": {"*_1d_*": _AXES, "*_3d_*": _AXES, "*_2d_dilations": "dilations"},
    "BatchNormalization": {"*_training_mode": _TRAINING},
    "Cast": {"*FLOAT16*": _TYPES, "*FLOAT8*": _TYPES, "*FLOAT4*": _TYPES, "*INT4*": _TYPES, "*INT2*": _TYPES}
    | {"*_FLOAT_to_DOUBLE": _TYPES},
    "ConvTranspose": {"*_1d": _AXES, "*_3d": _AXES},
    "Dropout": {"*_mask*": "the mask as an output", "test_training_*": _TRAINING},
    "Einsum": dict.fromkeys(
        ("*_diagonal", "*_inner_prod", "*_scalar"), "fewer than two labels, or a repeated one"
    ),
    "GatherND": {"*_batch_dim1": "`batch_dims`"},
    "Identity": dict.fromkeys(("*_sequence", "*_opt"), "sequences and optional values"),
    "MaxPool": {"*_1d_*": _AXES, "*_3d_*": _AXES, "*_2d_dilations": "dilations"}
    | {"*_with_argmax_*": "the indices as an output"},
    "Mod": {"*_fmod": "`fmod`", "*_mixed_sign_float32": "`fmod`", "*_mixed_sign_float64": "`fmod`"},
    "Pow": {"*_int64_*": "int64 as the base"},
    "ReduceMax": {"*_bool_*": "bool"},
    "ReduceMin": {"*_bool_*": "bool"},
    "Reshape": {"*_allowzero_*": "axes of length 0"},
    "Resize": {
        "*_cubic*": "cubic interpolation",
        "*_antialias*": "`antialias`",
        "*_not_larger": "`keep_aspect_ratio_policy`",
        "*_not_smaller": "`keep_aspect_ratio_policy`",
        "*_tf_crop_and_resize*": "`tf_crop_and_resize`",
        "*_linear_half_pixel_symmetric": "linear to a size that is not whole",
        "test_resize_downsample_scales_linear": "linear to a size that is not whole",
        "*_sizes_linear_pytorch_half_pixel": "linear by `pytorch_half_pixel` to one row or column",
        "*_downsample_scales_linear_align_corners": "with `align_corners` it is rounded, as by PyTorch",
    },
    "Shape": {"*_start_greater_than_end": "axes of length 0"},
    "Slice": {"*_start_out_of_bounds": "axes of length 0"},
}
"""ONNX operator → name or pattern of cases in `onnx.backend.test.case.node` → what is not covered."""

INTRODUCTION = """\
# Operators

These ONNX operators are lowered to TFLite, each by one function in `ca_deploy/exporters/tflite/ops/`. onnx's
own cases for them run through the converter and LiteRT in the tests, but for what the last column names. What
a lowering cannot express exactly stops the export; the error names each such operator and the module of your
network that it came from. Parameters (weights, shapes, axes, pads) must be constant.

Feature maps are NHWC in the file: graph inputs and outputs with four axes, and the tensors between them.
Inputs and outputs with another number of axes keep ONNX's order. Transposes of the ONNX graph only relabel
axes; a `TRANSPOSE` is written where an operator needs axes side by side that are not.

This page is written by `python -m ca_deploy.exporters.tflite.coverage > docs/operators.md`.
"""


def excluded(operator: str, case: str) -> str | None:
    """Say why one of onnx's cases is not covered; None if it is."""
    patterns = EXCLUSIONS[EVERY] | EXCLUSIONS.get(operator, {})
    return next((reason for pattern, reason in patterns.items() if fnmatch(case, pattern)), None)


def page() -> str:
    """Write docs/operators.md."""
    rows = [
        f"| {operator} | {_form(operator)} | {_reasons(EXCLUSIONS.get(operator, {}).values())} |"
        for operator in sorted(LOWERINGS)
    ]
    table = "\n".join(["| ONNX | TFLite | not covered |", "| --- | --- | --- |", *rows])
    everywhere = _reasons(EXCLUSIONS[EVERY].values())
    return f"{INTRODUCTION}\nNot covered in any of the {len(rows)} operators: {everywhere}.\n\n{table}\n"


def _form(operator: str) -> str:
    """Take what the lowering says about itself."""
    return (LOWERINGS[operator].__doc__ or "").splitlines()[0].rstrip(".")


def _reasons(reasons: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(reasons))


if __name__ == "__main__":
    sys.stdout.write(page())
