"""Which operators of the file an operator of the runtime stands for.

XNNPACK runs a partition in the file's order and names its operators in its own way. It folds some of the
file's operators into others (a PAD into the convolution behind it, x * relu6(x + 3) into one table), so that
the two lists are aligned: each of its operators takes the next of the file that its name fits, and what is
passed over was folded into it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ca_deploy.bench.profile.times import OperatorTimes
from ca_deploy.runtimes.litert import Node

# Those that XNNPACK also puts in itself: behind a mean, before a convolution that quantizes its own input.
_ALSO_ITS_OWN = {
    "Static Reshape": frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}),
    "Convert": frozenset({"QUANTIZE", "DEQUANTIZE"}),
}

# The beginning of XNNPACK's names (xnn_operator_type_to_string), and the file's operators that they run.
_RUN_BY: tuple[tuple[str, frozenset[str]], ...] = (
    ("Convolution (NHWC, QC8) DWConv", frozenset({"DEPTHWISE_CONV_2D"})),
    ("Convolution (NHWC, F32) DWConv", frozenset({"DEPTHWISE_CONV_2D"})),
    ("Convolution", frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})),
    ("Fully Connected", frozenset({"CONV_2D", "FULLY_CONNECTED"})),
    ("Mean", frozenset({"MEAN", "AVERAGE_POOL_2D"})),
    ("Max", frozenset({"REDUCE_MAX", "MAX_POOL_2D", "MAXIMUM"})),
    ("Sum", frozenset({"SUM"})),
    ("Multiply", frozenset({"MUL"})),
    ("Add", frozenset({"ADD"})),
    ("Subtract", frozenset({"SUB"})),
    ("Sigmoid", frozenset({"LOGISTIC"})),
    ("HardSwish", frozenset({"HARD_SWISH", "MUL"})),
    ("Invalid Unary Op", frozenset({"MUL", "HARD_SWISH", "LOGISTIC", "QUANTIZE"})),
    ("Concatenate", frozenset({"CONCATENATION"})),
    ("Even Split", frozenset({"SPLIT"})),
    ("Slice", frozenset({"SLICE", "STRIDED_SLICE"})),
    ("Transpose", frozenset({"TRANSPOSE"})),
    ("Constant Pad", frozenset({"PAD"})),
    ("Clamp", frozenset({"RELU", "RELU6", "MAXIMUM", "MINIMUM"})),
    *_ALSO_ITS_OWN.items(),
)


def attribute(operators: Sequence[OperatorTimes], nodes: Sequence[Node]) -> list[Node | None] | None:
    """The last of the file's operators that each of the runtime's runs; None when they do not align.

    What the runtime put in itself runs none of the file's.

    Args:
        operators: of the runtime, in the order in which they run.
        nodes: of the file, in its order.
    """
    found: list[Node | None] = []
    place = 0
    for operator in operators:
        if _is_its_own(operator, nodes[place:]):
            found.append(None)
            continue
        at = next((i for i in range(place, len(nodes)) if _fits(operator, nodes[i])), None)
        if at is None:
            return None
        found.append(nodes[at])
        place = at + 1
    return found


def _fits(operator: OperatorTimes, node: Node) -> bool:
    if operator.node is not None:
        return operator.node == node.index
    run = next((names for beginning, names in _RUN_BY if operator.name.startswith(beginning)), None)
    return run is None or node.operator in run


def _is_its_own(operator: OperatorTimes, nodes: Sequence[Node]) -> bool:
    """Whether the runtime put an operator in: the next one of the file is nothing that it could run."""
    run = next((names for start, names in _ALSO_ITS_OWN.items() if operator.name.startswith(start)), None)
    return run is not None and not (nodes and nodes[0].operator in run)
